//! The positive diagonal approximation of the Hessian, and the gradient descent that steps by it (LeCun 1987; LeCun et
//! al. 1989; "stochastic diagonal Levenberg-Marquardt" since 1998).
//!
//! Second derivatives run back as gradients do, with two liberties, which keep them positive: f″ is dropped
//! (Gauss-Newton), and so is all that couples two units of a layer. With a the sum of a unit, y = f(a) its value and w
//! the weight of a connection:
//!
//! ```text
//! E″(aᵢ) = f′(aᵢ)² · Σ w[k, i]² · E″(aₖ)        over the connections that leave unit i
//! h(w)   = Σ E″(aᵢ) · y²                        over the connections that share the weight, y being their input
//! ```
//!
//! A padded −1 counts as an input of 1², and passes nothing back.

use super::{Activations, Real, h1_index, scaled_tanh_slope, slope};
use crate::net::{
    CLASSES, H1_AREA, H1_SIDE, H1_UNITS, H1B, H1W, H2_AREA, H2_FAN_MAPS, H2_SIDE, H2_SOURCES,
    H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W, KERNEL, OUTB, OUTW, PADDED_SIDE, PADDING_VALUE,
    ParameterTensor, Parameters, STRIDE, TAPS,
};
use crate::recipe::{Activation, Loss};

/// E″ by the output's sums, `d[k]`, without f″:
///
/// - MSE: `2/10 · g′[k]²`, g′ being `1 − out[k]²`, or scaled tanh's
/// - cross-entropy: `p[k] · (1 − p[k])`, p being the softmax; the diagonal of a matrix that also has `−p[k]·p[l]`
///
/// `out`, `d`: `[10]`.
pub fn output_curvature<T: Real>(out: &[T], activation: Activation, kind: Loss, d: &mut [T]) {
    let largest = out.iter().fold(T::neg_infinity(), |a, &b| a.max(b));
    let sum = out
        .iter()
        .fold(T::zero(), |sum, &logit| sum + (logit - largest).exp());
    for (d, &out) in d.iter_mut().zip(out) {
        *d = match kind {
            Loss::Mse => {
                let slope = scaled_tanh_slope(activation, out);
                T::of(2.0 / CLASSES as f64) * slope * slope
            }
            Loss::CrossEntropy => {
                let probability = (out - largest).exp() / sum;
                probability * (T::one() - probability)
            }
        };
    }
}

/// A connection: the unit it feeds, the weight it has, and the index of its input (`None` in the padding).
struct Connection {
    unit: usize,
    weight: usize,
    input: Option<usize>,
}

/// The connections into H1; inputs count the padded image's pixels.
fn into_h1() -> impl Iterator<Item = Connection> {
    (0..H1_UNITS * TAPS).map(|at| {
        let (unit, tap) = (at / TAPS, at % TAPS);
        let (map, row, column) = (unit / H1_AREA, unit % H1_AREA / H1_SIDE, unit % H1_SIDE);
        let (kr, kc) = (tap / KERNEL, tap % KERNEL);
        Connection {
            unit,
            weight: map * TAPS + tap,
            input: Some((STRIDE * row + kr) * PADDED_SIDE + STRIDE * column + kc),
        }
    })
}

/// The same into H2, from H1's units.
fn into_h2() -> impl Iterator<Item = Connection> {
    (0..H2_UNITS * H2_FAN_MAPS * TAPS).map(|at| {
        let (unit, channel, tap) = (at / TAPS / H2_FAN_MAPS, at / TAPS % H2_FAN_MAPS, at % TAPS);
        let (map, row, column) = (unit / H2_AREA, unit % H2_AREA / H2_SIDE, unit % H2_SIDE);
        let (kr, kc) = (tap / KERNEL, tap % KERNEL);
        Connection {
            unit,
            weight: (map * H2_FAN_MAPS + channel) * TAPS + tap,
            input: h1_index(
                H2_SOURCES[map][channel],
                STRIDE * row + kr,
                STRIDE * column + kc,
            ),
        }
    })
}

/// The same from all of `inputs` to all of `units`.
fn into_dense(inputs: usize, units: usize) -> impl Iterator<Item = Connection> {
    (0..units * inputs).map(move |at| Connection {
        unit: at / inputs,
        weight: at % inputs * units + at / inputs,
        input: Some(at % inputs),
    })
}

/// Adds one example's share of h, times `scale`.
///
/// - `values`: run forward; its dropout's factors count (a dropped unit passes nothing, another factor² of it)
/// - `h`: a value for each parameter
pub fn add_curvature<T: Real>(
    parameters: &Parameters<T>,
    values: &Activations<T>,
    activation: Activation,
    loss: Loss,
    scale: T,
    h: &mut Parameters<T>,
) {
    let squared_slopes = |values: &[T]| -> Vec<T> {
        let squared = |&value: &T| slope(activation, value).powi(2);
        values.iter().map(squared).collect()
    };
    let mut d_out = vec![T::zero(); CLASSES];
    output_curvature(&values.out, activation, loss, &mut d_out);
    d_out.iter_mut().for_each(|d| *d = *d * scale);

    // A layer's share of h from E″ of its sums; returns E″ of its inputs' *values*.
    let padding = T::of(f64::from(PADDING_VALUE));
    let mut layer = |weights: &ParameterTensor,
                     biases: &ParameterTensor,
                     connections: &mut dyn Iterator<Item = Connection>,
                     inputs: &[T],
                     d: &[T]| {
        let w = parameters.tensor(weights);
        let mut d_inputs = vec![T::zero(); inputs.len()];
        let shares = h.tensor_mut(weights);
        for at in connections {
            let value = at.input.map_or(padding, |input| inputs[input]);
            shares[at.weight] = shares[at.weight] + d[at.unit] * value * value;
            if let Some(input) = at.input {
                d_inputs[input] = d_inputs[input] + w[at.weight] * w[at.weight] * d[at.unit];
            }
        }
        // A bias is a weight whose input is 1.
        for (share, &d) in h.tensor_mut(biases).iter_mut().zip(d) {
            *share = *share + d;
        }
        d_inputs
    };
    let times = |d: Vec<T>, factors: Vec<T>| -> Vec<T> {
        d.iter()
            .zip(factors)
            .map(|(&d, factor)| d * factor)
            .collect()
    };

    let connections = &mut into_dense(H3_UNITS, CLASSES);
    let below = layer(&OUTW, &OUTB, connections, &values.h3, &d_out);
    let d_h3 = times(below, squared_slopes(&values.h3));
    let connections = &mut into_dense(H2_UNITS, H3_UNITS);
    let below = layer(&H3W, &H3B, connections, &values.dropped, &d_h3);
    let through_dropout = values.factors.iter().map(|&factor| factor * factor);
    let below = times(below, through_dropout.collect());
    let d_h2 = times(below, squared_slopes(&values.h2));
    let below = layer(&H2W, &H2B, &mut into_h2(), &values.h1, &d_h2);
    let d_h1 = times(below, squared_slopes(&values.h1));
    layer(&H1W, &H1B, &mut into_h1(), &values.x, &d_h1);
}

/// `w ← w − η · step · g`, the steps being 1/(μ + h). All slices have one element per parameter.
pub fn diagonal_newton<T: Real>(weights: &mut [T], gradient: &[T], steps: &[T], learning_rate: T) {
    for ((w, &g), &step) in weights.iter_mut().zip(gradient).zip(steps) {
        *w = *w - learning_rate * step * g;
    }
}
