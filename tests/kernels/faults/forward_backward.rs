//! Faults in `forward_backward` and its parts, each found by one dispatch of it.
//!
//! A software adapter compiles this kernel for ten seconds. So those of a list are planted into one text, each with a
//! switch in the uniform, and checked one after the other.

use crate::alone::{ForwardBackwardCase, Ready};
use crate::faults::fused_backward::{BACKWARD, SUMS};
use crate::faults::{Fault, Setting, fault};

/// Eight tiles for three workgroups, in the last of them a single example.
fn usual() -> ForwardBackwardCase {
    let mut case = ForwardBackwardCase::default().of(29);
    case.tiling.groups = 3;
    case
}

fn one(case: ForwardBackwardCase) -> Vec<Setting> {
    vec![Box::new(move || -> Ready { case.ready() })]
}

fn in_usual(_: &str) -> Vec<Setting> {
    one(usual())
}

fn in_tanh(_: &str) -> Vec<Setting> {
    one(usual().with_tanh())
}

/// Neither shifts nor dropout.
pub fn in_plain(_: &str) -> Vec<Setting> {
    one(ForwardBackwardCase {
        shift: 0,
        dropout: 0.0,
        ..usual()
    })
}

/// The middle third of a set.
pub fn in_shard(_: &str) -> Vec<Setting> {
    one(ForwardBackwardCase {
        shard: (1, 3),
        ..usual().of(65)
    })
}

pub fn in_evaluation(_: &str) -> Vec<Setting> {
    one(ForwardBackwardCase {
        compute_gradient: false,
        ..usual()
    })
}

fn in_reread(_: &str) -> Vec<Setting> {
    let mut case = usual();
    case.tiling.keep_x = false;
    one(case)
}

pub const fn fused(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Fault {
    on(in_usual, name, edits)
}

pub const fn on(
    settings: fn(&'static str) -> Vec<Setting>,
    name: &'static str,
    edits: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault {
        settings,
        ..fault(name, "forward_backward", edits)
    }
}

/// From the codes to H1.
pub const FROM_CODES: &[Fault] = &[
    fused(
        "forward_backward_shift_flipped",
        &[("«row - shifts[e].x»", "row + shifts[e].x")],
    ),
    fused(
        "forward_backward_shift_axes_swapped",
        &[
            ("«row - shifts[e].x»", "row - shifts[e].y"),
            ("-i32(PADDING) - «shifts[e].y»", "shifts[e].x"),
        ],
    ),
    fused(
        "forward_backward_shift_reaches_into_padding",
        &[(
            "«row >= 0 && row < i32(SIDE) && from_row == near»",
            "from_row == near",
        )],
    ),
    fused(
        "forward_backward_columns_wrap_around",
        &[(
            "«(sources >= zero) & (sources < side)»",
            "(columns >= zero) & (columns < side)",
        )],
    ),
    fused(
        "forward_backward_odd_columns_as_even_ones",
        &[(
            "«vec4<f32>(before.y, middle, after.x)»",
            "vec4<f32>(before, middle)",
        )],
    ),
    fused(
        "forward_backward_words_not_handed_on",
        &[("before = «after»;", "middle")],
    ),
    fused(
        "forward_backward_padding_is_zero",
        &[(
            "select(«vec4<f32>(PADDING_VALUE)», values",
            "vec4<f32>(0.0)",
        )],
    ),
    on(
        in_shard,
        "forward_backward_shifts_of_the_set_for_a_shard",
        &[(
            "draw_shift(progress[STEP], «params.first + first + e»",
            "first + e",
        )],
    ),
    fused(
        "forward_backward_shift_of_the_slot",
        &[("draw_shift(«progress[STEP]»", "progress[SLOT]")],
    ),
    fused(
        "forward_backward_h1_column_stride",
        &[("vec4<f32>(«a.zw», b.xy), b.z", "a.yz")],
    ),
    fused(
        "forward_backward_h1_row_stride",
        &[("x_at(«STRIDE * row + kr», 2u", "row + kr")],
    ),
    fused(
        "forward_backward_h1_one_kernel_row",
        &[("PACKED_H1W + «kr * KERNEL»", "0u")],
    ),
    fused(
        "forward_backward_h1_biases_shared_by_rows",
        &[(
            "«PACKED_H1B + quad * H1_AREA + row * H1_SIDE + column»",
            "PACKED_H1B + quad * H1_AREA + column",
        )],
    ),
    on(
        in_shard,
        "forward_backward_step_state_by_every_shard",
        &[("«params.first == 0u» &&", "true")],
    ),
];

/// From H1 to the losses.
pub const FORWARD: &[Fault] = &[
    fused(
        "forward_backward_h1_row_padding_is_zero",
        &[(
            "tile[EDGE_START + i] = «vec4<f32>(PADDING_VALUE)»",
            "vec4<f32>(0.0)",
        )],
    ),
    fused(
        "forward_backward_h2_edge_is_zero",
        &[("edges[task] = «PADDING_VALUE * sum»", "0.0 * sum")],
    ),
    fused(
        "forward_backward_h2_left_edge_as_the_right",
        &[("select(first + second, first, «right == 1u»)", "true")],
    ),
    fused(
        "forward_backward_h2_edges_of_the_first_maps",
        &[("edges[«(2u * quad + half) * 2u»]", "half * 2u")],
    ),
    fused(
        "forward_backward_h2_halves_swapped",
        &[("h2_block(quad, «half», kr * KERNEL)", "1u - half")],
    ),
    fused(
        "forward_backward_h2_row_stride",
        &[("padded_h1_at(below, «STRIDE * row + kr», pair)", "row + kr")],
    ),
    fused(
        "forward_backward_h2_own_sum_given_away",
        &[("if («half == 1u») {\n        mine", "half == 0u")],
    ),
    fused(
        "forward_backward_h2_given_to_itself",
        &[("pair + PAIRS * («1u - half»)", "half")],
    ),
    fused(
        "forward_backward_kept_bits_shifted",
        &[("<< («4u * column»);", "3u * column")],
    ),
    fused(
        "forward_backward_kept_columns_reversed",
        &[("bits >> («4u * column»)", "4u * (3u - column)")],
    ),
    on(
        in_shard,
        "forward_backward_dropout_of_the_set_for_a_shard",
        &[("let example = «params.first + first + e»;", "first + e")],
    ),
    fused(
        "forward_backward_dropout_of_the_slot",
        &[("kept_bits(«progress[STEP]»", "progress[SLOT]")],
    ),
    fused(
        "forward_backward_h3_split_left_out",
        &[("«split < H3_SPLITS»; split++", "split + 1u < H3_SPLITS")],
    ),
    fused(
        "forward_backward_h3_bias_left_out",
        &[(
            "var sum = «weights[PACKED_H3B + unit_quad]»",
            "vec4<f32>(0.0)",
        )],
    ),
    fused(
        "forward_backward_out_last_units_left_out",
        &[(
            "«unit_quad < H3_QUADS»; unit_quad++) {\n            sum = add_product(sum, block",
            "unit_quad + 1u < H3_QUADS",
        )],
    ),
    fused(
        "forward_backward_label_of_the_next",
        &[("labels[min(«example», params", "example + 1u")],
    ),
    fused(
        "forward_backward_examples_after_the_last_count",
        &[("if («!here») {", "false")],
    ),
    fused(
        "forward_backward_loss_counted_twice",
        &[
            ("if («unit_quad == 0u») {", "unit_quad < 2u"),
            (
                "(var other = 0u; «other < TILE»; other++",
                "other < 2u * TILE",
            ),
        ],
    ),
    fused(
        "forward_backward_losses_of_every_other",
        &[("sum += tile[«other»]", "other / 2u")],
    ),
];

/// Faults that show with tanh only.
pub const WITH_TANH: &[Fault] = &[
    on(
        in_tanh,
        "forward_backward_out_not_saturated",
        &[("sum = «bounded_tanh(sum)»;", "sum")],
    ),
    on(
        in_tanh,
        "forward_backward_d_h2_slope_of_the_scaled",
        &[("slope(«value / params.kept_factor»)", "value")],
    ),
];

/// Faults in offsets and constants, and one of another shape: a pipeline each.
pub const ALONE: &[Fault] = &[
    fused(
        "forward_backward_rows_overlap",
        &[(
            "quad * H1_QUAD + row * H1_ROW",
            "quad * H1_QUAD + row * (H1_ROW - 2u)",
        )],
    ),
    fused(
        "forward_backward_units_overlap",
        &[(
            "const UNIT_STRIDE: u32 = 5u;",
            "const UNIT_STRIDE: u32 = 3u;",
        )],
    ),
    fused(
        "forward_backward_kept_images_overwritten",
        &[("return X_START + row", "return H2_START + row")],
    ),
    on(
        in_reread,
        "forward_backward_images_not_read_again",
        &[("if (!KEEP_X) {", "if (KEEP_X) {")],
    ),
];

/// Lists whose faults share a text.
pub const TOGETHER: [(&str, &[Fault]); 5] = [
    ("from_codes", FROM_CODES),
    ("forward", FORWARD),
    ("backward", BACKWARD),
    ("sums", SUMS),
    ("with_tanh", WITH_TANH),
];
