//! Faults in `muon` and in its Newton-Schulz iteration.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    // the momentum
    fault(
        "muon_moment_not_kept",
        "muon",
        &[("first_moment[found.at.x] = found.moment.x;", "")],
    ),
    fault(
        "muon_moment_of_another_row",
        "muon",
        &[(
            "first_moment[found.at.w] = found.moment.w;",
            "first_moment[found.at.w] = found.moment.z;",
        )],
    ),
    fault(
        "muon_does_not_look_ahead",
        "muon",
        &[(
            "return params.momentum * found.moment + found.share;",
            "return found.moment;",
        )],
    ),
    fault(
        "muon_advances_the_moment_twice",
        "muon",
        &[(
            "params.momentum * m + share);",
            "params.momentum * (params.momentum * m + share) + share);",
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
            "let at = vec4<u32>(packed_index[p.x], packed_index[p.y], packed_index[p.z], packed_index[p.w]);",
            "let at = p;",
        )],
    ),
    fault(
        "muon_no_end_of_columns",
        "muon",
        &[(
            "column_of(lane, first) < shape.long",
            "column_of(lane, first) <= shape.long",
        )],
    ),
    fault(
        "muon_no_end_of_rows",
        "muon",
        &[(
            "rows_of(lane) < vec4<u32>(shape.side)",
            "rows_of(lane) <= vec4<u32>(shape.side)",
        )],
    ),
    // the sums
    fault(
        "muon_a_quarter_of_the_columns_twice",
        "muon",
        &[(
            "cell_of_u(lane, shape, first + 3u * COLUMNS)",
            "cell_of_u(lane, shape, first + 2u * COLUMNS)",
        )],
    ),
    fault(
        "muon_parts_sum_the_same_columns",
        "muon",
        &[("(PARTS * k + part)", "(PARTS * k + 0u * part)")],
    ),
    fault(
        "muon_last_part_left_out",
        "muon",
        &[("factor[lane] + staged[lane];", "factor[lane];")],
    ),
    fault(
        "muon_norm_of_three_in_four_rows",
        "muon",
        &[("block[2].z, block[3].w)", "block[2].z, 0.0)")],
    ),
    fault(
        "muon_norm_squared_once",
        "muon",
        &[("total * inverse * inverse", "total * inverse")],
    ),
    fault(
        "muon_factor_starts_at_one",
        "muon",
        &[("vec4<f32>(inverse), rows_of", "vec4<f32>(1.0), rows_of")],
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
        &[("MUON_C * square[0] + ", "")],
    ),
    fault(
        "muon_last_rows_without_the_fifth_power",
        "muon",
        &[("MUON_C * square[3] + ", "")],
    ),
    fault(
        "muon_identity_in_every_block",
        "muon",
        &[("select(0.0, MUON_A, rows == columns)", "MUON_A")],
    ),
    fault(
        "muon_gram_multiplied_once",
        "muon",
        &[(
            "next = add_here(next, staged_block(4u * quad * MUON_QUADS + columns), polynomial_block(left + quad));",
            "next = staged_block(cell);",
        )],
    ),
    fault(
        "muon_factor_by_the_gram",
        "muon",
        &[(
            "product = add_here(product, polynomial_block(4u * quad * MUON_QUADS + columns), factor_block",
            "product = add_here(product, gram_block(4u * quad * MUON_QUADS + columns), factor_block",
        )],
    ),
    fault(
        "muon_a_blocks_last_row_for_its_third",
        "muon",
        &[(
            "gram[at + 2u * MUON_QUADS] = block[2];",
            "gram[at + 2u * MUON_QUADS] = block[3];",
        )],
    ),
    // the step
    fault(
        "muon_third_columns_left_out",
        "muon",
        &[(
            "block, staged[column + quad])",
            "block, polynomial[column + quad])",
        )],
    ),
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
        &[("z_weights * scalars.z", "z_weights")],
    ),
    fault(
        "muon_climbs",
        "muon",
        &[("- size * steps[0]", "+ size * steps[0]")],
    ),
    fault(
        "muon_last_row_not_kept",
        "muon",
        &[("parameters[found.at.w] = weights.w;", "")],
    ),
    // the barriers, in their order
    barrier(
        "muon_staged_barrier_dropped",
        "muon",
        &[(
            "first + 3u * COLUMNS);\n        workgroupBarrier();",
            "first + 3u * COLUMNS);",
        )],
    ),
    barrier(
        "muon_chunk_barrier_dropped",
        "muon",
        &[(
            "staged[column + rows]);\n        }\n        workgroupBarrier();",
            "staged[column + rows]);\n        }",
        )],
    ),
    barrier(
        "muon_parts_barrier_dropped",
        "muon",
        &[(
            "store_staged(cell, sum);\n    }\n    workgroupBarrier();",
            "store_staged(cell, sum);\n    }",
        )],
    ),
    barrier(
        "muon_total_barrier_dropped",
        "muon",
        &[("staged[lane];\n    workgroupBarrier();", "staged[lane];")],
    ),
    barrier(
        "muon_norm_barrier_dropped",
        "muon",
        &[(
            "gram[lane] = total;\n    workgroupBarrier();",
            "gram[lane] = total;",
        )],
    ),
    barrier(
        "muon_scale_barrier_dropped",
        "muon",
        &[(
            "    workgroupBarrier();\n    gram[lane] = total * inverse",
            "    gram[lane] = total * inverse",
        )],
    ),
    barrier(
        "muon_start_barrier_dropped",
        "muon",
        &[(
            "factor[lane] = diagonal;\n    workgroupBarrier();",
            "factor[lane] = diagonal;",
        )],
    ),
    barrier(
        "muon_polynomial_barrier_dropped",
        "muon",
        &[(
            "            ));\n        }\n        workgroupBarrier();",
            "            ));\n        }",
        )],
    ),
    barrier(
        "muon_products_barrier_dropped",
        "muon",
        &[(
            "factor_block(left + quad));\n            }\n        }\n        workgroupBarrier();",
            "factor_block(left + quad));\n            }\n        }",
        )],
    ),
    barrier(
        "muon_iteration_barrier_dropped",
        "muon",
        &[(
            "store_factor(cell, product);\n        }\n        workgroupBarrier();",
            "store_factor(cell, product);\n        }",
        )],
    ),
    barrier(
        "muon_columns_barrier_dropped",
        "muon",
        &[("ahead(z);\n        workgroupBarrier();", "ahead(z);")],
    ),
    barrier(
        "muon_steps_barrier_dropped",
        "muon",
        &[(
            "size * steps[2]);\n        workgroupBarrier();",
            "size * steps[2]);",
        )],
    ),
];
