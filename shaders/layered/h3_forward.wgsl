// H3: 192 inputs to 30 units, activation.
//
// h3[j] = f(b[j] + Σ dropped[i] · w[i, j])
//
// - dropped: [3 quads][4×4][examples], H2 after dropout; parameters: H3w [192][30], H3b [30]
// - h3: [8 quads][examples] of four units; units 30 and 31 are f(0) = 0
//
// One invocation: eight units of one example (y: which eight).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> dropped: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> h3: array<vec4<f32>>;

const INPUT_QUADS: u32 = MAP_QUADS * H2_AREA;

// [input quad][which of two unit quads]: columns are the inputs of a quad, rows the units.
var<workgroup> weights: array<mat4x4<f32>, 2u * INPUT_QUADS>;

fn weight(input: u32, unit: u32) -> f32 {
    // The clamped index keeps the unused read inside the buffer.
    let value = parameters[H3W + input * H3_UNITS + min(unit, H3_UNITS - 1u)];
    return select(0.0, value, unit < H3_UNITS);
}

fn column_of_weights(input: u32, unit: u32) -> vec4<f32> {
    return vec4<f32>(
        weight(input, unit),
        weight(input, unit + 1u),
        weight(input, unit + 2u),
        weight(input, unit + 3u),
    );
}

fn bias(unit: u32) -> f32 {
    return select(0.0, parameters[H3B + min(unit, H3_UNITS - 1u)], unit < H3_UNITS);
}

fn biases(unit: u32) -> vec4<f32> {
    return vec4<f32>(bias(unit), bias(unit + 1u), bias(unit + 2u), bias(unit + 3u));
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let unit = 8u * workgroup.y;
    for (var i = lane; i < 2u * INPUT_QUADS; i += LANES) {
        // Input quad (map quad, position): its four inputs are one map from each other in the flat order.
        let input_quad = i / 2u;
        let input = 4u * (input_quad / H2_AREA) * H2_AREA + input_quad % H2_AREA;
        let first_unit = unit + 4u * (i % 2u);
        weights[i] = mat4x4<f32>(
            column_of_weights(input, first_unit),
            column_of_weights(input + H2_AREA, first_unit),
            column_of_weights(input + 2u * H2_AREA, first_unit),
            column_of_weights(input + 3u * H2_AREA, first_unit),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    var a0 = biases(unit);
    var a1 = biases(unit + 4u);
    for (var i = 0u; i < INPUT_QUADS; i++) {
        let below = dropped[i * params.examples + example];
        a0 += weights[2u * i] * below;
        a1 += weights[2u * i + 1u] * below;
    }
    h3[at(2u * workgroup.y, 1u, 0u, example)] = activate(a0);
    h3[at(2u * workgroup.y + 1u, 1u, 0u, example)] = activate(a1);
}
