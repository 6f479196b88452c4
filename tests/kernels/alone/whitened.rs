//! The kernels of whitened Muon: from a gradient to the momentum by whitened inputs, that made orthogonal, and from there to
//! the parameters.

use gpu_train::gpu::layout::whitening::mirrored;
use gpu_train::net::{LAYERS, PARAMETER_COUNT, ParameterTensor, Parameters};
use gpu_train::recipe::muon::MATRICES;
use gpu_train::reference::{self as twin, InputStatistics, Statistics};

use super::forward::{PROGRESS, wide};
use super::setup::{Expected, Number};
use super::update::{FEW, ORTHOGONAL, SCALARS, schedule, signed};
use super::{Case, Data, Setup};
use crate::common::Noise;
use crate::common::compare::Tolerance;

/// Sums of up to 200 products, after one of up to 64.
const SUMS: Tolerance = Tolerance::of(1e-6, 2e-6);

/// Singular values of some thousandths of the largest, tripled five times.
const SPREAD: Tolerance = Tolerance::of(2e-4, 0.0);

pub fn setup(case: &Case) -> Setup {
    let mut setup = Setup::default();
    let mut noise = case.noise();
    match case.kernel {
        "whiten" => whiten(&mut setup, case, &mut noise),
        "orthogonal" => orthogonal(&mut setup, case, &mut noise),
        _ => unwhiten(&mut setup, case, &mut noise),
    }
    setup
}

/// Gives means and triangular matrices of noise.
fn statistics(setup: &mut Setup, noise: &mut Noise) -> Statistics<f64> {
    let (mut means, mut whitening) = (Vec::new(), Vec::new());
    let mut statistics: Statistics<f64> = Default::default();
    for (of_layer, layer) in statistics.iter_mut().zip(&LAYERS) {
        let n = layer.inputs();
        for _ in 0..layer.groups {
            let mean = signed(noise, layer.positions * n);
            let mut lower = wide(&signed(noise, n * n));
            for (at, element) in lower.iter_mut().enumerate() {
                if at % n > at / n {
                    *element = 0.0;
                }
            }
            means.extend(&mean);
            whitening.extend(mirrored(&lower, n));
            of_layer.push(InputStatistics {
                mean: wide(&mean),
                covariance: Vec::new(),
                whitening: lower,
            });
        }
    }
    setup.give("means", &means);
    setup.give("whitening", &whitening);
    statistics
}

/// Gives a value for each parameter, of up to this size, in reversed order: as the indices say.
fn reversed(
    setup: &mut Setup,
    noise: &mut Noise,
    name: &'static str,
    size: f32,
) -> Parameters<f64> {
    let values = signed(noise, PARAMETER_COUNT).into_iter();
    let values: Vec<f32> = values.map(|value| size * value).collect();
    setup.give(name, &values.iter().rev().copied().collect::<Vec<_>>());
    Parameters::from_flat(wide(&values))
}

fn indices(setup: &mut Setup) -> Vec<usize> {
    let indices: Vec<usize> = (0..PARAMETER_COUNT).rev().collect();
    let words = indices.iter().map(|&index| index as u32);
    setup.give_words("packed_index", words.collect());
    indices
}

fn expect(
    setup: &mut Setup,
    binding: &'static str,
    tensor: &ParameterTensor,
    at: Vec<usize>,
    values: Vec<f64>,
    tolerance: Tolerance,
) {
    let expected = Expected {
        name: format!("{binding} of {}", tensor.name),
        at,
        values,
        number: Number::F32,
        tolerance,
    };
    setup.expect(binding, expected);
}

fn whiten(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let indices = indices(setup);
    let statistics = statistics(setup, noise);
    let gradient = reversed(setup, noise, "gradient", 0.01);
    let mut buffer = reversed(setup, noise, "first_moment", 0.02);
    for (layer, of_layer) in LAYERS.iter().zip(&statistics) {
        let momentum = case.recipe().momentum;
        let rows = twin::whiten(layer, of_layer, &gradient, &mut buffer, momentum);
        let (at, n) = (layer.weights.range(), layer.inputs());
        let place = |index: usize| at.start + layer.index(index / n, index % n);
        let places = (0..rows.len()).map(place).collect();
        expect(setup, "whitened", &layer.weights, places, rows, SUMS);
        let moments = buffer.tensor(&layer.weights).to_vec();
        let at = indices[at].to_vec();
        expect(setup, "first_moment", &layer.weights, at, moments, FEW);
    }
}

fn orthogonal(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let mut values = signed(noise, PARAMETER_COUNT);
    let mut tolerance = ORTHOGONAL;
    if case.data == Data::Saturated {
        values
            .iter_mut()
            .for_each(|value| *value = 1.0 + 1e-2 * *value);
        tolerance = SPREAD;
    }
    setup.give("whitened", &values);
    for tensor in &MATRICES {
        let at = tensor.range();
        let columns = tensor.columns().expect("a matrix");
        let steps = twin::orthogonal(&wide(&values[at.clone()]), columns);
        expect(setup, "whitened", tensor, at.collect(), steps, tolerance);
    }
}

fn unwhiten(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    schedule(setup, noise);
    setup.give_words("progress", PROGRESS.to_vec());
    let indices = indices(setup);
    let statistics = statistics(setup, noise);
    let whitened = signed(noise, PARAMETER_COUNT);
    setup.give("whitened", &whitened);
    let mut parameters = reversed(setup, noise, "parameters", 1.0);
    let with = twin::Muon {
        momentum: case.recipe().momentum,
        learning_rate: SCALARS[3].into(),
        shrink: SCALARS[2].into(),
    };
    for (layer, of_layer) in LAYERS.iter().zip(&statistics) {
        let (of_weights, n) = (&whitened[layer.weights.range()], layer.inputs());
        let step = |at: usize| f64::from(of_weights[layer.index(at / n, at % n)]);
        let steps: Vec<f64> = (0..of_weights.len()).map(step).collect();
        twin::unwhiten(layer, of_layer, &steps, &mut parameters, with);
        for tensor in [&layer.weights, &layer.biases] {
            let at = indices[tensor.range()].to_vec();
            let values = parameters.tensor(tensor).to_vec();
            expect(setup, "parameters", tensor, at, values, SUMS);
        }
    }
}
