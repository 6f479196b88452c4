// The middle of whitened Muon's update: each layer's momentum by whitened inputs made orthogonal.
//
// whitened ← P · whitened, twice: after the early iterations A is computed anew. In f32 A holds rounding for singular values
// below some 1e-3 of the largest, which whitened momenta have, and each iteration makes that rounding twelve times as large.
//
// - whitened: at each weight's place among the parameters

@group(0) @binding(1) var<storage, read_write> whitened: array<f32>;

fn elements(parameters: vec4<u32>) -> vec4<f32> {
    let p = parameters;
    return vec4<f32>(whitened[p.x], whitened[p.y], whitened[p.z], whitened[p.w]);
}

// Iterations of the first time.
const EARLY: u32 = MUON_ITERATIONS / 2u;

fn write(lane: u32, shape: Matrix, first: u32, steps: vec4<f32>) {
    let parameters = parameters_of(lane, shape, first);
    let inside = is_inside(lane, shape, first);
    if (inside.x) {
        whitened[parameters.x] = steps.x;
    }
    if (inside.y) {
        whitened[parameters.y] = steps.y;
    }
    if (inside.z) {
        whitened[parameters.z] = steps.z;
    }
    if (inside.w) {
        whitened[parameters.w] = steps.w;
    }
}

fn orthogonalize(lane: u32, shape: Matrix, iterations: u32, is_first: bool) {
    compute_factor(lane, shape, iterations, is_first);
    for (var first = 0u; first < shape.long; first += 3u * COLUMNS) {
        gram[lane] = elements(parameters_of(lane, shape, first));
        polynomial[lane] = elements(parameters_of(lane, shape, first + COLUMNS));
        staged[lane] = elements(parameters_of(lane, shape, first + 2u * COLUMNS));
        workgroupBarrier();
        let steps = steps_of(lane);
        write(lane, shape, first, steps[0]);
        write(lane, shape, first + COLUMNS, steps[1]);
        write(lane, shape, first + 2u * COLUMNS, steps[2]);
        workgroupBarrier();
    }
}

@compute @workgroup_size(MUON_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let shape = matrix(workgroup.x);
    orthogonalize(lane, shape, EARLY, true);
    orthogonalize(lane, shape, MUON_ITERATIONS - EARLY, false);
}
