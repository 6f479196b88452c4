// Loss of one example, its miss, and the gradient before the output's nonlinearity.
//
// - MSE: loss = Σ (out[k] − target[k])² / 10;
//   d_out[k] = scale · 2/10 · (out[k] − target[k]) · tanh_slope(out[k]), target +1 for the label, −1 for the others
// - cross-entropy: loss = ln Σ exp(out[k]) − out[label]; d_out[k] = scale · (softmax(out)[k] − [k = label])
// - missed: 1 where the largest output (the first of equal ones) is not the label's
//
// Outputs come as three quads of classes; 10 and 11 are padding: no loss, no gradient.

struct ExampleLoss {
    loss: f32,
    missed: u32,
    d_out0: vec4<f32>,
    d_out1: vec4<f32>,
    d_out2: vec4<f32>,
}

const LANE: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);
const REAL_IN_LAST_QUAD: vec4<f32> = vec4<f32>(1.0, 1.0, 0.0, 0.0);

fn sum4(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

fn max4(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

fn min4(v: vec4<u32>) -> u32 {
    return min(min(v.x, v.y), min(v.z, v.w));
}

// One for the label's class, zero for the others of this quad.
fn one_hot(label: u32, quad: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), LANE + vec4<u32>(4u * quad) == vec4<u32>(label));
}

// The classes of this quad whose output is the largest; CLASSES for the others.
fn winners(outputs: vec4<f32>, largest: f32, quad: u32) -> vec4<u32> {
    let classes = LANE + vec4<u32>(4u * quad);
    return select(vec4<u32>(CLASSES), classes, outputs == vec4<f32>(largest));
}

fn loss_of(o0: vec4<f32>, o1: vec4<f32>, o2: vec4<f32>, label: u32) -> ExampleLoss {
    var result: ExampleLoss;
    let t0 = one_hot(label, 0u);
    let t1 = one_hot(label, 1u);
    let t2 = one_hot(label, 2u);

    let largest = max(max(max4(o0), max4(o1)), max(o2.x, o2.y));
    let guess = min(min4(min(winners(o0, largest, 0u), winners(o1, largest, 1u))),
                    min4(winners(o2, largest, 2u)));
    result.missed = select(1u, 0u, guess == label);

    if (LOSS_IS_MSE) {
        let one = vec4<f32>(1.0);
        let e0 = o0 - (2.0 * t0 - one);
        let e1 = o1 - (2.0 * t1 - one);
        let e2 = (o2 - (2.0 * t2 - one)) * REAL_IN_LAST_QUAD;
        result.loss = sum4(e0 * e0 + e1 * e1 + e2 * e2) / f32(CLASSES);
        let scale = params.gradient_scale * 2.0 / f32(CLASSES);
        result.d_out0 = scale * e0 * tanh_slope(o0);
        result.d_out1 = scale * e1 * tanh_slope(o1);
        result.d_out2 = scale * e2 * tanh_slope(o2);
    } else {
        // Before the exponentials: after them, NVIDIA's compiler for sm_90 spills 8 bytes.
        let labels_logit = sum4(t0 * o0 + t1 * o1 + t2 * o2);
        // Subtracting the largest logit keeps exp from overflowing.
        let z0 = exp(o0 - vec4<f32>(largest));
        let z1 = exp(o1 - vec4<f32>(largest));
        let z2 = exp(min(o2 - vec4<f32>(largest), vec4<f32>(0.0))) * REAL_IN_LAST_QUAD;
        let sum = sum4(z0 + z1 + z2);
        result.loss = log(sum) + (largest - labels_logit);
        result.d_out0 = params.gradient_scale * (z0 / sum - t0);
        result.d_out1 = params.gradient_scale * (z1 / sum - t1);
        result.d_out2 = params.gradient_scale * (z2 / sum - t2);
    }
    return result;
}
