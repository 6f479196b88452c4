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
            "let at = packed_index[parameter_of(shape, row, column)];",
            "let at = parameter_of(shape, row, column);",
        )],
    ),
    // the sums
    fault(
        "muon_no_end_of_columns",
        "muon",
        &[(
            "column >= shape.long) {\n        return 0.0",
            "column > shape.long) {\n        return 0.0",
        )],
    ),
    fault(
        "muon_last_part_left_out",
        "muon",
        &[("factor[lane] + staged[lane];", "factor[lane];")],
    ),
    fault(
        "muon_norm_squared_once",
        "muon",
        &[("total * inverse * inverse", "total * inverse")],
    ),
    fault(
        "muon_factor_starts_at_one",
        "muon",
        &[("= inverse * identity", "= identity")],
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
        &[(" + MUON_C * square[row]", "")],
    ),
    fault(
        "muon_gram_multiplied_once",
        "muon",
        &[(
            "gram[first_cell + row * MUON_QUADS] = next[row];",
            "gram[first_cell + row * MUON_QUADS] = staged[first_cell + row * MUON_QUADS];",
        )],
    ),
    fault(
        "muon_factor_of_the_gram",
        "muon",
        &[(
            "outer(factor[k * MUON_QUADS + columns], poly",
            "outer(gram[k * MUON_QUADS + columns], poly",
        )],
    ),
    fault(
        "muon_a_quarter_too_many",
        "muon",
        &[(
            "k < (part + 1u) * MUON_QUADS",
            "k <= (part + 1u) * MUON_QUADS",
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
        &[("scalars.z - step;", "scalars.z + step;")],
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
            "again),\n    );\n    workgroupBarrier();",
            "again),\n    );",
        )],
    ),
    barrier(
        "muon_chunk_barrier_dropped",
        "muon",
        &[(
            "            }\n        }\n        workgroupBarrier();\n    }\n    if (has_block) {",
            "            }\n        }\n    }\n    if (has_block) {",
        )],
    ),
    barrier(
        "muon_parts_barrier_dropped",
        "muon",
        &[(
            "    workgroupBarrier();\n    let is_used",
            "    let is_used",
        )],
    ),
    barrier(
        "muon_norm_barrier_dropped",
        "muon",
        &[(
            "    workgroupBarrier();\n    var squares",
            "    var squares",
        )],
    ),
    barrier(
        "muon_total_barrier_dropped",
        "muon",
        &[(
            "    workgroupBarrier();\n    staged[lane] = total;",
            "    staged[lane] = total;",
        )],
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
            "        workgroupBarrier();\n        // QA and QP",
            "        // QA and QP",
        )],
    ),
    barrier(
        "muon_products_barrier_dropped",
        "muon",
        &[(
            "        workgroupBarrier();\n        for (var row = 0u; row < 4u; row++) {",
            "        for (var row = 0u; row < 4u; row++) {",
        )],
    ),
    barrier(
        "muon_gram_barrier_dropped",
        "muon",
        &[(
            "        workgroupBarrier();\n        if (has_block && part == 0u) {\n            var next",
            "        if (has_block && part == 0u) {\n            var next",
        )],
    ),
    barrier(
        "muon_iteration_barrier_dropped",
        "muon",
        &[(
            "= next[row];\n            }\n        }\n        workgroupBarrier();",
            "= next[row];\n            }\n        }",
        )],
    ),
    barrier(
        "muon_columns_barrier_dropped",
        "muon",
        &[("step.w);\n        workgroupBarrier();", "step.w);")],
    ),
];
