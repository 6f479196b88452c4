//! Faults in `pass` and the files it is made of, each found by one dispatch of it.
//!
//! A software adapter compiles this kernel for ten seconds. So those of a list are planted into one text, each behind a
//! switch in the uniform, and looked at one after the other.

use crate::alone::{PassCase, Ready};
use crate::faults::{Fault, Setting, fault};

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
fn in_plain(_: &str) -> Vec<Setting> {
    one(PassCase {
        shift: 0,
        dropout: 0.0,
        ..usual()
    })
}

/// The middle third of a set.
fn in_part(_: &str) -> Vec<Setting> {
    one(PassCase {
        part: (1, 3),
        ..usual().of(65)
    })
}

fn in_evaluation(_: &str) -> Vec<Setting> {
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

const fn pass(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Fault {
    on(in_usual, name, edits)
}

const fn on(
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
            ("vec4<i32>(«shifts[e].y»)", "shifts[e].x"),
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
        &[("«inside(column) & inside(from_column)»", "inside(column)")],
    ),
    pass(
        "pass_odd_columns_as_even_ones",
        &[("«vec4<u32>(a.y, b, c.x)»", "vec4<u32>(a, b)")],
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
        &[("x_at(«STRIDE * row + 3u»", "row + 3u")],
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

/// Back to H1, and the shares that each tile adds to.
pub const BACKWARD: &[Fault] = &[
    pass(
        "pass_d_h3_slope_left_out",
        &[("«sum * slope(tile[h3_at(unit_quad, e)])»", "sum")],
    ),
    pass(
        "pass_d_h2_slope_left_out",
        &[(
            "«sum * factor * slope(value / run.kept_factor)»",
            "sum * factor",
        )],
    ),
    pass(
        "pass_d_h2_factor_left_out",
        &[(
            "«sum * factor * slope(value / run.kept_factor)»",
            "sum * slope(value / run.kept_factor)",
        )],
    ),
    on(
        in_plain,
        "pass_d_h2_slope_left_out_without_dropout",
        &[("tile[p] = «sum * slope(value)»;", "sum")],
    ),
    pass(
        "pass_d_h1_slope_left_out",
        &[("«sums.odd[3] * slope(tile[p + 7u * TILE])»", "sums.odd[3]")],
    ),
    pass(
        "pass_d_h1_taps_swapped",
        &[("«d1 * w0 + d0 * w2», d2", "d1 * w2 + d0 * w0")],
    ),
    pass(
        "pass_d_h1_halves_swapped",
        &[("«seer % 2u», kr", "1u - seer % 2u")],
    ),
    pass(
        "pass_d_h1_one_seer",
        &[("«which < 2u»; which++", "which < 1u")],
    ),
    pass(
        "pass_d_h1_no_end",
        &[(
            "«(padded_row - kr) / STRIDE >= H2_SIDE»",
            "(padded_row - kr) / STRIDE > H2_SIDE",
        )],
    ),
    pass(
        "pass_h3_far_without_gap",
        &[(
            "tile[p + «FAR»]",
            "(H3_INPUT_QUADS / H3_BLOCKS_A_LANE) * TILE",
        )],
    ),
    pass(
        "pass_h3_block_stored_twice",
        &[("«p + 2u * H3_LANES * 4u»", "p + H3_LANES * 4u")],
    ),
    pass(
        "pass_biases_swapped",
        &[(
            "«select(d_h3_at(quad, 0u), d_out_at(quad, 0u), of_out)»",
            "select(d_out_at(quad, 0u), d_h3_at(quad, 0u), of_out)",
        )],
    ),
    pass(
        "pass_out_transposed",
        &[
            (
                "outer(«tile[d_out_at(class_quad, e)]», tile[h3",
                "tile[h3_at(unit_quad, e)]",
            ),
            (
                "«tile[h3_at(unit_quad, e)]»);\n        }\n        let w",
                "tile[d_out_at(class_quad, e)]",
            ),
        ],
    ),
];

/// The sums that stay in registers, over tiles, workgroups and parts of a set.
pub const SUMS: &[Fault] = &[
    pass(
        "pass_h2_edge_is_zero_backward",
        &[(
            "let edge = «vec4<f32>(PADDING_VALUE)»;\n        for",
            "vec4<f32>(0.0)",
        )],
    ),
    pass(
        "pass_h2_positions_left_out",
        &[("i += «H2_GRADIENT_SPLITS»", "H2_GRADIENT_SPLITS + 1u")],
    ),
    pass(
        "pass_h2_biases_first_example_left_out",
        &[(
            "var e = «0u»; e < TILE; e++) {\n            sum += tile[h2_at(",
            "1u",
        )],
    ),
    pass(
        "pass_h1_window_stands_still",
        &[(
            "b = tile[p + «(2u * half + 3u) * TILE»]",
            "(2u * half + 2u) * TILE",
        )],
    ),
    pass(
        "pass_h1_biases_transposed",
        &[
            (
                "«(position / H1_SIDE) % H1_SIDE», position",
                "position % H1_SIDE",
            ),
            (
                ", «position % H1_SIDE», 0u",
                "(position / H1_SIDE) % H1_SIDE",
            ),
        ],
    ),
    pass(
        "pass_h2_split_left_out",
        &[(
            "«split < H2_GRADIENT_SPLITS»; split++",
            "split + 1u < H2_GRADIENT_SPLITS",
        )],
    ),
    pass(
        "pass_h1_split_left_out",
        &[(
            "«split < H1_GRADIENT_SPLITS»; split++",
            "split + 1u < H1_GRADIENT_SPLITS",
        )],
    ),
    pass(
        "pass_splits_replace_each_other",
        &[("«select(tile[p] + value, value, split == 0u)»", "value")],
    ),
    pass(
        "pass_first_tile_inverted",
        &[("if («first_tile») {", "!first_tile")],
    ),
    pass(
        "pass_every_tile_is_the_first",
        &[("first_tile = «false»;", "true")],
    ),
    pass(
        "pass_tiles_of_others",
        &[("first += «workgroups.x * TILE»", "TILE")],
    ),
    on(
        in_part,
        "pass_rows_of_another_part",
        &[("(«run.first_row + group»)", "group")],
    ),
    on(
        in_evaluation,
        "pass_sums_without_learning",
        &[("if («run.learn == 1u») {\n        store_sums", "true")],
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
