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
        &[("position < row.positions", "position + 1u < row.positions")],
    ),
    fault(
        "whiten_one_bias_for_all_positions",
        "whiten",
        &[(
            "packed_index[row.biases + position]",
            "packed_index[row.biases]",
        )],
    ),
    fault(
        "whiten_first_positions_mean_for_all",
        "whiten",
        &[(
            "means[row.mean + position * row.inputs + lane]",
            "means[row.mean + lane]",
        )],
    ),
    fault(
        "whiten_means_added",
        "whiten",
        &[("g -= of_bias", "g += of_bias")],
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
            "u = params.momentum * moment + (1.0 - params.momentum) * g;",
            "u = moment;",
        )],
    ),
    // the product
    fault(
        "whiten_without_the_diagonal",
        "whiten",
        &[("k <= lane", "k < lane")],
    ),
    fault(
        "whiten_by_both_triangles",
        "whiten",
        &[("k <= lane", "k < row.inputs")],
    ),
    fault(
        "whiten_no_end",
        "whiten",
        &[(
            "if (lane < row.inputs) {\n        var sum",
            "if (lane <= row.inputs) {\n        var sum",
        )],
    ),
    barrier(
        "whiten_barrier_dropped",
        "whiten",
        &[("workgroupBarrier();", "")],
    ),
    // orthogonal
    fault(
        "orthogonal_keeps_the_first_column",
        "orthogonal",
        &[(
            "            if (column < shape.long) {\n                whitened",
            "            if (column > 0u && column < shape.long) {\n                whitened",
        )],
    ),
    fault(
        "orthogonal_no_end",
        "orthogonal",
        &[(
            "            if (column < shape.long) {\n                whitened",
            "            if (column <= shape.long) {\n                whitened",
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
    barrier(
        "orthogonal_barrier_dropped",
        "orthogonal",
        &[(
            "shape.side);\n            }\n        }\n        workgroupBarrier();",
            "shape.side);\n            }\n        }",
        )],
    ),
    // unwhiten: the weights
    fault(
        "unwhiten_without_the_diagonal",
        "unwhiten",
        &[("var k = lane;", "var k = lane + 1u;")],
    ),
    fault(
        "unwhiten_last_step_left_out",
        "unwhiten",
        &[("k < row.inputs; k++", "k + 1u < row.inputs; k++")],
    ),
    fault(
        "unwhiten_by_both_triangles",
        "unwhiten",
        &[("var k = lane;", "var k = 0u;")],
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
        &[("scalars.w * step", "scalars.x * step")],
    ),
    fault(
        "unwhiten_climbs",
        "unwhiten",
        &[("- scalars.w * step", "+ scalars.w * step")],
    ),
    fault(
        "unwhiten_places_ignored",
        "unwhiten",
        &[("let at = packed_index[place];", "let at = place;")],
    ),
    // the biases
    fault(
        "unwhiten_decay_moves_no_bias",
        "unwhiten",
        &[("= before - after;", "= scalars.w * step;")],
    ),
    fault(
        "unwhiten_biases_the_other_way",
        "unwhiten",
        &[("= before - after;", "= after - before;")],
    ),
    fault(
        "unwhiten_first_positions_mean_for_all",
        "unwhiten",
        &[(
            "means[row.mean + position * row.inputs + k]",
            "means[row.mean + k]",
        )],
    ),
    fault(
        "unwhiten_first_sixteen_positions_alone",
        "unwhiten",
        &[(
            "first < row.positions;",
            "first < min(row.positions, ROW_LANES / PARTS);",
        )],
    ),
    fault(
        "unwhiten_last_part_left_out",
        "unwhiten",
        &[("part < PARTS", "part + 1u < PARTS")],
    ),
    fault(
        "unwhiten_last_inputs_move_no_bias",
        "unwhiten",
        &[(
            "k < row.inputs; k += PARTS",
            "k + PARTS < row.inputs; k += PARTS",
        )],
    ),
    // the barriers, in their order
    barrier(
        "unwhiten_steps_barrier_dropped",
        "unwhiten",
        &[(
            "whitened[place];\n    }\n    workgroupBarrier();",
            "whitened[place];\n    }",
        )],
    ),
    barrier(
        "unwhiten_change_barrier_dropped",
        "unwhiten",
        &[(
            "before - after;\n    }\n    workgroupBarrier();",
            "before - after;\n    }",
        )],
    ),
    barrier(
        "unwhiten_sums_barrier_dropped",
        "unwhiten",
        &[(
            "sums[lane] = sum;\n        workgroupBarrier();",
            "sums[lane] = sum;",
        )],
    ),
    barrier(
        "unwhiten_round_barrier_dropped",
        "unwhiten",
        &[(
            "+= sum;\n        }\n        workgroupBarrier();",
            "+= sum;\n        }",
        )],
    ),
];
