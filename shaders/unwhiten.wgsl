// The end of whitened Muon's update: from orthogonal steps by whitened inputs to the parameters.
//
// W ← shrink · W − η · whitened L⁻¹;  b_p ← b_p + (W before − W after) μ_p
//
// - whitened: at each weight's place among the parameters
// - means (μ), whitening (L⁻¹): as `rows.wgsl` says
// - schedule: a vector per step, z holding shrink, w holding η
// - packed_index: index of each parameter in parameters
//
// One workgroup: one row of weights, a lane per input, then up to sixteen lanes for each of the row's biases.

@group(0) @binding(1) var<storage, read> whitened: array<f32>;
@group(0) @binding(2) var<storage, read> whitening: array<f32>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> progress: array<u32>;
@group(0) @binding(6) var<storage, read> packed_index: array<u32>;
@group(0) @binding(7) var<storage, read_write> parameters: array<f32>;

var<workgroup> steps: array<f32, ROW_LANES>;
var<workgroup> change: array<f32, ROW_LANES>;
var<workgroup> sums: array<f32, ROW_LANES>;

// Adds four terms of a weight's step; there are none before the diagonal and after the last input.
fn add_steps(sum: f32, row: Row, lane: u32, first: u32) -> f32 {
    let k = clamp(QUAD + first, vec4<u32>(lane), vec4<u32>(row.inputs - 1u));
    let step = vec4<f32>(steps[k.x], steps[k.y], steps[k.z], steps[k.w]);
    return add_terms(sum, select(vec4<f32>(0.0), step, k == QUAD + first), whitening_of(row, lane, k));
}

@compute @workgroup_size(ROW_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let row = row_of(workgroup.x);
    // Lanes beyond the row do the last input's work again, and keep nothing.
    let input = min(lane, row.inputs - 1u);
    let place = row.weights + input * row.stride;
    let at = packed_index[place];
    let before = parameters[at];
    let bias_at = packed_index[row.biases + min(lane, row.positions - 1u)];
    let bias = parameters[bias_at];
    let scalars = schedule[progress[SLOT]];
    steps[lane] = whitened[place];
    workgroupBarrier();
    var sum = 0.0;
    // From the same place for the lanes of a subgroup, so that they read neighbours.
    for (var first = input / 16u * 16u; first < row.inputs; first += 16u) {
        sum = add_steps(sum, row, input, first);
        sum = add_steps(sum, row, input, first + 4u);
        sum = add_steps(sum, row, input, first + 8u);
        sum = add_steps(sum, row, input, first + 12u);
    }
    let after = before * scalars.z - scalars.w * sum;
    change[lane] = before - after;
    workgroupBarrier();
    if (lane < row.inputs) {
        parameters[at] = after;
    }
    let parts = min(16u, ROW_LANES / row.positions);
    let position = lane / parts;
    sum = 0.0;
    if (position < row.positions) {
        for (var first = lane % parts; first < row.inputs; first += 4u * parts) {
            let k = min(parts * QUAD + first, vec4<u32>(row.inputs - 1u));
            let moved = vec4<f32>(change[k.x], change[k.y], change[k.z], change[k.w]);
            let at = row.mean + position * row.inputs + k;
            let mean = vec4<f32>(means[at.x], means[at.y], means[at.z], means[at.w]);
            sum = add_terms(sum, select(vec4<f32>(0.0), moved, k == parts * QUAD + first), mean);
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if (lane < row.positions) {
        var total = 0.0;
        // Always added in the same order.
        for (var part = 0u; part < parts; part++) {
            total += sums[lane * parts + part];
        }
        parameters[bias_at] = bias + total;
    }
}
