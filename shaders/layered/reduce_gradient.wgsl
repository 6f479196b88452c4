// The gradient from the chunks' partial sums, added in the order of the chunks.
//
// gradient[p] = Σ partial[chunk, p]
//
// - partial: [chunks][9760]; gradient: [9760]
//
// One invocation: one parameter.

@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let parameter = invocation.x;
    if (parameter >= PARAMETER_COUNT) {
        return;
    }
    var sum = 0.0;
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
        sum += partial[chunk * PARAMETER_COUNT + parameter];
    }
    gradient[parameter] = sum;
}
