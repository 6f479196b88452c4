// From the output back to H3.
//
// Forward: out[k] = b[k] + Σ h3[j] · w[j, k]
// d_h3[j] = f′(h3[j]) · Σ w[j, k] · d_out[k]
//
// - d_out: [3 quads][examples] of four classes; parameters: outw [30][10]
// - h3, d_h3: [8 quads][examples] of four units; units 30 and 31 are 0
//
// One invocation: four units of one example (y: which four).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> d_out: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h3: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_h3: array<vec4<f32>>;

// [class quad]: columns are the classes of a quad, rows the units.
var<workgroup> weights: array<mat4x4<f32>, CLASS_QUADS>;

fn weight(unit: u32, class_index: u32) -> f32 {
    let index = min(unit, H3_UNITS - 1u) * CLASSES + min(class_index, CLASSES - 1u);
    return select(0.0, parameters[OUTW + index], unit < H3_UNITS && class_index < CLASSES);
}

fn column_of_weights(unit: u32, class_index: u32) -> vec4<f32> {
    return vec4<f32>(
        weight(unit, class_index),
        weight(unit + 1u, class_index),
        weight(unit + 2u, class_index),
        weight(unit + 3u, class_index),
    );
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let unit = 4u * workgroup.y;
    if (lane < CLASS_QUADS) {
        weights[lane] = mat4x4<f32>(
            column_of_weights(unit, 4u * lane),
            column_of_weights(unit, 4u * lane + 1u),
            column_of_weights(unit, 4u * lane + 2u),
            column_of_weights(unit, 4u * lane + 3u),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var quad = 0u; quad < CLASS_QUADS; quad++) {
        sum += weights[quad] * d_out[at(quad, 1u, 0u, example)];
    }
    let p = at(workgroup.y, 1u, 0u, example);
    d_h3[p] = sum * slope(h3[p]);
}
