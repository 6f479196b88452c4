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

var<workgroup> of_biases: array<f32, ROW_LANES>;
var<workgroup> ahead: array<f32, ROW_LANES>;

// Adds four positions' terms of Σ_p g_p μ_p.
fn add_means(sum: f32, row: Row, lane: u32, first: u32) -> f32 {
    let g = vec4<f32>(of_biases[first], of_biases[first + 1u], of_biases[first + 2u], of_biases[first + 3u]);
    return add_terms(sum, g, means_of(row, lane, min(QUAD + first, vec4<u32>(row.positions - 1u))));
}

// Adds four terms of an element of the product; there are none after the diagonal.
fn add_ahead(sum: f32, row: Row, lane: u32, first: u32) -> f32 {
    let k = min(QUAD + first, vec4<u32>(lane));
    let u = vec4<f32>(ahead[k.x], ahead[k.y], ahead[k.z], ahead[k.w]);
    return add_terms(sum, select(vec4<f32>(0.0), u, k == QUAD + first), whitening_of(row, lane, k));
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
    let of_weight = gradient[at];
    let before = first_moment[at];
    let of_bias = gradient[packed_index[row.biases + min(lane, row.positions - 1u)]];
    of_biases[lane] = select(0.0, of_bias, lane < row.positions);
    workgroupBarrier();
    var sum = 0.0;
    for (var first = 0u; first < row.positions; first += 16u) {
        sum = add_means(sum, row, input, first);
        sum = add_means(sum, row, input, first + 4u);
        sum = add_means(sum, row, input, first + 8u);
        sum = add_means(sum, row, input, first + 12u);
    }
    let g = of_weight - sum;
    let moment = params.momentum * before + (1.0 - params.momentum) * g;
    ahead[lane] = params.momentum * moment + (1.0 - params.momentum) * g;
    workgroupBarrier();
    if (lane < row.inputs) {
        first_moment[at] = moment;
        var product = 0.0;
        for (var first = 0u; first <= lane; first += 16u) {
            product = add_ahead(product, row, lane, first);
            product = add_ahead(product, row, lane, first + 4u);
            product = add_ahead(product, row, lane, first + 8u);
            product = add_ahead(product, row, lane, first + 12u);
        }
        whitened[place] = product;
    }
}
