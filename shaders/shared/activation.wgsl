// The hidden layers' nonlinearity f and its derivative.

// Metal's tanh is NaN above about 44; in f32 tanh is 1 from 9.02 on, so the clamp changes nothing.
const TANH_SATURATES: f32 = 9.02;

// Clamping and max() may turn NaN into a number and hide a run that diverged. The test is on the bits, because a
// compiler may assume that floats are never NaN.
fn keep_nan(from_value: vec4<f32>, to_value: vec4<f32>) -> vec4<f32> {
    let magnitude = bitcast<vec4<u32>>(from_value) & vec4<u32>(0x7fffffffu);
    return select(to_value, from_value, magnitude > vec4<u32>(0x7f800000u));
}

// A·tanh(g·x), A and g being 1 but for scaled tanh.
fn bounded_tanh(sum: vec4<f32>) -> vec4<f32> {
    let bounded = clamp(TANH_GAIN * sum, vec4<f32>(-TANH_SATURATES), vec4<f32>(TANH_SATURATES));
    return keep_nan(sum, TANH_AMPLITUDE * tanh(bounded));
}

// Its derivative, from its value: g·A − g/A·y².
fn tanh_slope(value: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(TANH_GAIN * TANH_AMPLITUDE) - TANH_GAIN / TANH_AMPLITUDE * value * value;
}

fn activate(sum: vec4<f32>) -> vec4<f32> {
    if (ACTIVATION_IS_TANH) {
        return bounded_tanh(sum);
    }
    return keep_nan(sum, max(sum, vec4<f32>(0.0)));
}

// The derivative, from the activation's value: tanh's, or [y > 0] for ReLU.
fn slope(value: vec4<f32>) -> vec4<f32> {
    if (ACTIVATION_IS_TANH) {
        return tanh_slope(value);
    }
    return select(vec4<f32>(0.0), vec4<f32>(1.0), value > vec4<f32>(0.0));
}
