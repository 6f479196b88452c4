//! Faults in the kernels that run once per step.

use crate::faults::{Fault, barrier, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "reduce_last_chunk_left_out",
        "reduce_gradient",
        &[("chunk < params.chunks", "chunk + 1u < params.chunks")],
    ),
    fault(
        "reduce_a_chunk_too_many",
        "reduce_gradient",
        &[("chunk < params.chunks", "chunk <= params.chunks")],
    ),
    fault(
        "reduce_no_end",
        "reduce_gradient",
        &[("if (parameter >= PARAMETER_COUNT) {", "if (false) {")],
    ),
    // sgd
    fault(
        "sgd_no_end",
        "sgd",
        &[("if (p >= PARAMETER_COUNT) {", "if (false) {")],
    ),
    fault(
        "sgd_momentum_left_out",
        "sgd",
        &[("params.momentum * first_moment[p]", "first_moment[p]")],
    ),
    fault(
        "sgd_decay_left_out",
        "sgd",
        &[(" + params.weight_decay * weight", "")],
    ),
    fault(
        "sgd_moment_not_kept",
        "sgd",
        &[("first_moment[p] = moment;", "")],
    ),
    fault(
        "sgd_step_for_slot",
        "sgd",
        &[("progress[SLOT]", "progress[STEP]")],
    ),
    fault(
        "sgd_climbs",
        "sgd",
        &[("weight - learning_rate", "weight + learning_rate")],
    ),
    // adamw
    fault(
        "adamw_no_end",
        "adamw",
        &[("if (p >= PARAMETER_COUNT) {", "if (false) {")],
    ),
    fault(
        "adamw_bias_correction_left_out",
        "adamw",
        &[("sqrt(v) * scalars.y", "sqrt(v)")],
    ),
    fault(
        "adamw_epsilon_inside_the_root",
        "adamw",
        &[
            (
                "sqrt(v) * scalars.y",
                "sqrt(v + params.epsilon) * scalars.y",
            ),
            ("(root + params.epsilon)", "root"),
        ],
    ),
    fault(
        "adamw_decay_coupled",
        "adamw",
        &[
            (
                "gradient[p];",
                "gradient[p] + params.weight_decay * parameters[p];",
            ),
            ("parameters[p] * shrink", "parameters[p]"),
        ],
    ),
    fault(
        "adamw_decay_left_out",
        "adamw",
        &[("parameters[p] * shrink", "parameters[p]")],
    ),
    fault(
        "adamw_root_left_out",
        "adamw",
        &[("sqrt(v) * scalars.y", "v * scalars.y")],
    ),
    fault(
        "adamw_square_left_out",
        "adamw",
        &[(
            "params.one_minus_beta2 * g * g",
            "params.one_minus_beta2 * g",
        )],
    ),
    fault(
        "adamw_takes_muons_matrices",
        "adamw",
        &[("params.is_muon == 1u", "false")],
    ),
    fault(
        "adamw_leaves_h3s_biases_to_muon",
        "adamw",
        &[("p >= H3W && p < H3B", "p >= H3W && p < OUTW")],
    ),
    // tally
    fault(
        "tally_last_halving_left_out",
        "tally",
        &[("width > 0u", "width > 1u")],
    ),
    fault(
        "tally_step_stands_still",
        "tally",
        &[("progress[STEP] += 1u;", "")],
    ),
    fault(
        "tally_evaluation_counts",
        "tally",
        &[("if (params.is_training == 1u)", "if (true)")],
    ),
    fault(
        "tally_sum_for_mean",
        "tally",
        &[("lane_loss[0] / f32(params.examples)", "lane_loss[0]")],
    ),
    barrier(
        "tally_first_barrier_dropped",
        "tally",
        &[("= missed_sum;\n    workgroupBarrier();", "= missed_sum;")],
    ),
    barrier(
        "tally_second_barrier_dropped",
        "tally",
        &[("}\n        workgroupBarrier();", "}")],
    ),
];
