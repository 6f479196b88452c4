// Gradient of H2's kernels and biases, a partial sum per chunk of examples.
//
// Forward: h2[m, r, c] = b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2]
// d_w[m, s, kr, kc] = Σ h1[…] · d_h2[m, r, c] (−1 in the padding; Σ over examples, r, c); d_b = Σ d_h2 (over examples)
//
// - h1: [3 quads][8×8][examples] of four maps, −1 outside; d_h2: [3 quads][4×4][examples] of four maps
// - partial: [chunk][parameter], H2w [12][8][5][5] and H2b [12][4][4]
//
// One workgroup: a chunk of examples (x) and one kernel row of four maps by four source maps, or the biases of four
// maps at eight positions (y).

@group(0) @binding(1) var<storage, read> h1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> d_h2: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

const WEIGHT_BLOCKS: u32 = MAP_QUADS * 2u * KERNEL;

fn biases(chunk: u32, lane: u32, quad: u32, first_position: u32) {
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    let n = params.examples;
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        let p = at(quad, H2_AREA, first_position, example);
        g0 += mat4x4<f32>(d_h2[p], d_h2[p + n], d_h2[p + 2u * n], d_h2[p + 3u * n]);
        g1 += mat4x4<f32>(d_h2[p + 4u * n], d_h2[p + 5u * n], d_h2[p + 6u * n], d_h2[p + 7u * n]);
    }
    put_pair(lane, g0, g1);
    let total = slot_total(lane);
    if (lane < SLOTS) {
        let p = partial_at(chunk, H2B + 4u * quad * H2_AREA + first_position + lane);
        partial[p] = total.x;
        partial[p + H2_AREA] = total.y;
        partial[p + 2u * H2_AREA] = total.z;
        partial[p + 3u * H2_AREA] = total.w;
    }
}

// Rows of the matrix are maps, columns sources.
fn write(chunk: u32, quad: u32, half: u32, source: u32, tap: u32, total: vec4<f32>) {
    partial[partial_at(chunk, h2_weight(4u * quad, half, source, tap))] = total.x;
    partial[partial_at(chunk, h2_weight(4u * quad + 1u, half, source, tap))] = total.y;
    partial[partial_at(chunk, h2_weight(4u * quad + 2u, half, source, tap))] = total.z;
    partial[partial_at(chunk, h2_weight(4u * quad + 3u, half, source, tap))] = total.w;
}

fn weights(chunk: u32, lane: u32, quad: u32, half: u32, kr: u32) {
    // One matrix per kernel column.
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    var g2 = mat4x4<f32>();
    var g3 = mat4x4<f32>();
    var g4 = mat4x4<f32>();
    let n = params.examples;
    let below = source_quad(quad, half);
    let edge = vec4<f32>(PADDING_VALUE);
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        for (var row = 0u; row < H2_SIDE; row++) {
            let d = at(quad, H2_AREA, row * H2_SIDE, example);
            let d0 = d_h2[d];
            let d1 = d_h2[d + n];
            let d2 = d_h2[d + 2u * n];
            let d3 = d_h2[d + 3u * n];
            // The padded map's columns 2 to 9 are H1's; 0, 1 and 10 are padding.
            var v2 = edge;
            var v3 = edge;
            var v4 = edge;
            var v5 = edge;
            var v6 = edge;
            var v7 = edge;
            var v8 = edge;
            var v9 = edge;
            let padded_row = STRIDE * row + kr;
            if (padded_row >= PADDING && padded_row < PADDING + H1_SIDE) {
                let p = at(below, H1_AREA, (padded_row - PADDING) * H1_SIDE, example);
                v2 = h1[p];
                v3 = h1[p + n];
                v4 = h1[p + 2u * n];
                v5 = h1[p + 3u * n];
                v6 = h1[p + 4u * n];
                v7 = h1[p + 5u * n];
                v8 = h1[p + 6u * n];
                v9 = h1[p + 7u * n];
            }
            g0 += outer(d0, edge) + outer(d1, v2) + outer(d2, v4) + outer(d3, v6);
            g1 += outer(d0, edge) + outer(d1, v3) + outer(d2, v5) + outer(d3, v7);
            g2 += outer(d0, v2) + outer(d1, v4) + outer(d2, v6) + outer(d3, v8);
            g3 += outer(d0, v3) + outer(d1, v5) + outer(d2, v7) + outer(d3, v9);
            g4 += outer(d0, v4) + outer(d1, v6) + outer(d2, v8) + outer(d3, edge);
        }
    }
    // Slot: which of two kernel columns, and which source.
    let source = lane % 4u;
    let tap = kr * KERNEL + lane / 4u;
    put_pair(lane, g0, g1);
    let total01 = slot_total(lane);
    if (lane < SLOTS) {
        write(chunk, quad, half, source, tap, total01);
    }
    put_pair(lane, g2, g3);
    let total23 = slot_total(lane);
    if (lane < SLOTS) {
        write(chunk, quad, half, source, tap + 2u, total23);
    }
    put_pair(lane, g4, g4);
    let total4 = slot_total(lane);
    if (lane < 4u) {
        write(chunk, quad, half, source, tap + 4u, total4);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let block = workgroup.y;
    if (block < WEIGHT_BLOCKS) {
        let half = (block / KERNEL) % 2u;
        weights(workgroup.x, lane, block / (2u * KERNEL), half, block % KERNEL);
    } else {
        let first = (block - WEIGHT_BLOCKS) * SLOTS;
        biases(workgroup.x, lane, first / H2_AREA, first % H2_AREA);
    }
}
