//! Faults in `pass` and the files it is made of, each found by one dispatch of it.
//!
//! A software adapter compiles this kernel for ten seconds. So those of a list are planted into one text, each behind a
//! switch in the uniform, and looked at one after the other.

use crate::alone::{PassCase, Ready};
use crate::faults::{Fault, Setting, fault};
use crate::faults_pass_backward::{BACKWARD, SUMS};

/// Eight tiles for three workgroups, in the last of them a single example.
fn usual() -> PassCase {
    let mut case = PassCase::default().of(29);
    case.tiling.groups = 3;
    case
}

fn one(case: PassCase) -> Vec<Setting> {
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
    one(PassCase {
        shift: 0,
        dropout: 0.0,
        ..usual()
    })
}

/// The middle third of a set.
pub fn in_part(_: &str) -> Vec<Setting> {
    one(PassCase {
        part: (1, 3),
        ..usual().of(65)
    })
}

pub fn in_evaluation(_: &str) -> Vec<Setting> {
    one(PassCase {
        learn: false,
        ..usual()
    })
}

fn in_reread(_: &str) -> Vec<Setting> {
    let mut case = usual();
    case.tiling.keep_x = false;
    one(case)
}

pub const fn pass(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Fault {
    on(in_usual, name, edits)
}

pub const fn on(
    settings: fn(&'static str) -> Vec<Setting>,
    name: &'static str,
    edits: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault {
        settings,
        ..fault(name, "pass", edits)
    }
}

/// From the codes to H1.
pub const FROM_CODES: &[Fault] = &[
    pass(
        "pass_shift_flipped",
        &[("«row - shifts[e].x»", "row + shifts[e].x")],
    ),
    pass(
        "pass_shift_axes_swapped",
        &[
            ("«row - shifts[e].x»", "row - shifts[e].y"),
            ("-i32(PADDING) - «shifts[e].y»", "shifts[e].x"),
        ],
    ),
    pass(
        "pass_shift_reaches_into_padding",
        &[(
            "«row >= 0 && row < i32(SIDE) && from_row == near»",
            "from_row == near",
        )],
    ),
    pass(
        "pass_columns_wrap_around",
        &[(
            "«(sources >= zero) & (sources < side)»",
            "(columns >= zero) & (columns < side)",
        )],
    ),
    pass(
        "pass_odd_columns_as_even_ones",
        &[(
            "«vec4<f32>(before.y, middle, after.x)»",
            "vec4<f32>(before, middle)",
        )],
    ),
    pass(
        "pass_words_not_handed_on",
        &[("before = «after»;", "middle")],
    ),
    pass(
        "pass_padding_is_zero",
        &[(
            "select(«vec4<f32>(PADDING_VALUE)», values",
            "vec4<f32>(0.0)",
        )],
    ),
    on(
        in_part,
        "pass_shifts_of_the_set_for_a_part",
        &[(
            "draw_shift(progress[STEP], «run.first + first + e»",
            "first + e",
        )],
    ),
    pass(
        "pass_shift_of_the_slot",
        &[("draw_shift(«progress[STEP]»", "progress[SLOT]")],
    ),
    pass(
        "pass_h1_column_stride",
        &[(
            "«w0 * a.z + w1 * a.w + w2 * b.x + w3 * b.y + w4 * b.z»",
            "w0 * a.y + w1 * a.z + w2 * a.w + w3 * b.x + w4 * b.y",
        )],
    ),
    pass(
        "pass_h1_row_stride",
        &[("x_at(«STRIDE * row + kr», 2u", "row + kr")],
    ),
    pass(
        "pass_h1_one_kernel_row",
        &[("PACKED_H1W + «kr * KERNEL»", "0u")],
    ),
    pass(
        "pass_h1_biases_shared_by_rows",
        &[(
            "«PACKED_H1B + quad * H1_AREA + row * H1_SIDE + column»",
            "PACKED_H1B + quad * H1_AREA + column",
        )],
    ),
    on(
        in_part,
        "pass_now_by_every_part",
        &[("«run.first == 0u» &&", "true")],
    ),
];

/// From H1 to the losses.
pub const FORWARD: &[Fault] = &[
    pass(
        "pass_h1_row_padding_is_zero",
        &[(
            "let edge = «vec4<f32>(PADDING_VALUE)»;\n    var row",
            "vec4<f32>(0.0)",
        )],
    ),
    pass(
        "pass_h2_edge_is_zero",
        &[(
            "let edge = «vec4<f32>(PADDING_VALUE)»;\n    return mat4x4",
            "vec4<f32>(0.0)",
        )],
    ),
    pass(
        "pass_h2_halves_swapped",
        &[("h2_block(quad, «half», kr * KERNEL)", "1u - half")],
    ),
    pass(
        "pass_h2_row_stride",
        &[(
            "padded_h1_row(below, «STRIDE * row + kr», pair)",
            "row + kr",
        )],
    ),
    pass(
        "pass_h2_own_sum_given_away",
        &[("if («half == 1u») {\n        mine", "half == 0u")],
    ),
    pass(
        "pass_h2_given_to_itself",
        &[("pair + PAIRS * («1u - half»)", "half")],
    ),
    pass(
        "pass_kept_bits_shifted",
        &[("<< («4u * column»);", "3u * column")],
    ),
    pass(
        "pass_kept_columns_reversed",
        &[("bits >> («4u * column»)", "4u * (3u - column)")],
    ),
    on(
        in_part,
        "pass_dropout_of_the_set_for_a_part",
        &[("let example = «run.first + first + e»;", "first + e")],
    ),
    pass(
        "pass_dropout_of_the_slot",
        &[("kept_bits(«progress[STEP]»", "progress[SLOT]")],
    ),
    pass(
        "pass_h3_split_left_out",
        &[("«split < H3_SPLITS»; split++", "split + 1u < H3_SPLITS")],
    ),
    pass(
        "pass_h3_bias_left_out",
        &[(
            "var sum = «weights[PACKED_H3B + unit_quad]»",
            "vec4<f32>(0.0)",
        )],
    ),
    pass(
        "pass_out_last_units_left_out",
        &[(
            "«unit_quad < H3_QUADS»; unit_quad++) {\n            sum += block",
            "unit_quad + 1u < H3_QUADS",
        )],
    ),
    pass(
        "pass_label_of_the_next",
        &[("labels[min(«example», run", "example + 1u")],
    ),
    pass(
        "pass_examples_behind_the_last_count",
        &[("if («!here») {", "false")],
    ),
    pass(
        "pass_loss_counted_twice",
        &[
            ("if («unit_quad == 0u») {", "unit_quad < 2u"),
            (
                "(var other = 0u; «other < TILE»; other++",
                "other < 2u * TILE",
            ),
        ],
    ),
    pass(
        "pass_losses_of_every_other",
        &[("sum += tile[«other»]", "other / 2u")],
    ),
];

/// What shows with tanh only.
pub const WITH_TANH: &[Fault] = &[
    on(
        in_tanh,
        "pass_out_not_saturated",
        &[("sum = «bounded_tanh(sum)»;", "sum")],
    ),
    on(
        in_tanh,
        "pass_d_h2_slope_of_the_scaled",
        &[("slope(«value / run.kept_factor»)", "value")],
    ),
];

/// Faults in constants, which no switch reaches, and one of another shape: a pipeline each.
pub const ALONE: &[Fault] = &[
    pass(
        "pass_rows_overlap",
        &[("H1_SIDE * TILE + 1u", "H1_SIDE * TILE - 1u")],
    ),
    pass(
        "pass_units_overlap",
        &[(
            "const APART: u32 = TILE + 1u",
            "const APART: u32 = TILE - 1u",
        )],
    ),
    pass(
        "pass_kept_images_overwritten",
        &[("select(BEHIND_H1, BEHIND_H3_SUMS, KEEP_X)", "BEHIND_H1")],
    ),
    on(
        in_reread,
        "pass_images_not_read_again",
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
