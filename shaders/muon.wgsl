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

// Four elements: their indices, (1 − β)g, and m after this step.
struct Elements {
    at: vec4<u32>,
    share: vec4<f32>,
    moment: vec4<f32>,
}

fn load(parameters: vec4<u32>) -> Elements {
    let p = parameters;
    let at = vec4<u32>(packed_index[p.x], packed_index[p.y], packed_index[p.z], packed_index[p.w]);
    let g = vec4<f32>(gradient[at.x], gradient[at.y], gradient[at.z], gradient[at.w]);
    let m = vec4<f32>(first_moment[at.x], first_moment[at.y], first_moment[at.z], first_moment[at.w]);
    let share = (1.0 - params.momentum) * g;
    return Elements(at, share, params.momentum * m + share);
}

fn ahead(found: Elements) -> vec4<f32> {
    return params.momentum * found.moment + found.share;
}

fn elements(parameters: vec4<u32>) -> vec4<f32> {
    return ahead(load(parameters));
}

fn write(found: Elements, is_inside: vec4<bool>, weights: vec4<f32>) {
    if (is_inside.x) {
        first_moment[found.at.x] = found.moment.x;
        parameters[found.at.x] = weights.x;
    }
    if (is_inside.y) {
        first_moment[found.at.y] = found.moment.y;
        parameters[found.at.y] = weights.y;
    }
    if (is_inside.z) {
        first_moment[found.at.z] = found.moment.z;
        parameters[found.at.z] = weights.z;
    }
    if (is_inside.w) {
        first_moment[found.at.w] = found.moment.w;
        parameters[found.at.w] = weights.w;
    }
}

fn weights_at(at: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(parameters[at.x], parameters[at.y], parameters[at.z], parameters[at.w]);
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
    for (var first = 0u; first < shape.long; first += 3u * COLUMNS) {
        let x = load(parameters_of(lane, shape, first));
        let y = load(parameters_of(lane, shape, first + COLUMNS));
        let z = load(parameters_of(lane, shape, first + 2u * COLUMNS));
        let x_weights = weights_at(x.at);
        let y_weights = weights_at(y.at);
        let z_weights = weights_at(z.at);
        gram[lane] = ahead(x);
        polynomial[lane] = ahead(y);
        staged[lane] = ahead(z);
        workgroupBarrier();
        let steps = steps_of(lane);
        write(x, is_inside(lane, shape, first), x_weights * scalars.z - size * steps[0]);
        write(y, is_inside(lane, shape, first + COLUMNS), y_weights * scalars.z - size * steps[1]);
        write(z, is_inside(lane, shape, first + 2u * COLUMNS), z_weights * scalars.z - size * steps[2]);
        workgroupBarrier();
    }
}
