//! Faults in the kernels of whitened Muon; `muon` has those in the iteration that `orthogonal` shares with it.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    // whiten: the row
    fault(
        "whiten_h2_of_one_group",
        "whiten",
        &[("let group = row / H2_GROUP_ROWS;", "let group = 0u * row;")],
    ),
    fault(
        "whiten_h3_as_rows",
        "whiten",
        &[(
            "H3W + row, H3_UNITS, H3B",
            "H3W + row * 4u * MAP_QUADS * H2_AREA, 1u, H3B",
        )],
    ),
    fault(
        "whiten_output_by_h3s_means",
        "whiten",
        &[("MEANS_OUT, WHITENING_OUT", "MEANS_H3, WHITENING_OUT")],
    ),
    fault(
        "whiten_h1_by_h2s_matrix",
        "whiten",
        &[("MEANS_H1, WHITENING_H1", "MEANS_H1, WHITENING_H2")],
    ),
    // the gradient by centred inputs
    fault(
        "whiten_last_position_left_out",
        "whiten",
        &[("lane < row.positions);", "lane + 1u < row.positions);")],
    ),
    fault(
        "whiten_one_bias_for_all_positions",
        "whiten",
        &[(
            "packed_index[row.biases + min(lane, row.positions - 1u)]",
            "packed_index[row.biases]",
        )],
    ),
    fault(
        "whiten_first_positions_mean_for_all",
        "whiten",
        &[(
            "row.mean + positions * row.inputs + input",
            "row.mean + 0u * positions + input",
        )],
    ),
    fault(
        "whiten_fourth_positions_for_the_third",
        "whiten",
        &[(
            "add_means(sum, row, input, first + 8u)",
            "add_means(sum, row, input, first + 12u)",
        )],
    ),
    fault(
        "whiten_means_added",
        "whiten",
        &[("of_weight - sum", "of_weight + sum")],
    ),
    fault(
        "whiten_places_ignored",
        "whiten",
        &[("let at = packed_index[place];", "let at = place;")],
    ),
    // the momentum
    fault(
        "whiten_moment_not_kept",
        "whiten",
        &[("first_moment[at] = moment;", "")],
    ),
    fault(
        "whiten_does_not_look_ahead",
        "whiten",
        &[(
            "ahead[lane] = params.momentum * moment + (1.0 - params.momentum) * g;",
            "ahead[lane] = moment;",
        )],
    ),
    // the product
    fault(
        "whiten_without_the_diagonal",
        "whiten",
        &[(
            "k == QUAD + first)",
            "(k == QUAD + first) & (k != vec4<u32>(lane)))",
        )],
    ),
    fault(
        "whiten_by_both_triangles",
        "whiten",
        &[
            (
                "min(QUAD + first, vec4<u32>(lane))",
                "min(QUAD + first, vec4<u32>(row.inputs - 1u))",
            ),
            ("first <= lane;", "first < row.inputs;"),
        ],
    ),
    fault(
        "whiten_fourth_terms_for_the_third",
        "whiten",
        &[(
            "add_ahead(product, row, lane, first + 8u)",
            "add_ahead(product, row, lane, first + 12u)",
        )],
    ),
    fault(
        "whiten_no_end",
        "whiten",
        &[("if (lane < row.inputs) {", "if (lane <= row.inputs) {")],
    ),
    barrier(
        "whiten_biases_barrier_dropped",
        "whiten",
        &[(
            "lane < row.positions);\n    workgroupBarrier();",
            "lane < row.positions);",
        )],
    ),
    barrier(
        "whiten_barrier_dropped",
        "whiten",
        &[("* g;\n    workgroupBarrier();", "* g;")],
    ),
    // orthogonal
    fault(
        "orthogonal_keeps_the_first_column",
        "orthogonal",
        &[(
            "let inside = is_inside(lane, shape, first);",
            "let inside = is_inside(lane, shape, first) & vec4<bool>(column_of(lane, first) > 0u);",
        )],
    ),
    fault(
        "orthogonal_no_end",
        "orthogonal",
        &[(
            "let inside = is_inside(lane, shape, first);",
            "let inside = (rows_of(lane) < vec4<u32>(shape.side)) & vec4<bool>(column_of(lane, first) <= shape.long);",
        )],
    ),
    fault(
        "orthogonal_one_matrix_for_all",
        "orthogonal",
        &[("matrix(workgroup.x)", "matrix(min(workgroup.x, 2u))")],
    ),
    fault(
        "orthogonal_all_iterations_from_one_square",
        "orthogonal",
        &[("EARLY: u32 = MUON_ITERATIONS / 2u", "EARLY: u32 = 0u")],
    ),
    fault(
        "orthogonal_early_iterations_again",
        "orthogonal",
        &[("MUON_ITERATIONS - EARLY", "MUON_ITERATIONS")],
    ),
    fault(
        "orthogonal_divided_by_the_norm_twice",
        "orthogonal",
        &[("- EARLY, false)", "- EARLY, true)")],
    ),
    fault(
        "orthogonal_last_row_not_kept",
        "orthogonal",
        &[("whitened[parameters.w] = steps.w;", "")],
    ),
    fault(
        "orthogonal_second_columns_for_the_third",
        "orthogonal",
        &[(
            "write(lane, shape, first + 2u * COLUMNS, steps[2]);",
            "write(lane, shape, first + 2u * COLUMNS, steps[1]);",
        )],
    ),
    barrier(
        "orthogonal_columns_barrier_dropped",
        "orthogonal",
        &[(
            "2u * COLUMNS));\n        workgroupBarrier();",
            "2u * COLUMNS));",
        )],
    ),
    barrier(
        "orthogonal_barrier_dropped",
        "orthogonal",
        &[("steps[2]);\n        workgroupBarrier();", "steps[2]);")],
    ),
    // unwhiten: the weights
    fault(
        "unwhiten_without_the_diagonal",
        "unwhiten",
        &[(
            "k == QUAD + first)",
            "(k == QUAD + first) & (k != vec4<u32>(lane)))",
        )],
    ),
    fault(
        "unwhiten_last_step_left_out",
        "unwhiten",
        &[(
            "vec4<u32>(row.inputs - 1u));\n    let step",
            "vec4<u32>(row.inputs - 2u));\n    let step",
        )],
    ),
    fault(
        "unwhiten_by_both_triangles",
        "unwhiten",
        &[
            (
                "clamp(QUAD + first, vec4<u32>(lane),",
                "clamp(QUAD + first, vec4<u32>(0u),",
            ),
            ("var first = input / 16u * 16u;", "var first = 0u;"),
        ],
    ),
    fault(
        "unwhiten_fourth_terms_for_the_third",
        "unwhiten",
        &[(
            "add_steps(sum, row, input, first + 8u)",
            "add_steps(sum, row, input, first + 12u)",
        )],
    ),
    fault(
        "unwhiten_step_for_slot",
        "unwhiten",
        &[("progress[SLOT]", "progress[STEP]")],
    ),
    fault(
        "unwhiten_decay_left_out",
        "unwhiten",
        &[("before * scalars.z", "before")],
    ),
    fault(
        "unwhiten_biases_rate",
        "unwhiten",
        &[("scalars.w * sum", "scalars.x * sum")],
    ),
    fault(
        "unwhiten_climbs",
        "unwhiten",
        &[("- scalars.w * sum", "+ scalars.w * sum")],
    ),
    fault(
        "unwhiten_places_ignored",
        "unwhiten",
        &[("let at = packed_index[place];", "let at = place;")],
    ),
    fault(
        "unwhiten_last_input_not_kept",
        "unwhiten",
        &[(
            "if (lane < row.inputs) {\n        parameters[at] = after;",
            "if (lane < row.inputs - 1u) {\n        parameters[at] = after;",
        )],
    ),
    // the biases
    fault(
        "unwhiten_decay_moves_no_bias",
        "unwhiten",
        &[("= before - after;", "= scalars.w * sum;")],
    ),
    fault(
        "unwhiten_biases_the_other_way",
        "unwhiten",
        &[("= before - after;", "= after - before;")],
    ),
    fault(
        "unwhiten_first_positions_mean_for_all",
        "unwhiten",
        &[("row.mean + position * row.inputs + k", "row.mean + k")],
    ),
    fault(
        "unwhiten_first_sixteen_positions_alone",
        "unwhiten",
        &[(
            "if (lane < row.positions)",
            "if (lane < min(row.positions, 16u))",
        )],
    ),
    fault(
        "unwhiten_sixteen_lanes_for_every_bias",
        "unwhiten",
        &[(
            "let parts = min(16u, ROW_LANES / row.positions);",
            "let parts = 16u;",
        )],
    ),
    fault(
        "unwhiten_last_part_left_out",
        "unwhiten",
        &[("part < parts", "part + 1u < parts")],
    ),
    fault(
        "unwhiten_last_inputs_move_no_bias",
        "unwhiten",
        &[(
            "first < row.inputs; first += 4u * parts",
            "first + 4u * parts < row.inputs; first += 4u * parts",
        )],
    ),
    fault(
        "unwhiten_last_input_moves_a_bias_again",
        "unwhiten",
        &[(
            "select(vec4<f32>(0.0), moved, k == parts * QUAD + first)",
            "moved",
        )],
    ),
    // the barriers, in their order
    barrier(
        "unwhiten_steps_barrier_dropped",
        "unwhiten",
        &[(
            "whitened[place];\n    workgroupBarrier();",
            "whitened[place];",
        )],
    ),
    barrier(
        "unwhiten_change_barrier_dropped",
        "unwhiten",
        &[(
            "before - after;\n    workgroupBarrier();",
            "before - after;",
        )],
    ),
    barrier(
        "unwhiten_sums_barrier_dropped",
        "unwhiten",
        &[(
            "sums[lane] = sum;\n    workgroupBarrier();",
            "sums[lane] = sum;",
        )],
    ),
];
