// H2: twelve 8×5×5 kernels over eight of H1's maps each, padded with −1; a bias per unit, activation.
//
// h2[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2])
//
// - h1: [3 quads][8×8][examples], −1 outside; parameters: H2w [12][8][5][5], H2b [12][4][4]
// - h2: [3 quads][4×4][examples] of four maps
//
// One invocation: one row, four units, of four maps of one example (y: quad, row).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> h1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> h2: array<vec4<f32>>;

// [half][tap]: columns are the source maps of a quad, rows the maps of H2.
var<workgroup> kernels: array<mat4x4<f32>, 2u * TAPS>;

fn column_of_kernels(quad: u32, half: u32, source: u32, tap: u32) -> vec4<f32> {
    return vec4<f32>(
        parameters[h2_weight(4u * quad, half, source, tap)],
        parameters[h2_weight(4u * quad + 1u, half, source, tap)],
        parameters[h2_weight(4u * quad + 2u, half, source, tap)],
        parameters[h2_weight(4u * quad + 3u, half, source, tap)],
    );
}

fn bias(quad: u32, position: u32) -> vec4<f32> {
    let first = H2B + 4u * quad * H2_AREA + position;
    return vec4<f32>(
        parameters[first],
        parameters[first + H2_AREA],
        parameters[first + 2u * H2_AREA],
        parameters[first + 3u * H2_AREA],
    );
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let quad = workgroup.y / H2_SIDE;
    let row = workgroup.y % H2_SIDE;
    if (lane < 2u * TAPS) {
        let half = lane / TAPS;
        let tap = lane % TAPS;
        kernels[lane] = mat4x4<f32>(
            column_of_kernels(quad, half, 0u, tap),
            column_of_kernels(quad, half, 1u, tap),
            column_of_kernels(quad, half, 2u, tap),
            column_of_kernels(quad, half, 3u, tap),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let position = row * H2_SIDE;
    var a0 = bias(quad, position);
    var a1 = bias(quad, position + 1u);
    var a2 = bias(quad, position + 2u);
    var a3 = bias(quad, position + 3u);
    let n = params.examples;
    let edge = vec4<f32>(PADDING_VALUE);
    for (var half = 0u; half < 2u; half++) {
        let below = source_quad(quad, half);
        for (var kr = 0u; kr < KERNEL; kr++) {
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
            let first = half * TAPS + kr * KERNEL;
            let w0 = kernels[first];
            a0 += w0 * edge;
            a1 += w0 * v2;
            a2 += w0 * v4;
            a3 += w0 * v6;
            let w1 = kernels[first + 1u];
            a0 += w1 * edge;
            a1 += w1 * v3;
            a2 += w1 * v5;
            a3 += w1 * v7;
            let w2 = kernels[first + 2u];
            a0 += w2 * v2;
            a1 += w2 * v4;
            a2 += w2 * v6;
            a3 += w2 * v8;
            let w3 = kernels[first + 3u];
            a0 += w3 * v3;
            a1 += w3 * v5;
            a2 += w3 * v7;
            a3 += w3 * v9;
            let w4 = kernels[first + 4u];
            a0 += w4 * v4;
            a1 += w4 * v6;
            a2 += w4 * v8;
            a3 += w4 * edge;
        }
    }
    h2[at(quad, H2_AREA, position, example)] = activate(a0);
    h2[at(quad, H2_AREA, position + 1u, example)] = activate(a1);
    h2[at(quad, H2_AREA, position + 2u, example)] = activate(a2);
    h2[at(quad, H2_AREA, position + 3u, example)] = activate(a3);
}
