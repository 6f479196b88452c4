//! Against the reference in f64, at sizes that straddle vectors and tiles.

use std::sync::Arc;

use super::stages::{FirstTile, Stage};
use super::{FullBatch, Threads};
use crate::cpu::simd::{Lanes, Level};
use crate::data::{Dataset, Digits, Repeated};
use crate::draw;
use crate::engine::{Engine, Split, State};
use crate::net::{Initialization, PARAMETERS, PIXELS, Parameters, initial_parameters};
use crate::recipe::{Activation, Batch, Length, Loss, Name, Optimizer, Recipe};
use crate::reference::Reference;

const SIZES: [usize; 8] = [1, 15, 16, 17, 63, 64, 65, 200];

/// Random codes and labels, a background in one half of the pixels.
fn dataset(examples: usize, seed: u64) -> Dataset {
    let word = |i: usize| draw::block(seed, draw::Stream::InitialWeights, 7, 0, i as u32)[1];
    let codes = (0..examples * PIXELS)
        .map(|i| {
            let ink = word(i) % 32_642;
            if ink < 16_321 { ink as u16 } else { 0 }
        })
        .collect();
    let labels = (0..examples)
        .map(|i| (word(i + examples * PIXELS) % 10) as u8)
        .collect();
    Dataset::new(codes, 8_160, labels)
}

fn digits(examples: usize) -> Digits {
    Digits {
        train: dataset(examples, 1),
        test: dataset(examples + 3, 2),
        source: "random".into(),
    }
}

fn recipe(activation: Activation, loss: Loss, noise: bool) -> Recipe {
    Recipe {
        activation,
        loss,
        shift: u32::from(noise),
        dropout: if noise { 0.25 } else { 0.0 },
        learning_rate: 0.01,
        weight_decay: 0.1,
        length: Length::Steps(20),
        warmup: 3,
        ..Recipe::named(Name::FullBatch)
    }
}

/// Every combination of activation, loss, and shift with dropout.
fn recipes() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for activation in [Activation::Tanh, Activation::Relu] {
        for loss in [Loss::Mse, Loss::CrossEntropy] {
            recipes.extend([false, true].map(|noise| recipe(activation, loss, noise)));
        }
    }
    recipes.push(recipe(Activation::ScaledTanh, Loss::Mse, true));
    recipes
}

/// Initial weights, with biases that are not zero.
fn parameters() -> Parameters {
    let mut parameters = initial_parameters(5, -0.3, Initialization::Sqrt);
    for tensor in PARAMETERS.iter().filter(|tensor| tensor.fan_in == 0) {
        for (i, bias) in parameters.tensor_mut(tensor).iter_mut().enumerate() {
            *bias += ((i * 37 % 101) as f32 - 50.0) * 4e-3;
        }
    }
    parameters
}

/// The first element that is not within `atol + rtol · |expected|`; a NaN never is.
fn first_apart(got: &[f32], expected: &[f32], atol: f32, rtol: f32) -> Option<usize> {
    assert_eq!(got.len(), expected.len());
    let near = |(&a, &b): (&f32, &f32)| (a - b).abs() <= atol + rtol * b.abs();
    got.iter().zip(expected).position(|pair| !near(pair))
}

/// Compares tensor by tensor, the absolute tolerance a share of the tensor's largest value.
fn assert_near(got: &Parameters, expected: &Parameters, tolerance: f32, what: &str) {
    for tensor in &PARAMETERS {
        let (got, expected) = (got.tensor(tensor), expected.tensor(tensor));
        let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
        if let Some(at) = first_apart(got, expected, tolerance * largest, tolerance) {
            panic!(
                "{what}, {}[{at}]: {} for {}, largest {largest}",
                tensor.name, got[at], expected[at]
            );
        }
    }
}

fn engine(digits: &Digits, recipe: &Recipe, level: Level, threads: usize) -> FullBatch {
    FullBatch::with_level_and_threads(
        digits.clone(),
        recipe.clone(),
        &parameters(),
        level,
        threads,
    )
    .unwrap()
}

fn reference(digits: &Digits, recipe: &Recipe) -> Reference<f64> {
    Reference::new(digits.clone(), recipe.clone(), &parameters()).unwrap()
}

#[test]
fn gradients_are_the_references() {
    for examples in SIZES {
        let digits = digits(examples);
        for recipe in recipes() {
            let (loss, gradient) = reference(&digits, &recipe).gradient().unwrap();
            for level in Level::available() {
                let what = format!("{} on {examples}: {recipe:?}", level.name());
                let (got_loss, got) = engine(&digits, &recipe, level, 2).gradient().unwrap();
                assert!((got_loss - loss).abs() <= 2e-6 * loss, "{what}: {got_loss}");
                // Sums of up to 12,800 products in f32, each to 6e-8.
                assert_near(&got, &gradient, 2e-5, &what);
            }
        }
    }
}

#[test]
fn ten_steps_go_where_the_references_go() {
    let digits = digits(65);
    for optimizer in [Optimizer::AdamW, Optimizer::Sgd] {
        for activation in [Activation::Tanh, Activation::Relu] {
            let recipe = Recipe {
                optimizer,
                momentum: 0.9,
                // Adam divides by √v: where a gradient is near nothing, its rounding decides. A larger ε bounds that.
                epsilon: 1e-4,
                ..recipe(activation, Loss::CrossEntropy, true)
            };
            let mut reference = reference(&digits, &recipe);
            let losses = reference.train(10).unwrap();
            let expected = reference.state().unwrap();
            for level in Level::available() {
                let what = format!("{}, {optimizer:?}, {activation:?}", level.name());
                let mut engine = engine(&digits, &recipe, level, 2);
                let got_losses = engine.train(10).unwrap();
                let different = first_apart(&got_losses, &losses, 0.0, 1e-4);
                assert_eq!(different, None, "{what}: {got_losses:?} for {losses:?}");
                let got = engine.state().unwrap();
                assert_eq!(got.step, 10);
                assert_near(&got.parameters, &expected.parameters, 1e-3, &what);
                assert_near(&got.first_moment, &expected.first_moment, 1e-3, &what);
                assert_near(&got.second_moment, &expected.second_moment, 2e-3, &what);
            }
        }
    }
}

#[test]
fn evaluations_are_the_references() {
    for examples in SIZES {
        let digits = digits(examples);
        for recipe in recipes() {
            for split in [Split::Train, Split::Test] {
                let expected = reference(&digits, &recipe).evaluate(split).unwrap();
                for level in Level::available() {
                    let got = engine(&digits, &recipe, level, 2).evaluate(split).unwrap();
                    assert_eq!(got.examples, expected.examples);
                    assert_eq!(got.misses, expected.misses, "{}: {recipe:?}", level.name());
                    assert!((got.loss - expected.loss).abs() <= 2e-6 * expected.loss);
                }
            }
        }
    }
}

/// Weights and biases of zero make all ten outputs equal: the first class is the guess.
#[test]
fn the_first_of_equal_outputs_is_the_guess() {
    let digits = digits(70);
    let labels = digits.train.labels();
    let others = labels.iter().filter(|&&label| label != 0).count();
    let recipe = recipe(Activation::Tanh, Loss::CrossEntropy, false);
    for level in Level::available() {
        let zeros = Parameters::zeros();
        let mut engine =
            FullBatch::with_level_and_threads(digits.clone(), recipe.clone(), &zeros, level, 1)
                .unwrap();
        let evaluation = engine.evaluate(Split::Train).unwrap();
        assert_eq!(evaluation.misses as usize, others);
        assert!((evaluation.loss - 10f64.ln()).abs() < 1e-6);
    }
}

fn bits(state: &State) -> Vec<u32> {
    [&state.parameters, &state.first_moment, &state.second_moment]
        .iter()
        .flat_map(|values| values.flat())
        .map(|value| value.to_bits())
        .collect()
}

#[test]
fn threads_and_runs_change_no_bit_and_a_restored_run_goes_on_as_it_would_have() {
    // More than one chunk to deal out: 64 examples are a tile.
    let digits = digits(64 * 5 + 9);
    let recipe = recipe(Activation::Relu, Loss::CrossEntropy, true);
    for level in Level::available() {
        let mut whole = engine(&digits, &recipe, level, 1);
        let losses = whole.train(4).unwrap();
        let expected = bits(&whole.state().unwrap());
        for threads in [1, 2, 3]
            .map(Threads::start)
            .into_iter()
            .chain([Threads::refused(2)])
        {
            let mut engine = engine(&digits, &recipe, level, threads.count());
            engine.threads = threads;
            assert_eq!(engine.train(4).unwrap(), losses);
            assert_eq!(bits(&engine.state().unwrap()), expected);
        }
        let mut first = engine(&digits, &recipe, level, 2);
        first.train(1).unwrap();
        let half_way = first.state().unwrap();
        let mut second = engine(&digits, &recipe, level, 1);
        second.train(2).unwrap();
        second.evaluate(Split::Test).unwrap();
        second.restore(&half_way).unwrap();
        assert_eq!(second.train(3).unwrap(), losses[1..]);
        assert_eq!(bits(&second.state().unwrap()), expected);
    }
}

/// Values left in the scratch memory by a run that diverged must not reach the next.
#[test]
fn a_run_after_one_that_diverged_is_clean() {
    let digits = digits(17);
    let recipe = recipe(Activation::Tanh, Loss::Mse, true);
    for level in Level::available() {
        let mut engine = engine(&digits, &recipe, level, 1);
        let (loss, gradient) = engine.gradient().unwrap();
        let start = engine.state().unwrap();
        let nan = Parameters::zeros().map(|_: f32| f32::NAN);
        engine.restore(&State::start(nan)).unwrap();
        let (lost, nans) = engine.gradient().unwrap();
        assert!(lost.is_nan() && nans.flat().iter().all(|value| value.is_nan()));
        engine.restore(&start).unwrap();
        assert_eq!(engine.gradient().unwrap(), (loss, gradient));
    }
}

#[test]
fn the_comparison_rejects_what_is_wrong() {
    let digits = digits(17);
    let recipe = recipe(Activation::Tanh, Loss::Mse, false);
    let (_, gradient) = reference(&digits, &recipe).gradient().unwrap();
    let largest = gradient.flat().iter().fold(0f32, |a, b| a.max(b.abs()));
    let rejects = |change: &dyn Fn(&mut f32)| {
        let mut changed = gradient.clone();
        change(&mut changed.flat_mut()[77]);
        first_apart(changed.flat(), gradient.flat(), 2e-5 * largest, 2e-5) == Some(77)
    };
    assert!(rejects(&|value| *value = f32::NAN));
    assert!(rejects(&|value| *value += 1e-3 * largest));
    let noisy = Recipe { shift: 1, ..recipe };
    let (_, other) = reference(&digits, &noisy).gradient().unwrap();
    assert!(first_apart(other.flat(), gradient.flat(), 2e-5 * largest, 2e-5).is_some());
}

/// A set that is made as it is read gives the bytes of the same set in memory.
#[test]
fn a_set_out_of_memory_trains_as_one_in_memory() {
    let digits = digits(50);
    let repeated = Repeated::new(digits.train.clone(), 333);
    let in_memory = Digits {
        train: repeated.in_memory(),
        ..digits.clone()
    };
    let recipe = recipe(Activation::Relu, Loss::CrossEntropy, true);
    for level in Level::available() {
        let mut expected = engine(&in_memory, &recipe, level, 1);
        let (train, test) = (Arc::new(repeated.clone()), Arc::new(digits.test.clone()));
        let mut streamed =
            FullBatch::over(train, test, recipe.clone(), &parameters(), level, 2).unwrap();
        assert_eq!(streamed.train(3).unwrap(), expected.train(3).unwrap());
        let states = [&mut streamed, &mut expected].map(|engine| engine.state().unwrap());
        assert_eq!(bits(&states[0]), bits(&states[1]));
        for split in [Split::Train, Split::Test] {
            assert_eq!(
                streamed.evaluate(split).unwrap(),
                expected.evaluate(split).unwrap()
            );
        }
    }
}

/// Each stage writes what it is named after.
#[test]
fn every_stage_runs_alone() {
    for level in Level::available() {
        let recipe = recipe(Activation::Tanh, Loss::Mse, false);
        let mut alone = FirstTile::new(level, dataset(64, 1), recipe, &parameters());
        for stage in Stage::ALL {
            alone.run(&[stage]);
        }
        let written = |values: &[Lanes]| {
            let mut values = values.iter().flat_map(|lanes| lanes.0);
            let any = values.clone().any(|value| value != 0.0);
            any && values.all(f32::is_finite)
        };
        for t in &alone.scratch.vectors {
            assert!(written(t.h1.as_flattened().as_flattened()));
            assert!(written(t.h2.as_flattened().as_flattened()));
            assert!(written(&t.out) && written(&t.d_out) && written(&t.d_h3));
        }
        let sums = &alone.scratch.sums[0];
        assert!(written(sums.h1w.as_flattened().as_flattened()));
        let h2w = sums.h2w.as_flattened().as_flattened().as_flattened();
        assert!(written(h2w) && written(sums.outw.as_flattened()));
    }
}

#[test]
fn a_recipe_of_another_batch_or_a_rule_that_does_not_go_with_it_is_refused() {
    let newton = Recipe {
        batch: Batch::Full,
        ..Recipe::named(Name::Newton1989)
    };
    for (recipe, expected) in [
        (
            Recipe::named(Name::Reproduction),
            "the cpu engine: found recipe reproduction with one example per update, expected the full batch",
        ),
        (newton, "--optimizer: found diagonal-newton"),
    ] {
        let made = FullBatch::new(digits(1), recipe, &parameters());
        let error = made.err().expect("refused").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn chunks_cover_all_examples_in_order_in_whole_tiles() {
    for examples in [1, 64, 65, 200, 7_291, 50_000, 1_000_000] {
        let chunks = super::chunks(examples);
        let mut next = 0;
        for chunk in &chunks {
            assert_eq!(chunk.start, next);
            assert!(chunk.start % super::TILE == 0 && !chunk.is_empty());
            next = chunk.end;
        }
        assert_eq!(next, examples);
        assert!(chunks.len() <= 1_000_000 / 4_096 + 1);
    }
}
