// Gradient of H1's kernels and biases, a partial sum per chunk of examples.
//
// Forward: h1[m, r, c] = b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr, 2c + kc]
// d_w[m, kr, kc] = Σ x[2r + kr, 2c + kc] · d_h1[m, r, c] (Σ over examples, r, c); d_b = Σ d_h1 (over examples)
//
// - x: [20][20][examples]; d_h1: [3 quads][8×8][examples] of four maps
// - partial: [chunk][parameter], H1w [12][5][5] and H1b [12][8][8]
//
// One workgroup: a chunk of examples (x) and one kernel row of four maps, or the biases of four maps at eight
// positions (y).

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> d_h1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

const WEIGHT_BLOCKS: u32 = MAP_QUADS * KERNEL;

// Stores one parameter of four maps, `stride` from map to map.
fn write(chunk: u32, first: u32, stride: u32, total: vec4<f32>) {
    let p = partial_at(chunk, first);
    partial[p] = total.x;
    partial[p + stride] = total.y;
    partial[p + 2u * stride] = total.z;
    partial[p + 3u * stride] = total.w;
}

fn biases(chunk: u32, lane: u32, quad: u32, first_position: u32) {
    var g0 = mat4x4<f32>();
    var g1 = mat4x4<f32>();
    let n = params.examples;
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        let p = at(quad, H1_AREA, first_position, example);
        g0 += mat4x4<f32>(d_h1[p], d_h1[p + n], d_h1[p + 2u * n], d_h1[p + 3u * n]);
        g1 += mat4x4<f32>(d_h1[p + 4u * n], d_h1[p + 5u * n], d_h1[p + 6u * n], d_h1[p + 7u * n]);
    }
    put_pair(lane, g0, g1);
    let total = slot_total(lane);
    if (lane < SLOTS) {
        write(chunk, H1B + 4u * quad * H1_AREA + first_position + lane, H1_AREA, total);
    }
}

fn weights(chunk: u32, lane: u32, quad: u32, kr: u32) {
    // One vector per kernel column.
    var g0 = vec4<f32>(0.0);
    var g1 = vec4<f32>(0.0);
    var g2 = vec4<f32>(0.0);
    var g3 = vec4<f32>(0.0);
    var g4 = vec4<f32>(0.0);
    let n = params.examples;
    let end = chunk_end(chunk);
    for (var example = chunk * EXAMPLES_PER_CHUNK + lane; example < end; example += LANES) {
        for (var row = 0u; row < H1_SIDE; row++) {
            var p = (STRIDE * row + kr) * PADDED_SIDE * n + example;
            var d = at(quad, H1_AREA, row * H1_SIDE, example);
            // A window of five columns slides by the stride.
            var x0 = x[p];
            var x1 = x[p + n];
            var x2 = x[p + 2u * n];
            for (var column = 0u; column < H1_SIDE; column++) {
                let x3 = x[p + 3u * n];
                let x4 = x[p + 4u * n];
                let above = d_h1[d];
                g0 += above * x0;
                g1 += above * x1;
                g2 += above * x2;
                g3 += above * x3;
                g4 += above * x4;
                x0 = x2;
                x1 = x3;
                x2 = x4;
                p += STRIDE * n;
                d += n;
            }
        }
    }
    put(0u, lane, g0);
    put(1u, lane, g1);
    put(2u, lane, g2);
    put(3u, lane, g3);
    put(4u, lane, g4);
    let total = slot_total(lane);
    if (lane < KERNEL) {
        write(chunk, H1W + 4u * quad * TAPS + kr * KERNEL + lane, TAPS, total);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let block = workgroup.y;
    if (block < WEIGHT_BLOCKS) {
        weights(workgroup.x, lane, block / KERNEL, block % KERNEL);
    } else {
        let first = (block - WEIGHT_BLOCKS) * SLOTS;
        biases(workgroup.x, lane, first / H1_AREA, first % H1_AREA);
    }
}
