// Gradient of the output layer's weights and biases, a partial sum per chunk of examples.
//
// Forward: out[k] = b[k] + Σ h3[j] · w[j, k]
// d_w[j, k] = Σ h3[j] · d_out[k]; d_b[k] = Σ d_out[k] (Σ over examples)
//
// - h3: [8 quads][examples] of four units; d_out: [3 quads][examples] of four classes
// - partial: [chunk][parameter], outw [30][10] and outb [10]
//
// One workgroup: a chunk of examples (x) and four units by all classes, or the biases (y).

@group(0) @binding(1) var<storage, read> h3: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> d_out: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

fn write(chunk: u32, first: u32, first_class: u32, total: vec4<f32>) {
    let p = partial_at(chunk, first + first_class);
    partial[p] = total.x;
    partial[p + 1u] = total.y;
    if (first_class + 2u < CLASSES) {
        partial[p + 2u] = total.z;
        partial[p + 3u] = total.w;
    }
}

fn biases(chunk: u32, lane: u32) {
    var g0 = vec4<f32>(0.0);
    var g1 = vec4<f32>(0.0);
    var g2 = vec4<f32>(0.0);
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        g0 += d_out[at(0u, 1u, 0u, example)];
        g1 += d_out[at(1u, 1u, 0u, example)];
        g2 += d_out[at(2u, 1u, 0u, example)];
    }
    put(0u, lane, g0);
    put(1u, lane, g1);
    put(2u, lane, g2);
    let total = slot_total(lane);
    if (lane < CLASS_QUADS) {
        write(chunk, OUTB, 4u * lane, total);
    }
}

fn weights(chunk: u32, lane: u32, quad: u32) {
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    var g2 = mat4x4<f32>();
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        let below = h3[at(quad, 1u, 0u, example)];
        g0 += outer(d_out[at(0u, 1u, 0u, example)], below);
        g1 += outer(d_out[at(1u, 1u, 0u, example)], below);
        g2 += outer(d_out[at(2u, 1u, 0u, example)], below);
    }
    put_pair(lane, g0, g1);
    let total01 = slot_total(lane);
    let unit = 4u * quad + lane % 4u;
    if (lane < SLOTS && unit < H3_UNITS) {
        write(chunk, OUTW + unit * CLASSES, 4u * (lane / 4u), total01);
    }
    put_pair(lane, g2, g2);
    let total2 = slot_total(lane);
    if (lane < 4u && unit < H3_UNITS) {
        write(chunk, OUTW + unit * CLASSES, 8u, total2);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    if (workgroup.y < H3_QUADS) {
        weights(workgroup.x, lane, workgroup.y);
    } else {
        biases(workgroup.x, lane);
    }
}
