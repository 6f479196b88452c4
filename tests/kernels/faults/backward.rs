//! Faults in the loss, the kernels back to the pixels, and the gradients.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    // loss
    fault(
        "loss_not_divided_by_classes",
        "loss",
        &[(
            "sum4(e0 * e0 + e1 * e1 + e2 * e2) / f32(CLASSES)",
            "sum4(e0 * e0 + e1 * e1 + e2 * e2)",
        )],
    ),
    fault(
        "loss_overflows",
        "loss",
        &[
            (
                "// Subtracting the largest logit keeps exp from overflowing.",
                "let largest = 0.0;",
            ),
            (
                "exp(min(o2 - vec4<f32>(largest), vec4<f32>(0.0)))",
                "exp(o2)",
            ),
        ],
    ),
    fault(
        "loss_last_of_equals_wins",
        "loss",
        &[
            (
                "classes, outputs ==",
                "vec4<u32>(CLASSES - 1u) - classes, outputs ==",
            ),
            ("guess == label", "CLASSES - 1u - guess == label"),
        ],
    ),
    fault(
        "loss_label_off_by_one",
        "loss",
        &[("labels[example]);", "labels[example] + 1u);")],
    ),
    fault(
        "loss_slope_left_out",
        "loss",
        &[("scale * e0 * tanh_slope(o0)", "scale * e0")],
    ),
    fault(
        "loss_padding_counts",
        "loss",
        &[(
            "(o2 - (2.0 * t2 - one)) * REAL_IN_LAST_QUAD",
            "(o2 - (2.0 * t2 - one))",
        )],
    ),
    fault(
        "loss_padding_can_win",
        "loss",
        &[("max(o2.x, o2.y)", "max4(o2)")],
    ),
    fault(
        "loss_padding_in_softmax",
        "loss",
        &[(
            "exp(min(o2 - vec4<f32>(largest), vec4<f32>(0.0))) * REAL_IN_LAST_QUAD",
            "exp(min(o2 - vec4<f32>(largest), vec4<f32>(0.0)))",
        )],
    ),
    fault(
        "loss_gradient_of_a_sum",
        "loss",
        &[("params.gradient_scale * (z1 / sum - t1)", "z1 / sum - t1")],
    ),
    fault(
        "loss_two_left_out",
        "loss",
        &[("params.gradient_scale * 2.0 /", "params.gradient_scale /")],
    ),
    fault(
        "loss_hits_for_misses",
        "loss",
        &[(
            "select(1u, 0u, guess == label)",
            "select(0u, 1u, guess == label)",
        )],
    ),
    fault(
        "loss_no_end",
        "loss",
        &[("if (example >= params.examples) {", "if (false) {")],
    ),
    // shared/activation
    fault(
        "tanh_slope_left_out",
        "out_backward",
        &[("return tanh_slope(value);", "return vec4<f32>(1.0);")],
    ),
    fault(
        "scaled_tanh_slope_falls_too_fast",
        "out_backward",
        &[("TANH_GAIN / TANH_AMPLITUDE * value", "value")],
    ),
    fault(
        "scaled_tanh_slope_of_tanh_at_zero",
        "out_backward",
        &[("vec4<f32>(TANH_GAIN * TANH_AMPLITUDE)", "vec4<f32>(1.0)")],
    ),
    fault(
        "relu_slope_wrong_sign",
        "h3_backward",
        &[("value > vec4<f32>(0.0)", "value < vec4<f32>(0.0)")],
    ),
    fault(
        "relu_slope_at_zero",
        "h2_backward",
        &[("value > vec4<f32>(0.0)", "value >= vec4<f32>(0.0)")],
    ),
    // out_backward, h3_backward, h2_backward
    fault(
        "out_last_classes_left_out",
        "out_backward",
        &[(
            "quad < CLASS_QUADS; quad++",
            "quad < CLASS_QUADS - 1u; quad++",
        )],
    ),
    fault(
        "h3_mask_left_out",
        "h3_backward",
        &[("sum * factors[p] * slope", "sum * slope")],
    ),
    fault(
        "h3_last_units_left_out",
        "h3_backward",
        &[("i < H3_QUADS; i++", "i + 1u < H3_QUADS; i++")],
    ),
    fault(
        "h3_position_off_by_one",
        "h3_backward",
        &[("a1 += weights[H3_QUADS + i]", "a1 += weights[i]")],
    ),
    fault(
        "h2_slope_left_out",
        "h2_backward",
        &[("sum * slope(h1[p])", "sum")],
    ),
    fault(
        "h2_other_parity",
        "h2_backward",
        &[(
            "kr = padded_row % STRIDE",
            "kr = (padded_row + 1u) % STRIDE",
        )],
    ),
    fault(
        "h2_other_seer",
        "h2_backward",
        &[(
            "seen_by(quad, which) / 2u",
            "seen_by(quad, 1u - which) / 2u",
        )],
    ),
    fault(
        "h2_column_left_out",
        "h2_backward",
        &[("a6 += w4 * d2;", "")],
    ),
    barrier(
        "h2_barrier_dropped",
        "h2_backward",
        &[("workgroupBarrier();", "")],
    ),
    // parts/chunk, parts/outer, parts/layout
    fault(
        "chunk_counts_an_example_twice",
        "h3_gradient",
        &[(
            "min((chunk + 1u) * EXAMPLES_PER_CHUNK, params",
            "min((chunk + 1u) * EXAMPLES_PER_CHUNK + 1u, params",
        )],
    ),
    fault(
        "chunk_runs_past_the_end",
        "out_gradient",
        &[(
            "min((chunk + 1u) * EXAMPLES_PER_CHUNK, params.examples)",
            "(chunk + 1u) * EXAMPLES_PER_CHUNK",
        )],
    ),
    fault(
        "outer_transposed",
        "h2_gradient",
        &[(
            "above * below.x, above * below.y, above * below.z, above * below.w",
            "below * above.x, below * above.y, below * above.z, below * above.w",
        )],
    ),
    fault(
        "layout_quads_and_positions_swapped",
        "h1_gradient",
        &[("quad * positions + position", "quad + MAP_QUADS * position")],
    ),
    // shared/lane_sum
    fault(
        "lane_sum_first_halving_short",
        "h1_gradient",
        &[("var i = 1u; i < 8u", "var i = 1u; i < 7u")],
    ),
    fault(
        "lane_sum_last_halving_short",
        "out_gradient",
        &[("var i = 0u; i < 8u", "var i = 0u; i < 7u")],
    ),
    barrier(
        "lane_sum_first_barrier_dropped",
        "h2_gradient",
        &[("workgroupBarrier();\n    // Eight lanes", "// Eight lanes")],
    ),
    barrier(
        "lane_sum_second_barrier_dropped",
        "h2_gradient",
        &[("workgroupBarrier();\n    slots[lane]", "slots[lane]")],
    ),
    barrier(
        "lane_sum_third_barrier_dropped",
        "h2_gradient",
        &[(
            "slots[lane] = sum;\n    workgroupBarrier();",
            "slots[lane] = sum;",
        )],
    ),
    barrier(
        "lane_sum_fourth_barrier_dropped",
        "h2_gradient",
        &[("workgroupBarrier();\n    return total;", "return total;")],
    ),
    // the gradients
    fault(
        "out_gradient_writes_past_the_classes",
        "out_gradient",
        &[("if (first_class + 2u < CLASSES)", "if (true)")],
    ),
    fault(
        "out_gradient_weights_transposed",
        "out_gradient",
        &[(
            "g1 += outer(d_out[at(1u, 1u, 0u, example)], below);",
            "g1 += outer(below, d_out[at(1u, 1u, 0u, example)]);",
        )],
    ),
    fault(
        "h3_gradient_units_off",
        "h3_gradient",
        &[(
            "write(chunk, first, unit + 8u, total23);",
            "write(chunk, first, unit + 4u, total23);",
        )],
    ),
    fault(
        "h3_gradient_writes_past_the_units",
        "h3_gradient",
        &[("if (first_unit + 2u < H3_UNITS)", "if (true)")],
    ),
    fault(
        "h2_gradient_padding_is_zero",
        "h2_gradient",
        &[("vec4<f32>(PADDING_VALUE)", "vec4<f32>(0.0)")],
    ),
    fault(
        "h2_gradient_groups_swapped",
        "h2_gradient",
        &[("source_quad(quad, half);", "source_quad(quad, 1u - half);")],
    ),
    fault(
        "h1_gradient_window_slides_wrong",
        "h1_gradient",
        &[("x1 = x3;", "x1 = x4;")],
    ),
    fault(
        "h1_gradient_bias_a_map",
        "h1_gradient",
        &[(
            "H1B + 4u * quad * H1_AREA + first_position + lane",
            "H1B + 4u * quad * H1_AREA + lane",
        )],
    ),
];
