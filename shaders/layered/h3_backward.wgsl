// From H3 back to H2, through dropout.
//
// Forward: h3[j] = b[j] + Σ h2[i] · factor[i] · w[i, j]
// d_h2[i] = f′(h2[i]) · factor[i] · Σ w[i, j] · d_h3[j]
//
// - d_h3: [8 quads][examples] of four units; parameters: H3w [192][30]
// - h2, factors, d_h2: [3 quads][4×4][examples] of four maps
//
// One invocation: one row, four units, of four maps of one example (y: quad, row).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> d_h3: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> factors: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> d_h2: array<vec4<f32>>;

// [column][unit quad]: columns are the units of a quad, rows the maps of H2.
var<workgroup> weights: array<mat4x4<f32>, H2_SIDE * H3_QUADS>;

fn column_of_weights(input: u32, unit: u32) -> vec4<f32> {
    let first = H3W + input * H3_UNITS + min(unit, H3_UNITS - 1u);
    let stride = H2_AREA * H3_UNITS;
    let column = vec4<f32>(
        parameters[first],
        parameters[first + stride],
        parameters[first + 2u * stride],
        parameters[first + 3u * stride],
    );
    return select(vec4<f32>(0.0), column, unit < H3_UNITS);
}

fn finish(sum: vec4<f32>, p: u32) {
    d_h2[p] = sum * factors[p] * slope(h2[p]);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let quad = workgroup.y / H2_SIDE;
    let position = (workgroup.y % H2_SIDE) * H2_SIDE;
    if (lane < H2_SIDE * H3_QUADS) {
        let input = 4u * quad * H2_AREA + position + lane / H3_QUADS;
        let unit = 4u * (lane % H3_QUADS);
        weights[lane] = mat4x4<f32>(
            column_of_weights(input, unit),
            column_of_weights(input, unit + 1u),
            column_of_weights(input, unit + 2u),
            column_of_weights(input, unit + 3u),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    for (var i = 0u; i < H3_QUADS; i++) {
        let above = d_h3[at(i, 1u, 0u, example)];
        a0 += weights[i] * above;
        a1 += weights[H3_QUADS + i] * above;
        a2 += weights[2u * H3_QUADS + i] * above;
        a3 += weights[3u * H3_QUADS + i] * above;
    }
    finish(a0, at(quad, H2_AREA, position, example));
    finish(a1, at(quad, H2_AREA, position + 1u, example));
    finish(a2, at(quad, H2_AREA, position + 2u, example));
    finish(a3, at(quad, H2_AREA, position + 3u, example));
}
