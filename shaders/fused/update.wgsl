// From the workgroups' partial sums to the gradient, the new parameters and the losses: the end of a step.
//
// gradient[p] = Σ partial[row, p]; where params.is_training is 1: AdamW or SGD (as in their own kernels;
// with Muon only the biases, by AdamW: `muon` updates the matrices; with whitened Muon nothing), losses[slot] = Σ loss / params.batch,
// step ← step + 1, slot ← slot + 1
//
// - partial: [params.rows][PACKED_VECTORS + 1], the last of each row (Σ loss, Σ missed)
// - step_state: the step and the slot; schedule: a vector per step, as `adamw` and `sgd` read it
// - parameters, gradient: [PACKED_VECTORS]; moments: [2][PACKED_VECTORS]
// - progress: step, slot, Σ loss as the bits of an f32, misses, then losses [slots]
//
// One workgroup: sixteen vectors of parameters, sixteen lanes for each. Where params.compute_gradient is 0 only losses and misses
// are summed.

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> step_state: array<u32>;
@group(0) @binding(3) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> moments: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> gradient: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> progress: array<u32>;

const PARTS: u32 = UPDATE_LANES / UPDATE_VECTORS;
var<workgroup> sums: array<vec4<f32>, UPDATE_LANES>;

fn adamw(p: u32, g: vec4<f32>, scalars: vec4<f32>) {
    let m = params.beta1 * moments[p] + params.one_minus_beta1 * g;
    let v = params.beta2 * moments[PACKED_VECTORS + p] + params.one_minus_beta2 * g * g;
    moments[p] = m;
    moments[PACKED_VECTORS + p] = v;
    let root = sqrt(v) * scalars.y;
    parameters[p] = parameters[p] * scalars.z - scalars.x * m / (root + vec4<f32>(params.epsilon));
}

// True for a vector of Muon's matrices.
fn of_matrix(p: u32) -> bool {
    return p < PACKED_H1B || (p >= PACKED_H2W && p < PACKED_H2B)
        || (p >= PACKED_H3W && p < PACKED_H3B) || (p >= PACKED_OUTW && p < PACKED_OUTB);
}

fn sgd(p: u32, g: vec4<f32>, learning_rate: f32) {
    let weight = parameters[p];
    let moment = params.momentum * moments[p] + (g + params.weight_decay * weight);
    moments[p] = moment;
    parameters[p] = weight - learning_rate * moment;
}

fn note(total: vec4<f32>) {
    progress[TOTAL_LOSS] = bitcast<u32>(total.x);
    progress[TOTAL_MISSED] = u32(total.y);
    if (params.is_training == 1u) {
        progress[LOSSES + step_state[SLOT]] = bitcast<u32>(total.x / f32(params.batch));
        progress[STEP] = step_state[STEP] + 1u;
        progress[SLOT] = step_state[SLOT] + 1u;
    }
}

@compute @workgroup_size(UPDATE_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let p = workgroup.x * UPDATE_VECTORS + lane % UPDATE_VECTORS;
    let wanted = p == PACKED_VECTORS || (params.compute_gradient == 1u && p < PACKED_VECTORS);
    var sum = vec4<f32>(0.0);
    if (wanted) {
        for (var row = lane / UPDATE_VECTORS; row < params.rows; row += PARTS) {
            sum += partial[row * (PACKED_VECTORS + 1u) + p];
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if (lane >= UPDATE_VECTORS || !wanted) {
        return;
    }
    // Always added in the same order.
    for (var part = 1u; part < PARTS; part++) {
        sum += sums[part * UPDATE_VECTORS + lane];
    }
    if (p == PACKED_VECTORS) {
        note(sum);
        return;
    }
    gradient[p] = sum;
    if (params.is_training == 1u) {
        let scalars = schedule[step_state[SLOT]];
        if (OPTIMIZER_IS_SGD) {
            sgd(p, sum, scalars.x);
        } else if (!OPTIMIZER_IS_WHITENED_MUON && !(params.is_muon == 1u && of_matrix(p))) {
            adamw(p, sum, scalars);
        }
    }
}
