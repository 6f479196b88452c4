// The middle of whitened Muon's update: each layer's momentum by whitened inputs made orthogonal.
//
// whitened ← P · whitened, twice: after the early iterations A is computed anew. In f32 A holds rounding for singular values
// below some 1e-3 of the largest, which whitened momenta have, and each iteration makes that rounding twelve times as large.
//
// - whitened: at each weight's place among the parameters

@group(0) @binding(1) var<storage, read_write> whitened: array<f32>;

fn element(parameter: u32, again: bool) -> f32 {
    return whitened[parameter];
}

// Iterations of the first time.
const EARLY: u32 = MUON_ITERATIONS / 2u;

fn orthogonalize(lane: u32, shape: Matrix, iterations: u32, is_first: bool) {
    compute_factor(lane, shape, iterations, is_first);
    for (var first = 0u; first < shape.long; first += COLUMNS) {
        stage_columns(lane, shape, first, true);
        for (var place = lane; place < shape.side * COLUMNS; place += MUON_LANES) {
            let column = first + place / shape.side;
            if (column < shape.long) {
                whitened[parameter_of(shape, place % shape.side, column)] = step_at(place, shape.side);
            }
        }
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
