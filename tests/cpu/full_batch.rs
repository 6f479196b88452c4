//! The full-batch CPU engine does what the reference does, at every instruction set, at sizes that straddle vectors and
//! tiles.

use std::sync::Arc;

use gpu_train::cpu::FullBatch;
use gpu_train::cpu::simd::Level;
use gpu_train::data::{Digits, Repeated};
use gpu_train::engine::{Engine, Split, State};
use gpu_train::net::{H1B, Parameters};
use gpu_train::recipe::{Activation, Batch, Length, Loss, Optimizer, Recipe, RecipeName};
use gpu_train::reference::Reference;

use super::{bits, every_kind};
use crate::common::compare::{Tolerance, close};
use crate::common::{compare_parameters, random_parameters, random_set};

const SIZES: [usize; 8] = [1, 15, 16, 17, 63, 64, 65, 200];

fn digits(examples: usize) -> Digits {
    Digits {
        train: random_set(examples, 1),
        test: random_set(examples + 3, 2),
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
        ..Recipe::named(RecipeName::FullBatchMuon)
    }
}

/// Every combination of activation, loss, and shift with dropout.
fn recipes() -> impl Iterator<Item = Recipe> {
    every_kind()
        .flat_map(|(activation, loss)| [false, true].map(|noise| recipe(activation, loss, noise)))
}

fn parameters() -> Parameters {
    random_parameters(5)
}

/// Compares tensor by tensor, the absolute tolerance a share of the tensor's largest value.
#[track_caller]
fn assert_near(got: &Parameters, expected: &Parameters, tolerance: f64, what: &str) {
    compare_parameters(what, got, &expected.map(f64::from), tolerance).unwrap();
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
    for optimizer in [Optimizer::AdamW, Optimizer::Sgd, Optimizer::Muon] {
        for activation in [Activation::Tanh, Activation::Relu] {
            let recipe = Recipe {
                optimizer,
                momentum: 0.9,
                // Adam divides by √v: where a gradient is near nothing, its rounding decides. A larger ε bounds that.
                epsilon: 1e-4,
                ..recipe(activation, Loss::CrossEntropy, true)
            };
            let mut reference = reference(&digits, &recipe);
            let losses = reference.train(10).unwrap().into_iter();
            let expected_losses: Vec<f64> = losses.map(f64::from).collect();
            let expected = reference.state().unwrap();
            for level in Level::available() {
                let what = format!("{}, {optimizer:?}, {activation:?}", level.name());
                let mut engine = engine(&digits, &recipe, level, 2);
                let got_losses = engine.train(10).unwrap();
                close(
                    &what,
                    &got_losses,
                    &expected_losses,
                    Tolerance::of(0.0, 1e-4),
                )
                .unwrap();
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

/// New statistics before the first step and the fourth, with momentum, decay, shifts and dropout.
fn whitened(recipe: Recipe) -> Recipe {
    Recipe {
        momentum: 0.4,
        weight_decay: 0.3,
        curvature_sample: 60,
        statistics_every: 3,
        ..recipe.with_optimizer(Optimizer::WhitenedMuon)
    }
}

#[test]
fn whitened_muon_goes_where_the_reference_goes() {
    let digits = digits(65);
    for (activation, loss) in every_kind() {
        let recipe = whitened(recipe(activation, loss, true));
        let mut reference = reference(&digits, &recipe);
        let losses = reference.train(5).unwrap().into_iter();
        let expected_losses: Vec<f64> = losses.map(f64::from).collect();
        let expected = reference.state().unwrap();
        for level in Level::available() {
            let what = format!("{}, {activation:?}", level.name());
            let mut engine = engine(&digits, &recipe, level, 2);
            let losses = engine.train(5).unwrap();
            close(&what, &losses, &expected_losses, Tolerance::of(0.0, 1e-4)).unwrap();
            let got = engine.state().unwrap();
            assert_near(&got.parameters, &expected.parameters, 2e-3, &what);
            assert_near(&got.first_moment, &expected.first_moment, 2e-3, &what);
            assert_near(&got.second_moment, &expected.second_moment, 2e-3, &what);
        }
    }
}

#[test]
fn inputs_without_a_finite_covariance_end_the_run_with_the_layers_name() {
    let digits = digits(20);
    let recipe = whitened(recipe(Activation::Relu, Loss::CrossEntropy, false));
    let mut start = parameters();
    start.tensor_mut(&H1B)[7] = f32::NAN;
    let mut engines: [Box<dyn Engine>; 2] = [
        Box::new(engine(&digits, &recipe, Level::best(), 1)),
        Box::new(reference(&digits, &recipe)),
    ];
    for engine in &mut engines {
        engine.restore(&State::start(start.clone())).unwrap();
        let error = engine.train(1).unwrap_err().to_string();
        assert!(
            error.contains("inputs of H2 that is not positive"),
            "{error}"
        );
    }
}

fn state_bits(state: &State) -> [Vec<u32>; 3] {
    [&state.parameters, &state.first_moment, &state.second_moment].map(|v| bits(v.flat()))
}

#[test]
fn threads_and_runs_change_no_bit_and_a_restored_run_resumes_as_it_would_have() {
    // More than one chunk to deal out: 64 examples are a tile.
    let digits = digits(64 * 5 + 9);
    let recipe = recipe(Activation::Relu, Loss::CrossEntropy, true);
    let recipes = [recipe.clone(), whitened(recipe)];
    let levels = Level::available();
    for (recipe, level) in recipes
        .iter()
        .flat_map(|recipe| levels.iter().map(move |&level| (recipe, level)))
    {
        let mut whole = engine(&digits, recipe, level, 1);
        let losses = whole.train(4).unwrap();
        let expected = state_bits(&whole.state().unwrap());
        for threads in [1, 2, 3] {
            let mut engine = engine(&digits, recipe, level, threads);
            assert_eq!(engine.train(4).unwrap(), losses);
            assert_eq!(state_bits(&engine.state().unwrap()), expected);
        }
        let mut first = engine(&digits, recipe, level, 2);
        first.train(1).unwrap();
        let half_way = first.state().unwrap();
        let mut second = engine(&digits, recipe, level, 1);
        second.train(2).unwrap();
        second.evaluate(Split::Test).unwrap();
        second.restore(&half_way).unwrap();
        assert_eq!(second.train(3).unwrap(), losses[1..]);
        assert_eq!(state_bits(&second.state().unwrap()), expected);
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
        assert_eq!(state_bits(&states[0]), state_bits(&states[1]));
        for split in [Split::Train, Split::Test] {
            assert_eq!(
                streamed.evaluate(split).unwrap(),
                expected.evaluate(split).unwrap()
            );
        }
    }
}

#[test]
fn a_recipe_of_another_batch_or_a_rule_that_does_not_go_with_it_is_refused() {
    let newton = Recipe {
        batch: Batch::Full,
        ..Recipe::named(RecipeName::Newton1989)
    };
    for (recipe, expected) in [
        (
            Recipe::named(RecipeName::Reproduction),
            "the cpu engine: found recipe reproduction with one example per update, expected the full batch",
        ),
        (newton, "--optimizer: found diagonal-newton"),
    ] {
        let made = FullBatch::new(digits(1), recipe, &parameters());
        let error = made.err().expect("refused").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
