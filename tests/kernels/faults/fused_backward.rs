//! Faults in the backward half of `forward_backward`, and in its sums.

use crate::faults::Fault;
use crate::faults::forward_backward::{fused, in_evaluation, in_plain, in_shard, on};

/// Back to H1, and the sums that each tile adds to.
pub const BACKWARD: &[Fault] = &[
    fused(
        "forward_backward_d_h3_slope_left_out",
        &[("«sum * slope(tile[h3_at(unit_quad, e)])»", "sum")],
    ),
    fused(
        "forward_backward_d_h2_slope_left_out",
        &[(
            "«sum * factor * slope(value / params.kept_factor)»",
            "sum * factor",
        )],
    ),
    fused(
        "forward_backward_d_h2_factor_left_out",
        &[(
            "«sum * factor * slope(value / params.kept_factor)»",
            "sum * slope(value / params.kept_factor)",
        )],
    ),
    on(
        in_plain,
        "forward_backward_d_h2_slope_left_out_without_dropout",
        &[("tile[p] = «sum * slope(value)»;", "sum")],
    ),
    fused(
        "forward_backward_d_h1_slope_left_out",
        &[("«sums[3] * slope(tile[p + 6u * TILE])»", "sums[3]")],
    ),
    fused(
        "forward_backward_d_h1_taps_swapped",
        &[
            ("first = transpose(block(«w»))", "w + 8u"),
            ("second = transpose(block(«w + 8u»))", "w"),
        ],
    ),
    fused(
        "forward_backward_d_h1_halves_swapped",
        &[("«seer % 2u», kr", "1u - seer % 2u")],
    ),
    fused(
        "forward_backward_d_h1_one_seer",
        &[("«which < 2u»; which++", "which < 1u")],
    ),
    fused(
        "forward_backward_d_h1_odd_units_by_even_taps",
        &[("kr * KERNEL) + «4u * odd»", "0u")],
    ),
    fused(
        "forward_backward_d_h1_even_units_without_the_last_tap",
        &[("if («odd == 0u») {", "false")],
    ),
    fused(
        "forward_backward_d_h1_no_end",
        &[(
            "«(padded_row - kr) / STRIDE >= H2_SIDE»",
            "(padded_row - kr) / STRIDE > H2_SIDE",
        )],
    ),
    fused(
        "forward_backward_h3_far_without_gap",
        &[(
            "tile[p + «FAR»]",
            "(H3_INPUT_QUADS / H3_BLOCKS_PER_LANE) * TILE",
        )],
    ),
    fused(
        "forward_backward_h3_block_stored_twice",
        &[("«p + 2u * H3_LANES * 4u»", "p + H3_LANES * 4u")],
    ),
    fused(
        "forward_backward_biases_swapped",
        &[(
            "«select(d_h3_at(quad, 0u), d_out_at(quad, 0u), of_out)»",
            "select(d_out_at(quad, 0u), d_h3_at(quad, 0u), of_out)",
        )],
    ),
    fused(
        "forward_backward_out_transposed",
        &[
            (
                "add_outer(sum, «tile[d_out_at(class_quad, e)]», tile[h3",
                "tile[h3_at(unit_quad, e)]",
            ),
            (
                "«tile[h3_at(unit_quad, e)]»);\n        }\n        let w",
                "tile[d_out_at(class_quad, e)]",
            ),
        ],
    ),
];

/// The sums that stay in registers, over tiles, workgroups and shards of a set.
pub const SUMS: &[Fault] = &[
    fused(
        "forward_backward_h2_edge_is_zero_backward",
        &[(
            "add_pair(sum, above, «vec4<f32>(PADDING_VALUE)»)",
            "vec4<f32>(0.0)",
        )],
    ),
    fused(
        "forward_backward_h2_edges_swapped_backward",
        &[
            ("add_edge(d_h2w[1], «left»)", "right"),
            ("add_edge(d_h2w[4], «right»)", "left"),
        ],
    ),
    fused(
        "forward_backward_h2_first_two_maps_twice",
        &[("let second = «lane % 2u == 1u»;", "false")],
    ),
    fused(
        "forward_backward_h2_stored_transposed",
        &[(
            "tile[p + 1u][source], «tile[p + 2u][source]»",
            "tile[p + source].z",
        )],
    ),
    fused(
        "forward_backward_h2_positions_left_out",
        &[("i += «H2_GRADIENT_SPLITS»", "H2_GRADIENT_SPLITS + 1u")],
    ),
    fused(
        "forward_backward_h2_biases_first_example_left_out",
        &[(
            "var e = «0u»; e < TILE; e++) {\n            sum += tile[h2_at(",
            "1u",
        )],
    ),
    fused(
        "forward_backward_h1_window_stands_still",
        &[(
            "b = tile[p + «(2u * half + 3u) * TILE»]",
            "(2u * half + 2u) * TILE",
        )],
    ),
    fused(
        "forward_backward_h1_biases_transposed",
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
    fused(
        "forward_backward_h2_split_left_out",
        &[(
            "«split < H2_GRADIENT_SPLITS»; split++",
            "split + 1u < H2_GRADIENT_SPLITS",
        )],
    ),
    fused(
        "forward_backward_h1_split_left_out",
        &[(
            "«split < H1_GRADIENT_SPLITS»; split++",
            "split + 1u < H1_GRADIENT_SPLITS",
        )],
    ),
    fused(
        "forward_backward_splits_replace_each_other",
        &[("«select(tile[p] + value, value, split == 0u)»", "value")],
    ),
    fused(
        "forward_backward_first_tile_inverted",
        &[("if («first_tile») {", "!first_tile")],
    ),
    fused(
        "forward_backward_every_tile_is_the_first",
        &[("first_tile = «false»;", "true")],
    ),
    fused(
        "forward_backward_tiles_of_others",
        &[("first += «workgroups.x * TILE»", "TILE")],
    ),
    on(
        in_shard,
        "forward_backward_rows_of_another_shard",
        &[("(«params.first_row + group»)", "group")],
    ),
    on(
        in_evaluation,
        "forward_backward_sums_without_learning",
        &[(
            "if («params.compute_gradient == 1u») {\n        store_sums",
            "true",
        )],
    ),
];
