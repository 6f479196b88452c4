// From H2 back to H1. The gradient of the padding is dropped.
//
// Forward: h2[m, r, c] = b + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2]
// d_h1[i, y, x] = f′(h1[i, y, x]) · Σ w[m, s, kr, kc] · d_h2[m, r, c] over all terms that used the unit:
// source(m, s) = i, 2r + kr − 2 = y, 2c + kc − 2 = x
//
// - d_h2: [3 quads][4×4][examples] of four maps; parameters: H2w [12][8][5][5]
// - h1, d_h1: [3 quads][8×8][examples] of four maps
//
// One invocation: one row, eight units, of four maps of one example (y: quad, row).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> d_h2: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h1: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_h1: array<vec4<f32>>;

// [which of the two H2 quads that see this one][tap]: columns are the maps of H2, rows those of H1.
var<workgroup> kernels: array<mat4x4<f32>, 2u * TAPS>;

fn column_of_kernels(h2_map: u32, half: u32, tap: u32) -> vec4<f32> {
    return vec4<f32>(
        parameters[h2_weight(h2_map, half, 0u, tap)],
        parameters[h2_weight(h2_map, half, 1u, tap)],
        parameters[h2_weight(h2_map, half, 2u, tap)],
        parameters[h2_weight(h2_map, half, 3u, tap)],
    );
}

fn finish(sum: vec4<f32>, p: u32) {
    d_h1[p] = sum * slope(h1[p]);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let quad = workgroup.y / H1_SIDE;
    let row = workgroup.y % H1_SIDE;
    if (lane < 2u * TAPS) {
        let seer = seen_by(quad, lane / TAPS);
        let tap = lane % TAPS;
        let first_map = 4u * (seer / 2u);
        kernels[lane] = mat4x4<f32>(
            column_of_kernels(first_map, seer % 2u, tap),
            column_of_kernels(first_map + 1u, seer % 2u, tap),
            column_of_kernels(first_map + 2u, seer % 2u, tap),
            column_of_kernels(first_map + 3u, seer % 2u, tap),
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let n = params.examples;
    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    var a4 = vec4<f32>(0.0);
    var a5 = vec4<f32>(0.0);
    var a6 = vec4<f32>(0.0);
    var a7 = vec4<f32>(0.0);
    let padded_row = row + PADDING;
    for (var which = 0u; which < 2u; which++) {
        let above = seen_by(quad, which) / 2u;
        // Only kernel rows of the same parity reach this row.
        for (var kr = padded_row % STRIDE; kr < KERNEL; kr += STRIDE) {
            if (padded_row < kr || (padded_row - kr) / STRIDE >= H2_SIDE) {
                continue;
            }
            let p = at(above, H2_AREA, (padded_row - kr) / STRIDE * H2_SIDE, example);
            let d0 = d_h2[p];
            let d1 = d_h2[p + n];
            let d2 = d_h2[p + 2u * n];
            let d3 = d_h2[p + 3u * n];
            let first = which * TAPS + kr * KERNEL;
            let w0 = kernels[first];
            a0 += w0 * d1;
            a2 += w0 * d2;
            a4 += w0 * d3;
            let w1 = kernels[first + 1u];
            a1 += w1 * d1;
            a3 += w1 * d2;
            a5 += w1 * d3;
            let w2 = kernels[first + 2u];
            a0 += w2 * d0;
            a2 += w2 * d1;
            a4 += w2 * d2;
            a6 += w2 * d3;
            let w3 = kernels[first + 3u];
            a1 += w3 * d0;
            a3 += w3 * d1;
            a5 += w3 * d2;
            a7 += w3 * d3;
            let w4 = kernels[first + 4u];
            a2 += w4 * d0;
            a4 += w4 * d1;
            a6 += w4 * d2;
        }
    }
    let p = at(quad, H1_AREA, row * H1_SIDE, example);
    finish(a0, p);
    finish(a1, p + n);
    finish(a2, p + 2u * n);
    finish(a3, p + 3u * n);
    finish(a4, p + 4u * n);
    finish(a5, p + 5u * n);
    finish(a6, p + 6u * n);
    finish(a7, p + 7u * n);
}
