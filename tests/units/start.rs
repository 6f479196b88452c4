//! The closed-form start: each layer's promise, and what it is computed from.

use gpu_train::cpu::{FullBatch, simd::Level};
use gpu_train::data::{Dataset, Examples, embedded};
use gpu_train::engine::{Engine, Split};
use gpu_train::net::{CLASSES, LAYERS, Parameters};
use gpu_train::recipe::{Activation, Optimizer, Recipe, RecipeName, Start};
use gpu_train::reference::{Activations, InputStatistics, statistics};
use gpu_train::start::StartingPoint;
use gpu_train::threads::Threads;
use gpu_train::whitening::Sample;

/// Examples that the start is made of.
const EXAMPLES: usize = 300;

fn recipe() -> Recipe {
    let base = Recipe::named(RecipeName::FullBatchMuon).with_optimizer(Optimizer::WhitenedMuon);
    Recipe {
        start: Start::ClosedForm,
        activation: Activation::Relu,
        curvature_sample: EXAMPLES as u32,
        ..base
    }
}

fn start(recipe: &Recipe, set: &Dataset, threads: usize) -> StartingPoint {
    StartingPoint::of(recipe, set, threads).expect("a start")
}

/// Covariances of the layers' inputs at these weights, by the scalar reference.
fn covariances(parameters: &Parameters, set: &Dataset) -> [Vec<InputStatistics<f64>>; 4] {
    let parameters = parameters.map(f64::from);
    let of = |example| {
        let codes = set.image_codes(example);
        Activations::evaluation(&parameters, codes, set.denominator(), (&recipe()).into())
    };
    statistics(&(0..EXAMPLES).map(of).collect::<Vec<_>>(), 0.03).expect("statistics")
}

/// A row's weights.
fn row(parameters: &Parameters, layer: usize, row: usize) -> Vec<f64> {
    let layer = &LAYERS[layer];
    let weights = parameters.tensor(&layer.weights);
    let inputs = 0..layer.inputs();
    inputs
        .map(|input| f64::from(weights[layer.index(row, input)]))
        .collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// A matrix, `[n][n]`, by a vector.
fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks_exact(vector.len());
    rows.map(|row| dot(row, vector)).collect()
}

#[test]
fn rows_are_eigenvectors_of_their_inputs_covariance_with_the_wanted_deviation_and_mean() {
    let train = embedded::digits().train;
    let parameters = start(&recipe(), &train, 1).parameters;
    let found = covariances(&parameters, &train);
    for (depth, deviation, mean_sum) in [(0, 2.0, 0.0), (1, 1.0, 0.5), (2, 1.0, 0.5)] {
        let layer = &LAYERS[depth];
        for at in 0..layer.rows() {
            let weights = row(&parameters, depth, at);
            let group = &found[depth][at / layer.group_rows()];
            let image = times(&group.covariance, &weights);
            let variance = dot(&weights, &image);
            assert!(
                (variance.sqrt() - deviation).abs() < 1e-4,
                "{}: {variance}",
                layer.name()
            );
            let is_principal = depth < 2 && (at + 1) % layer.group_rows() != 0;
            if is_principal {
                let value = variance / dot(&weights, &weights);
                let size = dot(&image, &image).sqrt();
                for (image, weight) in image.iter().zip(&weights) {
                    // Equal but for the diagonal's millionth that separates eigenvalues, and rounding to f32.
                    assert!(
                        (image - value * weight).abs() < 1e-3 * size,
                        "{} {at}",
                        layer.name()
                    );
                }
            }
            let biases = &parameters.tensor(&layer.biases)[at * layer.positions..];
            for (mean, &bias) in group.mean.chunks_exact(weights.len()).zip(biases) {
                let sum = dot(mean, &weights) + f64::from(bias);
                assert!((sum - mean_sum).abs() < 1e-4, "{}: {sum}", layer.name());
            }
        }
    }
}

/// Least squares: the residual has no covariance with the inputs, but for the ridge's.
#[test]
fn the_output_is_a_ridge_regression_onto_the_labels() {
    let train = embedded::digits().train;
    let parameters = start(&recipe(), &train, 1).parameters;
    let [inputs] = &covariances(&parameters, &train)[3][..] else {
        panic!("one group")
    };
    let (exact, n) = (parameters.map(f64::from), LAYERS[3].inputs());
    let mut products = vec![vec![0.0; n]; CLASSES];
    for example in 0..EXAMPLES {
        let codes = train.image_codes(example);
        let values =
            Activations::evaluation(&exact, codes, train.denominator(), (&recipe()).into());
        let product = &mut products[usize::from(train.label(example))];
        for (input, value) in values.h3.iter().enumerate() {
            product[input] += (value - inputs.mean[input]) / EXAMPLES as f64;
        }
    }
    let trace: f64 = (0..n).map(|k| inputs.covariance[k * n + k]).sum();
    for (class, product) in products.iter().enumerate() {
        let weights = row(&parameters, 3, class).into_iter().map(|w| w / 6.0);
        let weights: Vec<f64> = weights.collect();
        let image = times(&inputs.covariance, &weights);
        for (input, product) in product.iter().enumerate() {
            let left = image[input] + 0.03 * trace / n as f64 * weights[input];
            assert!((left - product).abs() < 1e-6, "{class} {input}");
        }
    }
}

#[test]
fn threads_change_no_bit_and_a_seed_changes_signs_and_codes() {
    let train = embedded::digits().train;
    let one = start(&recipe(), &train, 1);
    for threads in [2, 3] {
        let other = start(&recipe(), &train, threads);
        assert_eq!(
            (&one.parameters, &one.whitening),
            (&other.parameters, &other.whitening)
        );
    }
    let other = Recipe {
        seed: 2,
        ..recipe()
    };
    let other = start(&other, &train, 1).parameters;
    let same = (0..12)
        .filter(|&at| row(&one.parameters, 0, at) == row(&other, 0, at))
        .count();
    assert!(
        (1..12).contains(&same),
        "{same} rows of H1 have the same sign"
    );
    assert_ne!(row(&one.parameters, 2, 0), row(&other, 2, 0));
}

/// The statistics that come with the weights are those that the optimizer would estimate: a run that takes them and one
/// that estimates them, as one that resumes does, end with the same bits.
#[test]
fn the_starts_statistics_are_the_optimizers() {
    let digits = embedded::digits();
    let (recipe, threads) = (recipe(), Threads::start(1));
    let StartingPoint {
        parameters,
        whitening,
        ..
    } = start(&recipe, &digits.train, 1);
    let functions = (&recipe).into();
    let sample = Sample::of(&digits.train, EXAMPLES, recipe.damping, &threads).expect("a sample");
    let estimated = sample.whitening(&parameters, functions, &threads);
    assert_eq!(whitening, Some(estimated.expect("statistics")));
    let engine = || {
        let digits = digits.clone();
        FullBatch::with_level_and_threads(digits, recipe.clone(), &parameters, Level::best(), 2)
            .expect("an engine")
    };
    let (mut given, mut plain) = (engine(), engine());
    // Drawn weights miss nine digits of ten.
    let error = plain.evaluate(Split::Test).expect("an evaluation").error();
    assert!(error < 0.15, "{error}");
    given
        .take_whitening(whitening.expect("statistics"))
        .expect("taken");
    assert_eq!(
        given.train(2).expect("steps"),
        plain.train(2).expect("steps")
    );
    let state = given.state().expect("a state");
    assert_eq!(state, plain.state().expect("a state"));
    let mut resumed = engine();
    resumed.restore(&state).expect("restored");
    assert_eq!(
        given.train(1).expect("a step"),
        resumed.train(1).expect("a step")
    );
    assert_eq!(
        given.state().expect("a state"),
        resumed.state().expect("a state")
    );
}

#[test]
fn other_update_rules_get_no_statistics_and_bad_examples_a_line() {
    let train = embedded::digits().train;
    let adamw = Recipe {
        optimizer: Optimizer::AdamW,
        ..recipe()
    };
    assert_eq!(start(&adamw, &train, 1).whitening, None);
    let refusal = |recipe: &Recipe, set: &Dataset| {
        let found = StartingPoint::of(recipe, set, 1);
        found.expect_err("refused").to_string()
    };
    let few = train.truncated(299);
    assert_eq!(
        refusal(&recipe(), &few),
        "--statistics-examples: found 300 for --start closed-form, expected at most 299, the training examples"
    );
    let missing: Vec<usize> = (0..train.len())
        .filter(|&at| train.labels()[at] != 4)
        .collect();
    assert_eq!(
        refusal(&recipe(), &train.subset(&missing)),
        "--start: found closed-form and no digit 4 among the first 300 training examples, expected all ten \
         (--statistics-examples)"
    );
    let codes = vec![0; 300 * 256];
    let labels = (0..300).map(|example| (example % 10) as u8).collect();
    let black = Dataset::new(codes, train.denominator(), labels);
    assert_eq!(
        refusal(&recipe(), &black),
        "--start closed-form: found inputs of H1 that do not vary, expected digits that differ"
    );
}
