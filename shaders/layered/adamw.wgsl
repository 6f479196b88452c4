// Adam with decoupled weight decay, PyTorch's AdamW.
//
// w ← shrink · w;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  w ← w − step_size · m / (√v · scale + ε)
//
// - parameters, gradient, first_moment (m), second_moment (v): [9760]
// - schedule: a vector per step, holding step_size, scale and shrink
//
// One invocation: one parameter. With `muon` only the biases are updated.

@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> progress: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<f32>;

// True for a parameter of Muon's matrices.
fn of_matrix(p: u32) -> bool {
    return p < H1B || (p >= H2W && p < H2B) || (p >= H3W && p < H3B) || (p >= OUTW && p < OUTB);
}

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let p = invocation.x;
    if (p >= PARAMETER_COUNT) {
        return;
    }
    if (params.is_muon == 1u && of_matrix(p)) {
        return;
    }
    let scalars = schedule[progress[SLOT]];
    let g = gradient[p];
    let m = params.beta1 * first_moment[p] + params.one_minus_beta1 * g;
    let v = params.beta2 * second_moment[p] + params.one_minus_beta2 * g * g;
    first_moment[p] = m;
    second_moment[p] = v;
    let step_size = scalars.x;
    let root = sqrt(v) * scalars.y;
    let shrink = scalars.z;
    parameters[p] = parameters[p] * shrink - step_size * m / (root + params.epsilon);
}
