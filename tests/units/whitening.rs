//! Whitening: the host's against the reference's, and the parts of whitened Muon's step.

use gpu_train::data::{Dataset, embedded};
use gpu_train::draw;
use gpu_train::net::{LAYERS, Parameters};
use gpu_train::recipe::{Activation, Functions, Loss, Recipe, RecipeName};
use gpu_train::reference::{
    Activations, InputStatistics, Muon, Statistics, statistics, whitened_muon,
};
use gpu_train::threads::Threads;
use gpu_train::whitening::Sample;

const DAMPING: f64 = 0.03;

/// Digits, weights with biases of both signs, and functions.
fn setting(activation: Activation) -> (Dataset, Parameters, Functions) {
    let loss = Loss::CrossEntropy;
    let mut parameters = Recipe::named(RecipeName::Reproduction).initial_parameters();
    for layer in &LAYERS {
        let biases = parameters.tensor_mut(&layer.biases).iter_mut();
        biases
            .enumerate()
            .for_each(|(k, bias)| *bias = 0.1 * (k as f32).sin());
    }
    let set = embedded::digits().train.truncated(67);
    (set, parameters, Functions { activation, loss })
}

fn scalar(set: &Dataset, parameters: &Parameters, functions: Functions) -> Statistics<f64> {
    let parameters = parameters.map(f64::from);
    let of = |example| {
        let codes = set.image_codes(example);
        Activations::evaluation(&parameters, codes, set.denominator(), functions)
    };
    statistics(&(0..set.len()).map(of).collect::<Vec<_>>(), DAMPING).unwrap()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= tolerance;
        assert!(near, "{at}: found {found}, expected {expected}");
    }
}

/// `[n][n]` by `[n][n]`.
fn product(left: &[f64], right: &[f64], n: usize) -> Vec<f64> {
    let cell = |at: usize| {
        (0..n)
            .map(|k| left[at / n * n + k] * right[k * n + at % n])
            .sum()
    };
    (0..n * n).map(cell).collect()
}

fn transposed(matrix: &[f64], n: usize) -> Vec<f64> {
    (0..n * n).map(|at| matrix[at % n * n + at / n]).collect()
}

#[test]
fn the_hosts_statistics_are_the_references_on_any_number_of_threads() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::ScaledTanh] {
        let (set, parameters, functions) = setting(activation);
        let expected = scalar(&set, &parameters, functions);
        let of_threads = |count| {
            let threads = Threads::start(count);
            let sample = Sample::of(&set, 1_000, DAMPING, &threads).unwrap();
            sample.whitening(&parameters, functions, &threads).unwrap()
        };
        let found = of_threads(1);
        for (depth, (layer, expected)) in LAYERS.iter().zip(&expected).enumerate() {
            for (group, expected) in expected.iter().enumerate().take(layer.groups) {
                let found = found.of_group(depth, group);
                assert_close(&found.mean, &expected.mean, 1e-12);
                // L⁻¹ has elements of up to about 30.
                assert_close(&found.whitening, &expected.whitening, 1e-9);
            }
        }
        assert_eq!(found, of_threads(2));
        assert_eq!(found, of_threads(3));
    }
}

#[test]
fn whitened_inputs_have_covariance_1() {
    let (set, parameters, functions) = setting(Activation::Relu);
    for (layer, groups) in LAYERS.iter().zip(scalar(&set, &parameters, functions)) {
        let n = layer.inputs();
        for group in groups {
            let damped = damped(&group, n);
            let half = product(&group.whitening, &damped, n);
            let unit = product(&half, &transposed(&group.whitening, n), n);
            let identity: Vec<f64> = (0..n * n).map(|at| f64::from(at / n == at % n)).collect();
            assert_close(&unit, &identity, 1e-9);
        }
    }
}

/// A gradient of noise by whitened inputs, R Lᵀ, whose singular values are of one size.
fn well_conditioned(statistics: &Statistics<f64>) -> Parameters<f64> {
    let noise =
        |index: usize| f64::from(draw::initial_weight(3, index as u32)) / 2f64.powi(31) - 1.0;
    let mut gradient = Parameters::zeros();
    for (layer, groups) in LAYERS.iter().zip(statistics) {
        let n = layer.inputs();
        for row in 0..layer.rows() {
            let group = &groups[row / layer.group_rows()];
            // A = L Lᵀ, so L = A L⁻ᵀ.
            let l = product(&damped(group, n), &transposed(&group.whitening, n), n);
            let r: Vec<f64> = (0..n).map(|input| noise(row * n + input)).collect();
            for input in 0..n {
                let of_weights = gradient.tensor_mut(&layer.weights);
                of_weights[layer.index(row, input)] = dot(&l[input * n..][..n], &r);
            }
        }
    }
    gradient
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// The covariance with its damping.
fn damped(group: &InputStatistics<f64>, n: usize) -> Vec<f64> {
    let mut damped = group.covariance.clone();
    let trace: f64 = (0..n).map(|k| damped[k * n + k]).sum();
    (0..n).for_each(|k| damped[k * n + k] += DAMPING * trace / n as f64);
    damped
}

/// A step's two promises: by whitened inputs it is orthogonal, all singular values of rows·rowsᵀ in Newton-Schulz' range; and
/// the mean sums stay, with decay and momentum too.
#[test]
fn a_step_is_orthogonal_by_whitened_inputs_and_keeps_the_mean_sums() {
    let (set, parameters, functions) = setting(Activation::Relu);
    let statistics = scalar(&set, &parameters, functions);
    let before = parameters.map(f64::from);
    let gradient = well_conditioned(&statistics);
    for (shrink, momentum) in [(1.0, 0.0), (0.9, 0.5)] {
        let mut after = before.clone();
        let with = Muon {
            momentum,
            learning_rate: 0.25,
            shrink,
        };
        whitened_muon(
            &mut after,
            &gradient,
            &mut Parameters::zeros(),
            &statistics,
            with,
        );
        for (layer, groups) in LAYERS.iter().zip(&statistics) {
            let n = layer.inputs();
            let row_of = |parameters: &Parameters<f64>, row: usize| -> Vec<f64> {
                let weights = parameters.tensor(&layer.weights);
                (0..n)
                    .map(|input| weights[layer.index(row, input)])
                    .collect()
            };
            let mut steps = Vec::new();
            for row in 0..layer.rows() {
                let group = &groups[row / layer.group_rows()];
                let (old, new) = (row_of(&before, row), row_of(&after, row));
                for (position, mean) in group.mean.chunks_exact(n).enumerate() {
                    let at = row * layer.positions + position;
                    let sum = |weights: &[f64], of: &Parameters<f64>| {
                        dot(weights, mean) + of.tensor(&layer.biases)[at]
                    };
                    assert!((sum(&old, &before) - sum(&new, &after)).abs() < 1e-12);
                }
                // ΔW = Q L⁻¹, so Q = ΔW L; L by forward substitution of L⁻¹.
                let change: Vec<f64> = old
                    .iter()
                    .zip(&new)
                    .map(|(old, new)| (shrink * old - new) / 0.25)
                    .collect();
                let mut q = vec![0.0; n];
                for input in (0..n).rev() {
                    let rest: f64 = (input + 1..n)
                        .map(|k| q[k] * group.whitening[k * n + input])
                        .sum();
                    q[input] = (change[input] - rest) / group.whitening[input * n + input];
                }
                steps.push(q);
            }
            // Newton-Schulz brings singular values to between about 0.65 and 1.25.
            let trace: f64 = steps.iter().map(|q| dot(q, q)).sum();
            let mean = trace / steps.len() as f64;
            assert!((0.4..1.6).contains(&mean), "{}: {mean}", layer.name());
            for (a, one) in steps.iter().enumerate() {
                let others: f64 = (0..steps.len())
                    .filter(|&b| b != a)
                    .map(|b| dot(one, &steps[b]).powi(2))
                    .sum();
                assert!(
                    dot(one, one) < 1.6 && others < 0.4,
                    "{} {a}: {others}",
                    layer.name()
                );
            }
        }
    }
}
