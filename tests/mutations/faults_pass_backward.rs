//! Faults in `pass` on the way back, and in its sums: see `faults_pass`.

use crate::faults::Fault;
use crate::faults_pass::{in_evaluation, in_part, in_plain, on, pass};

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
