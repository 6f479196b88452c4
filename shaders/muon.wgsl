// Muon (Jordan 2024): one step of the layers' matrices, each by one workgroup.
//
// m ← βm + (1 − β)g;  u = βm + (1 − β)g;  w ← shrink · w − η · √(longer side) · P · u
//
// - packed_index: index of each parameter in gradient, parameters and first_moment (m)
// - schedule: a vector per step, z holding shrink, w holding η

@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> progress: array<u32>;
@group(0) @binding(4) var<storage, read> packed_index: array<u32>;
@group(0) @binding(5) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(6) var<storage, read_write> first_moment: array<f32>;

// An element of u; the first time it advances the moment, which is this lane's own from then on.
fn element(parameter: u32, again: bool) -> f32 {
    let at = packed_index[parameter];
    let share = (1.0 - params.momentum) * gradient[at];
    if (!again) {
        first_moment[at] = params.momentum * first_moment[at] + share;
    }
    return params.momentum * first_moment[at] + share;
}

@compute @workgroup_size(MUON_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let shape = matrix(workgroup.x);
    compute_factor(lane, shape, MUON_ITERATIONS, true);
    let scalars = schedule[progress[SLOT]];
    let size = scalars.w * sqrt(f32(shape.long));
    for (var first = 0u; first < shape.long; first += COLUMNS) {
        stage_columns(lane, shape, first, true);
        for (var place = lane; place < shape.side * COLUMNS; place += MUON_LANES) {
            let column = first + place / shape.side;
            if (column < shape.long) {
                let at = packed_index[parameter_of(shape, place % shape.side, column)];
                parameters[at] = parameters[at] * scalars.z - size * step_at(place, shape.side);
            }
        }
        workgroupBarrier();
    }
}
