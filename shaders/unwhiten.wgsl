// The end of whitened Muon's update: from orthogonal steps by whitened inputs to the parameters.
//
// W ← shrink · W − η · whitened L⁻¹;  b_p ← b_p + (W before − W after) μ_p
//
// - whitened: at each weight's place among the parameters
// - means (μ), whitening (L⁻¹): as `rows.wgsl` says
// - schedule: a vector per step, z holding shrink, w holding η
// - packed_index: index of each parameter in parameters
//
// One workgroup: one row of weights, a lane per input, then sixteen lanes for each of the row's biases.

@group(0) @binding(1) var<storage, read> whitened: array<f32>;
@group(0) @binding(2) var<storage, read> whitening: array<f32>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> progress: array<u32>;
@group(0) @binding(6) var<storage, read> packed_index: array<u32>;
@group(0) @binding(7) var<storage, read_write> parameters: array<f32>;

// Lanes of a bias.
const PARTS: u32 = 16u;
var<workgroup> steps: array<f32, ROW_LANES>;
var<workgroup> change: array<f32, ROW_LANES>;
var<workgroup> sums: array<f32, ROW_LANES>;

@compute @workgroup_size(ROW_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let row = row_of(workgroup.x);
    let place = row.weights + lane * row.stride;
    if (lane < row.inputs) {
        steps[lane] = whitened[place];
    }
    workgroupBarrier();
    if (lane < row.inputs) {
        var step = 0.0;
        for (var k = lane; k < row.inputs; k++) {
            step += steps[k] * whitening[row.whitening + k * row.inputs + lane];
        }
        let scalars = schedule[progress[SLOT]];
        let at = packed_index[place];
        let before = parameters[at];
        let after = before * scalars.z - scalars.w * step;
        parameters[at] = after;
        change[lane] = before - after;
    }
    workgroupBarrier();
    for (var first = 0u; first < row.positions; first += ROW_LANES / PARTS) {
        let position = first + lane / PARTS;
        var sum = 0.0;
        if (position < row.positions) {
            for (var k = lane % PARTS; k < row.inputs; k += PARTS) {
                sum += change[k] * means[row.mean + position * row.inputs + k];
            }
        }
        sums[lane] = sum;
        workgroupBarrier();
        if (lane % PARTS == 0u && position < row.positions) {
            // Always added in the same order.
            for (var part = 1u; part < PARTS; part++) {
                sum += sums[lane + part];
            }
            parameters[packed_index[row.biases + position]] += sum;
        }
        workgroupBarrier();
    }
}
