// Gradient of H3's weights and biases, a partial sum per chunk of examples.
//
// Forward: h3[j] = b[j] + Σ dropped[i] · w[i, j]
// d_w[i, j] = Σ dropped[i] · d_h3[j]; d_b[j] = Σ d_h3[j] (Σ over examples)
//
// - dropped: [3 quads][4×4][examples] of four maps; d_h3: [8 quads][examples] of four units
// - partial: [chunk][parameter], H3w [192][30] and H3b [30]
//
// One workgroup: a chunk of examples (x) and four inputs by sixteen units, or the biases (y).

@group(0) @binding(1) var<storage, read> dropped: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> d_h3: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

const WEIGHT_BLOCKS: u32 = 2u * MAP_QUADS * H2_AREA;

fn write(chunk: u32, first: u32, first_unit: u32, total: vec4<f32>) {
    let p = partial_at(chunk, first + first_unit);
    partial[p] = total.x;
    partial[p + 1u] = total.y;
    if (first_unit + 2u < H3_UNITS) {
        partial[p + 2u] = total.z;
        partial[p + 3u] = total.w;
    }
}

fn biases(chunk: u32, lane: u32) {
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        g0 += mat4x4<f32>(
            d_h3[at(0u, 1u, 0u, example)],
            d_h3[at(1u, 1u, 0u, example)],
            d_h3[at(2u, 1u, 0u, example)],
            d_h3[at(3u, 1u, 0u, example)],
        );
        g1 += mat4x4<f32>(
            d_h3[at(4u, 1u, 0u, example)],
            d_h3[at(5u, 1u, 0u, example)],
            d_h3[at(6u, 1u, 0u, example)],
            d_h3[at(7u, 1u, 0u, example)],
        );
    }
    put_pair(lane, g0, g1);
    let total = slot_total(lane);
    if (lane < H3_QUADS) {
        write(chunk, H3B, 4u * lane, total);
    }
}

fn weights(chunk: u32, lane: u32, input_quad: u32, first_unit: u32) {
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    var g2 = mat4x4<f32>();
    var g3 = mat4x4<f32>();
    let unit_quad = first_unit / 4u;
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        let below = dropped[input_quad * params.examples + example];
        g0 += outer(d_h3[at(unit_quad, 1u, 0u, example)], below);
        g1 += outer(d_h3[at(unit_quad + 1u, 1u, 0u, example)], below);
        g2 += outer(d_h3[at(unit_quad + 2u, 1u, 0u, example)], below);
        g3 += outer(d_h3[at(unit_quad + 3u, 1u, 0u, example)], below);
    }
    // Slot: which of two unit quads, and which of the four inputs, one map from each other in the flat order.
    let first_input = 4u * (input_quad / H2_AREA) * H2_AREA + input_quad % H2_AREA;
    let first = H3W + (first_input + (lane % 4u) * H2_AREA) * H3_UNITS;
    let unit = first_unit + 4u * (lane / 4u);
    put_pair(lane, g0, g1);
    let total01 = slot_total(lane);
    if (lane < SLOTS) {
        write(chunk, first, unit, total01);
    }
    put_pair(lane, g2, g3);
    let total23 = slot_total(lane);
    if (lane < SLOTS) {
        write(chunk, first, unit + 8u, total23);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    if (workgroup.y < WEIGHT_BLOCKS) {
        weights(workgroup.x, lane, workgroup.y / 2u, 16u * (workgroup.y % 2u));
    } else {
        biases(workgroup.x, lane);
    }
}
