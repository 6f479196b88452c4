// The start of whitened Muon's update: each layer's momentum by whitened inputs.
//
// G_c = G − Σ_p g_p μ_pᵀ;  m ← βm + (1 − β)G_c;  whitened = (βm + (1 − β)G_c) L⁻ᵀ
//
// - packed_index: index of each parameter in gradient and first_moment (m); g_p: the gradient by the row's bias at p
// - means (μ), whitening (L⁻¹): as `rows.wgsl` says
// - whitened: at each weight's place among the parameters
//
// One workgroup: one row of weights, a lane per input.

@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> whitening: array<f32>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> packed_index: array<u32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> whitened: array<f32>;

var<workgroup> ahead: array<f32, ROW_LANES>;

@compute @workgroup_size(ROW_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let row = row_of(workgroup.x);
    let place = row.weights + lane * row.stride;
    var u = 0.0;
    if (lane < row.inputs) {
        let at = packed_index[place];
        var g = gradient[at];
        for (var position = 0u; position < row.positions; position++) {
            let of_bias = gradient[packed_index[row.biases + position]];
            g -= of_bias * means[row.mean + position * row.inputs + lane];
        }
        let moment = params.momentum * first_moment[at] + (1.0 - params.momentum) * g;
        first_moment[at] = moment;
        u = params.momentum * moment + (1.0 - params.momentum) * g;
    }
    ahead[lane] = u;
    workgroupBarrier();
    if (lane < row.inputs) {
        var sum = 0.0;
        for (var k = 0u; k <= lane; k++) {
            sum += whitening[row.whitening + k * row.inputs + lane] * ahead[k];
        }
        whitened[place] = sum;
    }
}
