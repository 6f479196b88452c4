//! Diagonal Newton's curvature: the f64 reference against its own definition, taken by differences of the forward
//! kernels alone, and against the Gauss-Newton matrix itself where the two are the same.

use crate::common::compare::{Tolerance, close};
use crate::common::{Noise, random_digits, random_parameters};
use gpu_train::engine::Engine;
use gpu_train::net::{
    CLASSES, H1_UNITS, H1B, H1W, H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W, OUTB, OUTW,
    ParameterTensor, Parameters,
};
use gpu_train::recipe::{Activation, Functions, Loss, Recipe, RecipeName};
use gpu_train::reference::{
    Activations, Reference, activate, add_curvature, h1_forward, h2_forward, h3_forward,
    out_forward,
};

const KINDS: [(Activation, Loss); 4] = [
    (Activation::ScaledTanh, Loss::Mse),
    (Activation::Tanh, Loss::Mse),
    (Activation::Tanh, Loss::CrossEntropy),
    (Activation::Relu, Loss::Mse),
];
/// Step of the differences.
const H: f64 = 1e-6;
/// Both sides come from f64; differences over 2·10⁻⁶ of values near 1 are good to some 10⁻⁹.
const TOLERANCE: Tolerance = Tolerance::of(1e-7, 1e-6);
/// Weights tried of each tensor.
const TRIED: usize = 24;

const LAYERS: [(ParameterTensor, ParameterTensor, usize); 4] = [
    (H1W, H1B, H1_UNITS),
    (H2W, H2B, H2_UNITS),
    (H3W, H3B, H3_UNITS),
    (OUTW, OUTB, CLASSES),
];

/// The sums of a layer before its nonlinearity: ReLU of them less ReLU of their negatives.
fn sums(layer: usize, parameters: &Parameters<f64>, below: &[f64]) -> Vec<f64> {
    let (weights, biases, units) = LAYERS[layer];
    let rectified = |sign: f64| {
        let signed = |tensor| -> Vec<f64> {
            let values: &[f64] = parameters.tensor(tensor);
            values.iter().map(|v| sign * v).collect()
        };
        let (w, b, mut y) = (signed(&weights), signed(&biases), vec![f64::NAN; units]);
        match layer {
            0 => h1_forward(below, &w, &b, Activation::Relu, &mut y),
            1 => h2_forward(below, &w, &b, Activation::Relu, &mut y),
            2 => h3_forward(below, &w, &b, Activation::Relu, &mut y),
            _ => {
                out_forward(below, &w, &b, Activation::Tanh, Loss::CrossEntropy, &mut y);
                y.iter_mut().for_each(|y| *y = y.max(0.0));
            }
        }
        y
    };
    let (positive, negative) = (rectified(1.0), rectified(-1.0));
    positive.iter().zip(negative).map(|(p, n)| p - n).collect()
}

/// E″ of the outputs' sums: of MSE by the slope of tanh, of cross-entropy by second differences of the loss.
fn at_the_output(sums: &[f64], activation: Activation, loss: Loss) -> Vec<f64> {
    let entropy = |sums: &[f64]| sums.iter().map(|z| z.exp()).sum::<f64>().ln();
    (0..CLASSES)
        .map(|class| match loss {
            Loss::Mse => {
                let at = |h: f64| match activation {
                    Activation::ScaledTanh => 1.7159 * (2.0 / 3.0 * (sums[class] + h)).tanh(),
                    _ => (sums[class] + h).tanh(),
                };
                0.2 * ((at(H) - at(-H)) / (2.0 * H)).powi(2)
            }
            Loss::CrossEntropy => {
                let at = |h: f64| {
                    let mut moved = sums.to_vec();
                    moved[class] += h;
                    entropy(&moved)
                };
                let h = 1e-3;
                (at(h) - 2.0 * at(0.0) + at(-h)) / (h * h)
            }
        })
        .collect()
}

/// The values a layer hands on, from its sums: H2's times dropout's factors.
fn handed_on(layer: usize, activation: Activation, sums: &[f64], factors: &[f64]) -> Vec<f64> {
    let values = sums.iter().enumerate();
    values
        .map(|(unit, &sum)| {
            activate(activation, sum) * if layer == 1 { factors[unit] } else { 1.0 }
        })
        .collect()
}

/// `Σ (∂aₖ/∂aᵢ)² · E″(aₖ)`, the derivatives from layer to layer by differences.
fn second_back(
    layer: usize,
    parameters: &Parameters<f64>,
    (activation, factors): (Activation, &[f64]),
    below: &[f64],
    above: &[f64],
) -> Vec<f64> {
    let from = |moved: &[f64]| {
        let values = handed_on(layer, activation, moved, factors);
        sums(layer + 1, parameters, &values)
    };
    (0..below.len())
        .map(|unit| {
            let mut moved = below.to_vec();
            moved[unit] = below[unit] + H;
            let up = from(&moved);
            moved[unit] = below[unit] - H;
            let down = from(&moved);
            let squares = up
                .iter()
                .zip(down)
                .map(|(u, d)| ((u - d) / (2.0 * H)).powi(2));
            squares.zip(above).map(|(square, d)| square * d).sum()
        })
        .collect()
}

#[test]
fn the_reference_is_its_definition() {
    let parameters = random_parameters(21).map(f64::from);
    let digits = random_digits(1, 22);
    for (activation, loss) in KINDS {
        let recipe = Recipe {
            activation,
            loss,
            ..Recipe::named(RecipeName::Reproduction)
        };
        let net = Reference::<f64>::new(digits.clone(), recipe, &random_parameters(21)).unwrap();
        let (image, _) = net.forward_backward(0, 1.0);
        let mut noise = Noise(23);
        let factors: Vec<f64> = (0..H2_UNITS)
            .map(|_| {
                if noise.signed() < -0.5 {
                    0.0
                } else {
                    4.0 / 3.0
                }
            })
            .collect();
        let functions = Functions { activation, loss };
        let values = Activations::forward(&parameters, image.x, factors.clone(), functions);
        let mut h = Parameters::zeros();
        add_curvature(&parameters, &values, activation, loss, 1.0, &mut h);

        // Inputs and sums of each layer, then E″ of the sums.
        let mut inputs = vec![values.x.clone()];
        let mut layer_sums: Vec<Vec<f64>> = Vec::new();
        for layer in 0..4 {
            layer_sums.push(sums(layer, &parameters, &inputs[layer]));
            inputs.push(handed_on(layer, activation, &layer_sums[layer], &factors));
        }
        let mut d = at_the_output(&layer_sums[3], activation, loss);
        for layer in (0..4).rev() {
            if layer < 3 {
                let with = (activation, &factors[..]);
                d = second_back(layer, &parameters, with, &layer_sums[layer], &d);
            }
            for tensor in [LAYERS[layer].0, LAYERS[layer].1] {
                let what = format!("{activation:?} {loss:?} {}", tensor.name);
                let places: Vec<usize> = (0..TRIED.min(tensor.len()))
                    .map(|_| (noise.bits() % tensor.len() as u64) as usize)
                    .collect();
                let wanted = places.iter().map(|&place| {
                    // The sums are linear in a weight, so a difference over 1 is the derivative by it; each unit
                    // has at most one connection of a weight.
                    let moved = |by: f64| {
                        let mut moved = parameters.clone();
                        moved.tensor_mut(&tensor)[place] += by;
                        sums(layer, &moved, &inputs[layer])
                    };
                    let change = moved(0.5).into_iter().zip(moved(-0.5));
                    change.zip(&d).map(|((u, v), d)| (u - v).powi(2) * d).sum()
                });
                let wanted: Vec<f64> = wanted.collect();
                assert!(wanted.iter().any(|&v| v > 1e-9), "{what}: nothing to check");
                let found: Vec<f64> = places.iter().map(|&p| h.tensor(&tensor)[p]).collect();
                // Second differences of cross-entropy are good to 10⁻⁷ of it.
                close(
                    &what,
                    &found,
                    &wanted,
                    Tolerance {
                        atol: 3e-6,
                        ..TOLERANCE
                    },
                )
                .unwrap();
            }
        }
    }
}

/// The Gauss-Newton matrix's own diagonal element for one parameter, `Σ J ᵀ H J` over the examples, J by differences of
/// the outputs.
fn gauss_newton(net: &mut Reference<f64>, examples: usize, loss: Loss, index: usize) -> f64 {
    let outputs = |net: &mut Reference<f64>, by: f64| -> Vec<Vec<f64>> {
        net.parameters_mut().flat_mut()[index] += by;
        let out = (0..examples)
            .map(|e| net.forward_backward(e, 1.0).0.out)
            .collect();
        net.parameters_mut().flat_mut()[index] -= by;
        out
    };
    let (at, up, down) = (outputs(net, 0.0), outputs(net, H), outputs(net, -H));
    let mut sum = 0.0;
    for example in 0..examples {
        let change = up[example].iter().zip(&down[example]);
        let change: Vec<f64> = change.map(|(u, d)| (u - d) / (2.0 * H)).collect();
        sum += match loss {
            Loss::Mse => change.iter().map(|c| 0.2 * c * c).sum::<f64>(),
            Loss::CrossEntropy => {
                // H is diag(p) − p·pᵀ: a variance.
                let whole: f64 = at[example].iter().map(|z| z.exp()).sum();
                let p = at[example].iter().map(|z| z.exp() / whole);
                let moments = p.zip(&change).fold((0.0, 0.0), |(first, second), (p, c)| {
                    (first + p * c, second + p * c * c)
                });
                moments.1 - moments.0 * moments.0
            }
        };
    }
    sum / examples as f64
}

/// The output's weights, and with MSE H3's too, couple to the loss through one sum or through outputs that the loss does
/// not couple: there the approximation is the Gauss-Newton diagonal. Further down it is not: checked as well, so that
/// the check itself can tell.
#[test]
fn it_is_the_gauss_newton_diagonal_as_far_as_it_can_be() {
    const EXAMPLES: usize = 3;
    for (activation, loss) in KINDS {
        let recipe = Recipe {
            activation,
            loss,
            curvature_sample: EXAMPLES as u32,
            ..Recipe::named(RecipeName::Reproduction)
        };
        let digits = random_digits(EXAMPLES + 2, 31);
        let mut net = Reference::<f64>::new(digits, recipe, &random_parameters(32)).unwrap();
        let h = net.curvature();
        let mut noise = Noise(33);
        for tensor in [OUTW, OUTB, H3W, H3B, H2W] {
            let exact = [OUTW, OUTB].contains(&tensor)
                || (loss == Loss::Mse && [H3W, H3B].contains(&tensor));
            let places: Vec<usize> = (0..TRIED)
                .map(|_| tensor.offset + (noise.bits() % tensor.len() as u64) as usize)
                .collect();
            let wanted = places
                .iter()
                .map(|&at| gauss_newton(&mut net, EXAMPLES, loss, at));
            let wanted: Vec<f64> = wanted.collect();
            let found: Vec<f64> = places.iter().map(|&at| h.flat()[at]).collect();
            let what = format!("{activation:?} {loss:?} {}", tensor.name);
            let result = close(&what, &found, &wanted, TOLERANCE);
            assert_eq!(result.is_ok(), exact, "{result:?}");
        }
    }
}

#[test]
fn the_reference_steps_by_it_once_a_pass_and_carries_on_mid_pass() {
    let recipe = Recipe {
        curvature_sample: 4,
        ..Recipe::named(RecipeName::Newton1989)
    };
    let start = || {
        let start = random_parameters(42);
        Reference::<f32>::new(random_digits(6, 41), recipe.clone(), &start).unwrap()
    };
    let (mut whole, mut parts) = (start(), start());
    let h = whole.curvature();
    whole.train(5).unwrap();
    let steps = whole.state().unwrap().second_moment;
    let wanted = h.map(|h| 1.0 / (recipe.damping as f32 + h));
    assert_eq!(
        steps, wanted,
        "made from the weights at the start of the epoch"
    );
    whole.train(10).unwrap();
    assert_ne!(whole.state().unwrap().second_moment, wanted, "made anew");
    parts.train(9).unwrap();
    let saved = parts.state().unwrap();
    let mut other = start();
    other.train(2).unwrap();
    other.restore(&saved).unwrap();
    other.train(6).unwrap();
    assert_eq!(other.state().unwrap(), whole.state().unwrap());
}
