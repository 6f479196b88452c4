// H1: twelve 5×5 kernels over the padded image, a bias per unit, activation.
//
// h1[m, r, c] = f(b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr, 2c + kc])
//
// - x: [20][20][examples]; parameters: H1w [12][5][5], H1b [12][8][8]
// - h1: [3 quads][8×8][examples] of four maps
//
// One invocation: half a row, four units, of four maps of one example (y: quad, row, half).

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> h1: array<vec4<f32>>;

var<workgroup> kernels: array<vec4<f32>, TAPS>;

fn bias(quad: u32, position: u32) -> vec4<f32> {
    let first = H1B + 4u * quad * H1_AREA + position;
    return vec4<f32>(
        parameters[first],
        parameters[first + H1_AREA],
        parameters[first + 2u * H1_AREA],
        parameters[first + 3u * H1_AREA],
    );
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let quad = workgroup.y / (2u * H1_SIDE);
    let row = (workgroup.y / 2u) % H1_SIDE;
    let column = 4u * (workgroup.y % 2u);
    if (lane < TAPS) {
        let first = H1W + 4u * quad * TAPS + lane;
        kernels[lane] = vec4<f32>(
            parameters[first],
            parameters[first + TAPS],
            parameters[first + 2u * TAPS],
            parameters[first + 3u * TAPS],
        );
    }
    workgroupBarrier();

    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let position = row * H1_SIDE + column;
    var a0 = bias(quad, position);
    var a1 = bias(quad, position + 1u);
    var a2 = bias(quad, position + 2u);
    var a3 = bias(quad, position + 3u);
    let n = params.examples;
    for (var kr = 0u; kr < KERNEL; kr++) {
        let p = ((STRIDE * row + kr) * PADDED_SIDE + STRIDE * column) * n + example;
        let x2 = x[p + 2u * n];
        let x3 = x[p + 3u * n];
        let x4 = x[p + 4u * n];
        let x5 = x[p + 5u * n];
        let x6 = x[p + 6u * n];
        let x7 = x[p + 7u * n];
        let x8 = x[p + 8u * n];
        let w0 = kernels[kr * KERNEL];
        let w1 = kernels[kr * KERNEL + 1u];
        let w2 = kernels[kr * KERNEL + 2u];
        let w3 = kernels[kr * KERNEL + 3u];
        let w4 = kernels[kr * KERNEL + 4u];
        a0 += w0 * x[p] + w1 * x[p + n] + w2 * x2 + w3 * x3 + w4 * x4;
        a1 += w0 * x2 + w1 * x3 + w2 * x4 + w3 * x5 + w4 * x6;
        a2 += w0 * x4 + w1 * x5 + w2 * x6 + w3 * x7 + w4 * x8;
        a3 += w0 * x6 + w1 * x7 + w2 * x8 + w3 * x[p + 9u * n] + w4 * x[p + 10u * n];
    }
    h1[at(quad, H1_AREA, position, example)] = activate(a0);
    h1[at(quad, H1_AREA, position + 1u, example)] = activate(a1);
    h1[at(quad, H1_AREA, position + 2u, example)] = activate(a2);
    h1[at(quad, H1_AREA, position + 3u, example)] = activate(a3);
}
