// The output layer: 30 inputs to 10 classes; tanh where the loss is MSE, logits where it is cross-entropy.
//
// out[k] = g(b[k] + Σ h3[j] · w[j, k])
//
// - h3: [8 quads][examples] of four units; parameters: outw [30][10], outb [10]
// - out: [3 quads][examples] of four classes; classes 10 and 11 are 0
//
// One invocation: four classes of one example (y: which four).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> h3: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

// [unit quad]: columns are the units of a quad, rows the classes.
var<workgroup> weights: array<mat4x4<f32>, H3_QUADS>;

fn weight(unit: u32, class_index: u32) -> f32 {
    let index = min(unit, H3_UNITS - 1u) * CLASSES + min(class_index, CLASSES - 1u);
    return select(0.0, parameters[OUTW + index], unit < H3_UNITS && class_index < CLASSES);
}

fn column_of_weights(unit: u32, class_index: u32) -> vec4<f32> {
    return vec4<f32>(
        weight(unit, class_index),
        weight(unit, class_index + 1u),
        weight(unit, class_index + 2u),
        weight(unit, class_index + 3u),
    );
}

fn bias(class_index: u32) -> f32 {
    return select(0.0, parameters[OUTB + min(class_index, CLASSES - 1u)], class_index < CLASSES);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let class_index = 4u * workgroup.y;
    if (lane < H3_QUADS) {
        weights[lane] = mat4x4<f32>(
            column_of_weights(4u * lane, class_index),
            column_of_weights(4u * lane + 1u, class_index),
            column_of_weights(4u * lane + 2u, class_index),
            column_of_weights(4u * lane + 3u, class_index),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    var sum = vec4<f32>(
        bias(class_index),
        bias(class_index + 1u),
        bias(class_index + 2u),
        bias(class_index + 3u),
    );
    for (var quad = 0u; quad < H3_QUADS; quad++) {
        sum += weights[quad] * h3[at(quad, 1u, 0u, example)];
    }
    if (LOSS_IS_MSE) {
        sum = bounded_tanh(sum);
    }
    out[at(workgroup.y, 1u, 0u, example)] = sum;
}
