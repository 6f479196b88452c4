//! Faults in the kernels from the pixels to the loss.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    // input
    fault(
        "input_shift_flipped",
        "input",
        &[(
            "i32(row) - i32(PADDING) - shift.x",
            "i32(row) - i32(PADDING) + shift.x",
        )],
    ),
    fault(
        "input_shift_axes_swapped",
        "input",
        &[
            ("- shift.x", "- shift.y"),
            (
                "i32(column) - i32(PADDING) - shift.y",
                "i32(column) - i32(PADDING) - shift.x",
            ),
        ],
    ),
    fault(
        "input_shift_wraps_around",
        "input",
        &[(
            "\n            && from_column >= 0 && from_column < i32(SIDE)",
            "",
        )],
    ),
    fault(
        "input_shift_reaches_into_padding",
        "input",
        &[("row >= PADDING && row < PADDING + SIDE && ", "")],
    ),
    fault(
        "input_padding_is_zero",
        "input",
        &[("var value = PADDING_VALUE;", "var value = 0.0;")],
    ),
    fault(
        "input_codes_swapped",
        "input",
        &[("16u * (pixel % 2u)", "16u * (1u - pixel % 2u)")],
    ),
    fault(
        "input_transposed",
        "input",
        &[(
            "u32(from_row) * SIDE + u32(from_column)",
            "u32(from_column) * SIDE + u32(from_row)",
        )],
    ),
    fault(
        "input_slot_for_step",
        "input",
        &[("progress[STEP]", "progress[SLOT]")],
    ),
    // shared/draw
    fault(
        "draw_rotation_changed",
        "dropout",
        &[("vec2<u32>(23u, 5u)", "vec2<u32>(23u, 6u)")],
    ),
    fault(
        "draw_parity_changed",
        "dropout",
        &[("0x1BD11BDAu", "0x1BD11BDBu")],
    ),
    fault(
        "draw_seed_halved",
        "input",
        &[("params.seed_low, params.seed_high", "params.seed_low, 0u")],
    ),
    fault(
        "draw_same_every_step",
        "input",
        &[("stream, step);", "stream, 0u);")],
    ),
    fault(
        "draw_streams_shared",
        "dropout",
        &[("draw_block(STREAM_DROPOUT", "draw_block(STREAM_SHIFT")],
    ),
    fault(
        "draw_shift_lopsided",
        "input",
        &[("2u * params.shift + 1u", "2u * params.shift")],
    ),
    fault(
        "draw_keeps_what_it_drops",
        "dropout",
        &[("words >= vec4", "words < vec4")],
    ),
    // h1_forward
    fault(
        "h1_bias_a_map",
        "h1_forward",
        &[("4u * quad * H1_AREA + position;", "4u * quad * H1_AREA;")],
    ),
    fault(
        "h1_bias_left_out",
        "h1_forward",
        &[("var a0 = bias(quad, position);", "var a0 = vec4<f32>(0.0);")],
    ),
    fault(
        "h1_stride_of_one",
        "h1_forward",
        &[("(STRIDE * row + kr)", "(row + kr)")],
    ),
    fault(
        "h1_kernels_flipped",
        "h1_forward",
        &[("kernels[lane] =", "kernels[TAPS - 1u - lane] =")],
    ),
    fault(
        "h1_last_tap_left_out",
        "h1_forward",
        &[(" + w4 * x[p + 10u * n];", ";")],
    ),
    fault(
        "h1_no_end",
        "h1_forward",
        &[("if (example >= params.examples) {", "if (false) {")],
    ),
    barrier(
        "h1_barrier_dropped",
        "h1_forward",
        &[("workgroupBarrier();", "")],
    ),
    // shared/activation
    fault(
        "tanh_clamped_too_early",
        "h1_forward",
        &[("f32 = 9.02;", "f32 = 3.02;")],
    ),
    fault(
        "tanh_hides_nan",
        "h1_forward",
        &[(
            "keep_nan(sum, TANH_AMPLITUDE * tanh(bounded))",
            "TANH_AMPLITUDE * tanh(bounded)",
        )],
    ),
    fault(
        "scaled_tanh_gain_left_out",
        "h1_forward",
        &[("clamp(TANH_GAIN * sum", "clamp(sum")],
    ),
    fault(
        "scaled_tanh_amplitude_left_out",
        "out_forward",
        &[("TANH_AMPLITUDE * tanh(bounded)", "tanh(bounded)")],
    ),
    fault(
        "relu_hides_nan",
        "h2_forward",
        &[(
            "keep_nan(sum, max(sum, vec4<f32>(0.0)))",
            "max(sum, vec4<f32>(0.0))",
        )],
    ),
    fault(
        "relu_leaks",
        "h2_forward",
        &[("max(sum, vec4<f32>(0.0))", "max(sum, 0.01 * sum)")],
    ),
    // h2_forward
    fault(
        "h2_padding_is_zero",
        "h2_forward",
        &[("vec4<f32>(PADDING_VALUE)", "vec4<f32>(0.0)")],
    ),
    fault(
        "h2_row_off_by_one",
        "h2_forward",
        &[("STRIDE * row + kr;", "STRIDE * row + kr + 1u;")],
    ),
    fault(
        "h2_edge_taken_for_map",
        "h2_forward",
        &[("a3 += w4 * edge;", "a3 += w4 * v9;")],
    ),
    fault(
        "h2_transposed",
        "h2_forward",
        &[("a1 += w2 * v4;", "a1 += v4 * w2;")],
    ),
    fault(
        "h2_groups_swapped",
        "h2_forward",
        &[(
            "(H2_SOURCE_QUADS >> (4u * (2u * h2_quad + half)))",
            "(H2_SOURCE_QUADS >> (4u * (2u * h2_quad + 1u - half)))",
        )],
    ),
    fault(
        "h2_source_order",
        "h2_forward",
        &[("4u * half + source", "2u * source + half")],
    ),
    // dropout
    fault(
        "dropout_not_scaled",
        "dropout",
        &[("vec4<f32>(params.kept_factor)", "vec4<f32>(1.0)")],
    ),
    fault(
        "dropout_draws_of_another_unit",
        "dropout",
        &[("example, quad, position);", "example, position, quad);")],
    ),
    fault(
        "dropout_factor_not_applied",
        "dropout",
        &[("h2[p] * factor", "h2[p]")],
    ),
    // h3_forward
    fault(
        "h3_weights_transposed",
        "h3_forward",
        &[(
            "H3W + input * H3_UNITS + min(unit, H3_UNITS - 1u)",
            "H3W + min(unit, H3_UNITS - 1u) * 192u + input",
        )],
    ),
    fault(
        "h3_padding_not_zero",
        "h3_forward",
        &[("select(0.0, value, unit < H3_UNITS)", "value")],
    ),
    fault(
        "h3_maps_taken_for_positions",
        "h3_forward",
        &[("(input + H2_AREA, first_unit)", "(input + 1u, first_unit)")],
    ),
    barrier(
        "h3_barrier_dropped",
        "h3_forward",
        &[("workgroupBarrier();", "")],
    ),
    // out_forward
    fault(
        "out_tanh_left_out",
        "out_forward",
        &[("if (LOSS_IS_MSE)", "if (false)")],
    ),
    fault(
        "out_padding_takes_a_bias",
        "out_forward",
        &[(
            "select(0.0, parameters[OUTB + min(class_index, CLASSES - 1u)], class_index < CLASSES)",
            "parameters[OUTB + min(class_index, CLASSES - 1u)]",
        )],
    ),
    fault(
        "out_last_units_left_out",
        "out_forward",
        &[("quad < H3_QUADS; quad++", "quad < H3_QUADS - 1u; quad++")],
    ),
    fault(
        "out_weights_transposed",
        "out_forward",
        &[(
            "sum += weights[quad] * h3[at(quad, 1u, 0u, example)];",
            "sum += h3[at(quad, 1u, 0u, example)] * weights[quad];",
        )],
    ),
];
