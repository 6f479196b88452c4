// Gradient descent, PyTorch's SGD.
//
// g ← g + decay · w;  m ← momentum · m + g;  w ← w − η · m
//
// - parameters, gradient, first_moment (m): [9760]; schedule: a vector per step, x holding η
//
// One invocation: one parameter.

@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> progress: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let p = invocation.x;
    if (p >= PARAMETER_COUNT) {
        return;
    }
    let learning_rate = schedule[progress[SLOT]].x;
    let weight = parameters[p];
    let moment = params.momentum * first_moment[p] + (gradient[p] + params.weight_decay * weight);
    first_moment[p] = moment;
    parameters[p] = weight - learning_rate * moment;
}
