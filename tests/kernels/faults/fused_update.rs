//! Faults in `update`, the end of a fused step.

use crate::alone::{Ready, update_cases};
use crate::faults::{Fault, Setting, fault};

/// All optimizers on seventeen rows, one more than a workgroup has parts.
fn settings(_: &str) -> Vec<Setting> {
    let mut cases = update_cases();
    cases.retain(|case| case.rows == 17 && !case.broken);
    let settings = cases.into_iter();
    settings
        .map(|case| Box::new(move || -> Ready { case.ready() }) as Setting)
        .collect()
}

const fn update(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Fault {
    Fault {
        settings,
        ..fault(name, "update", edits)
    }
}

pub const FAULTS: &[Fault] = &[
    update(
        "update_takes_muons_matrices",
        &[("params.is_muon == 1u", "false")],
    ),
    update(
        "update_leaves_h2s_biases_to_muon",
        &[("p < PACKED_H2B", "p < PACKED_H3W")],
    ),
    update(
        "update_takes_whitened_muons_parameters",
        &[("!OPTIMIZER_IS_WHITENED_MUON && ", "")],
    ),
    // the sums
    update(
        "update_last_part_left_out",
        &[("part < PARTS; part++", "part + 1u < PARTS; part++")],
    ),
    update(
        "update_first_part_twice",
        &[("var part = 1u;", "var part = 0u;")],
    ),
    update(
        "update_first_row_left_out",
        &[(
            "var row = lane / UPDATE_VECTORS;",
            "var row = lane / UPDATE_VECTORS + 1u;",
        )],
    ),
    update(
        "update_last_row_left_out",
        &[("row < params.rows;", "row + 1u < params.rows;")],
    ),
    update(
        "update_rows_too_far_apart",
        &[("row += PARTS)", "row += PARTS + 1u)")],
    ),
    update(
        "update_more_parts_than_lanes",
        &[(
            "UPDATE_LANES / UPDATE_VECTORS;",
            "UPDATE_LANES / UPDATE_VECTORS + 1u;",
        )],
    ),
    update(
        "update_rows_overlap",
        &[(
            "row * (PACKED_VECTORS + 1u) + p",
            "row * PACKED_VECTORS + p",
        )],
    ),
    update(
        "update_no_end",
        &[(
            "params.compute_gradient == 1u && p < PACKED_VECTORS",
            "params.compute_gradient == 1u",
        )],
    ),
    update(
        "update_learns_in_evaluation",
        &[(
            "params.compute_gradient == 1u && p < PACKED_VECTORS",
            "p < PACKED_VECTORS",
        )],
    ),
    update("update_gradient_not_kept", &[("gradient[p] = sum;", "")]),
    // AdamW
    update(
        "update_bias_correction_left_out",
        &[("sqrt(v) * scalars.y", "sqrt(v)")],
    ),
    update(
        "update_epsilon_inside_the_root",
        &[
            (
                "sqrt(v) * scalars.y",
                "sqrt(v + vec4<f32>(params.epsilon)) * scalars.y",
            ),
            ("(root + vec4<f32>(params.epsilon))", "root"),
        ],
    ),
    update(
        "update_decay_left_out",
        &[("parameters[p] * scalars.z", "parameters[p]")],
    ),
    update(
        "update_square_left_out",
        &[(
            "params.one_minus_beta2 * g * g",
            "params.one_minus_beta2 * g",
        )],
    ),
    update(
        "update_second_moment_in_the_firsts_place",
        &[("moments[PACKED_VECTORS + p] = v", "moments[p] = v")],
    ),
    update(
        "update_first_moment_for_the_second",
        &[(
            "params.beta2 * moments[PACKED_VECTORS + p]",
            "params.beta2 * moments[p]",
        )],
    ),
    // SGD
    update(
        "update_momentum_left_out",
        &[("params.momentum * moments[p]", "moments[p]")],
    ),
    update(
        "update_sgd_decay_left_out",
        &[(" + params.weight_decay * weight", "")],
    ),
    update("update_moment_not_kept", &[("moments[p] = moment;", "")]),
    update(
        "update_climbs",
        &[(
            "weight - learning_rate * moment",
            "weight + learning_rate * moment",
        )],
    ),
    // which step it is
    update(
        "update_moves_though_standing",
        &[(
            "gradient[p] = sum;\n    if (params.is_training == 1u) {",
            "gradient[p] = sum;\n    if (true) {",
        )],
    ),
    update(
        "update_counts_though_standing",
        &[(
            "if (params.is_training == 1u) {\n        progress",
            "if (true) {\n        progress",
        )],
    ),
    update(
        "update_step_for_slot",
        &[("schedule[step_state[SLOT]]", "schedule[step_state[STEP]]")],
    ),
    update(
        "update_loss_in_the_next_slot",
        &[(
            "LOSSES + step_state[SLOT]",
            "LOSSES + 1u + step_state[SLOT]",
        )],
    ),
    update(
        "update_slot_stands_still",
        &[("progress[SLOT] = step_state[SLOT] + 1u;", "")],
    ),
    update(
        "update_sum_for_mean",
        &[("total.x / f32(params.batch)", "total.x")],
    ),
    update(
        "update_misses_as_a_float",
        &[("u32(total.y)", "bitcast<u32>(total.y)")],
    ),
];
