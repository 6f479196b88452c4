// Dropout on H2's output, before H3.
//
// dropped[i] = h2[i] · factor[i], factor being 0 if the draw drops the unit, else 1/(1 − p)
//
// - h2, factors, dropped: [3 quads][4×4][examples] of four maps
//
// One invocation: four maps at one position of one example (y: quad, position).

@group(0) @binding(1) var<storage, read> h2: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> progress: array<u32>;
@group(0) @binding(3) var<storage, read_write> factors: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dropped: array<vec4<f32>>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let quad = workgroup.y / H2_AREA;
    let position = workgroup.y % H2_AREA;
    let kept = draw_kept(progress[STEP], example, quad, position);
    let factor = select(vec4<f32>(0.0), vec4<f32>(params.kept_factor), kept);
    let p = at(quad, H2_AREA, position, example);
    factors[p] = factor;
    dropped[p] = h2[p] * factor;
}
