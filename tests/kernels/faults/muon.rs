//! Faults in `muon` and in its Newton-Schulz iteration.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    // the momentum
    fault(
        "muon_moment_not_kept",
        "muon",
        &[(
            "        first_moment[at] = params.momentum",
            "        let moment = params.momentum",
        )],
    ),
    fault(
        "muon_does_not_look_ahead",
        "muon",
        &[(
            "return params.momentum * first_moment[at] + share;",
            "return first_moment[at];",
        )],
    ),
    // the matrix
    fault(
        "muon_h1_turned",
        "muon",
        &[(
            "Matrix(H1W, 4u * MAP_QUADS, TAPS, TAPS, 1u)",
            "Matrix(H1W, 4u * MAP_QUADS, TAPS, 1u, 4u * MAP_QUADS)",
        )],
    ),
    fault(
        "muon_h3_without_its_last_inputs",
        "muon",
        &[(
            "4u * MAP_QUADS * H2_AREA, 1u",
            "4u * MAP_QUADS * H2_AREA - 1u, 1u",
        )],
    ),
    fault(
        "muon_output_for_h3",
        "muon",
        &[("return Matrix(OUTW, CLASSES", "return Matrix(H3W, CLASSES")],
    ),
    fault(
        "muon_places_ignored",
        "muon",
        &[(
            "let at = packed_index[parameter_of(shape, place % shape.side, column)];",
            "let at = parameter_of(shape, place % shape.side, column);",
        )],
    ),
    // the sums
    fault(
        "muon_no_end_of_columns",
        "muon",
        &[(
            "if (column < shape.long) {\n            u = element",
            "if (column <= shape.long) {\n            u = element",
        )],
    ),
    fault(
        "muon_last_cells_left_out",
        "muon",
        &[(
            "stage(lane + 3u * MUON_LANES, cells, sums.w);",
            "stage(lane + 3u * MUON_LANES, cells, 0.0);",
        )],
    ),
    fault(
        "muon_norm_squared_once",
        "muon",
        &[("staged[cell] * inverse * inverse", "staged[cell] * inverse")],
    ),
    fault(
        "muon_factor_starts_at_one",
        "muon",
        &[("select(0.0, inverse,", "select(0.0, 1.0,")],
    ),
    // the iteration
    fault(
        "muon_an_iteration_too_few",
        "muon",
        &[("iteration < iterations", "iteration + 1u < iterations")],
    ),
    fault(
        "muon_without_the_fifth_power",
        "muon",
        &[(" + MUON_C * square", "")],
    ),
    fault(
        "muon_gram_multiplied_once",
        "muon",
        &[(
            "sum += staged[cell / side * side + k] * polynomial[k * side + cell % side];",
            "sum = staged[cell];",
        )],
    ),
    // the step
    fault(
        "muon_step_for_slot",
        "muon",
        &[("progress[SLOT]", "progress[STEP]")],
    ),
    fault(
        "muon_size_of_the_shorter_side",
        "muon",
        &[("sqrt(f32(shape.long))", "sqrt(f32(shape.side))")],
    ),
    fault(
        "muon_biases_rate",
        "muon",
        &[("scalars.w * sqrt", "scalars.x * sqrt")],
    ),
    fault(
        "muon_decay_left_out",
        "muon",
        &[("parameters[at] * scalars.z", "parameters[at]")],
    ),
    fault(
        "muon_climbs",
        "muon",
        &[("- size * step_at", "+ size * step_at")],
    ),
    fault(
        "muon_advances_the_moment_twice",
        "muon",
        &[("if (!again)", "if (true)")],
    ),
    // the barriers, in their order
    barrier(
        "muon_staged_barrier_dropped",
        "muon",
        &[(
            "staged[place] = u;\n    }\n    workgroupBarrier();",
            "staged[place] = u;\n    }",
        )],
    ),
    barrier(
        "muon_chunk_barrier_dropped",
        "muon",
        &[(
            ");\n        workgroupBarrier();\n    }\n    stage",
            ");\n    }\n    stage",
        )],
    ),
    barrier(
        "muon_norm_barrier_dropped",
        "muon",
        &[("sums.w);\n    workgroupBarrier();", "sums.w);")],
    ),
    barrier(
        "muon_start_barrier_dropped",
        "muon",
        &[(
            "    workgroupBarrier();\n    for (var iteration",
            "    for (var iteration",
        )],
    ),
    barrier(
        "muon_polynomial_barrier_dropped",
        "muon",
        &[(
            "row == column);\n        }\n        workgroupBarrier();",
            "row == column);\n        }",
        )],
    ),
    barrier(
        "muon_gram_barrier_dropped",
        "muon",
        &[(
            "gram[cell] = sum;\n        }\n        workgroupBarrier();",
            "gram[cell] = sum;\n        }",
        )],
    ),
    barrier(
        "muon_factor_barrier_dropped",
        "muon",
        &[(
            "factor[cell] = staged[cell];\n        }\n        workgroupBarrier();",
            "factor[cell] = staged[cell];\n        }",
        )],
    ),
    barrier(
        "muon_columns_barrier_dropped",
        "muon",
        &[(
            "shape.side);\n            }\n        }\n        workgroupBarrier();",
            "shape.side);\n            }\n        }",
        )],
    ),
];
