//! The oracle's own oracle: gradients of the f64 reference against central differences of its loss, for every
//! parameter tensor, both activations, both losses, shift and dropout on.

use crate::common::{Noise, random_digits, random_parameters};
use gpu_train::net::PARAMETERS;
use gpu_train::recipe::{Activation, Batch, Loss, Recipe, RecipeName};
use gpu_train::reference::Reference;

/// Step of the differences. The loss is near 1 and f64 has 16 digits, so the quotient is good to about 1e-10, and the
/// odd ReLU unit within 1e-6 of its kink is not among the weights drawn here.
const H: f64 = 1e-6;
/// Examples of the batch.
const EXAMPLES: usize = 5;
/// Weights tried of each tensor.
const TRIED: usize = 24;

fn check(activation: Activation, loss: Loss) {
    let recipe = Recipe {
        batch: Batch::Full,
        activation,
        loss,
        shift: 1,
        dropout: 0.25,
        ..Recipe::named(RecipeName::Reproduction)
    };
    let start = random_parameters(11);
    let mut net = Reference::<f64>::new(random_digits(EXAMPLES, 3), recipe, &start).unwrap();
    let (_, gradient) = net.batch_gradient(0..EXAMPLES);
    let mut noise = Noise(5);
    for tensor in &PARAMETERS {
        let largest = gradient
            .tensor(tensor)
            .iter()
            .fold(0f64, |a, v| a.max(v.abs()));
        assert!(largest > 1e-6, "{}: no gradient to check", tensor.name);
        for _ in 0..TRIED {
            let index = tensor.offset + (noise.bits() % tensor.len() as u64) as usize;
            let mut loss_at = |offset: f64| {
                net.parameters_mut().flat_mut()[index] += offset;
                let (loss, _) = net.batch_gradient(0..EXAMPLES);
                net.parameters_mut().flat_mut()[index] -= offset;
                loss
            };
            let quotient = (loss_at(H) - loss_at(-H)) / (2.0 * H);
            let derivative = gradient.flat()[index];
            let difference = (quotient - derivative).abs();
            assert!(
                difference <= 1e-8 + 1e-6 * largest,
                "{activation:?} {loss:?} {}[{}]: {derivative} against {quotient}",
                tensor.name,
                index - tensor.offset
            );
        }
    }
}

#[test]
fn tanh_and_squared_error() {
    check(Activation::Tanh, Loss::Mse);
}

/// 1.7159·tanh(2x/3) is about 1 at 1, where its inventors wanted it: the formula's own check.
#[test]
fn scaled_tanh_and_squared_error() {
    check(Activation::ScaledTanh, Loss::Mse);
    for (sum, value) in [(1.0, 1.0), (-1.0, -1.0), (100.0, 1.7159), (0.0, 0.0)] {
        let found: f64 = gpu_train::reference::activate(Activation::ScaledTanh, sum);
        assert!((found - value).abs() < 1e-5, "{sum}: {found}");
    }
}

#[test]
fn tanh_and_cross_entropy() {
    check(Activation::Tanh, Loss::CrossEntropy);
}

#[test]
fn relu_and_squared_error() {
    check(Activation::Relu, Loss::Mse);
}

#[test]
fn relu_and_cross_entropy() {
    check(Activation::Relu, Loss::CrossEntropy);
}
