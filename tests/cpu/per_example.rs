//! The batch-1 CPU engine does what the reference does, at every instruction set.

use gpu_train::cpu::per_example::PerExample;
use gpu_train::cpu::simd::Level;
use gpu_train::data::Digits;
use gpu_train::engine::{Engine, Split};
use gpu_train::net::{Initialization, PARAMETERS, Parameters, initial_parameters};
use gpu_train::recipe::{Activation, Batch, Loss, Optimizer, Recipe, RecipeName};
use gpu_train::reference::Reference;

use super::{bits, every_kind};
use crate::common::compare::{Tolerance, close};
use crate::common::{Noise, random_set};

const TRAIN: usize = 40;
const TEST: usize = 23;

fn digits() -> Digits {
    Digits {
        train: random_set(TRAIN, 1),
        test: random_set(TEST, 2),
        source: "random".into(),
    }
}

/// Weights and biases all different and of both signs.
fn parameters() -> Parameters {
    let mut parameters = initial_parameters(3, -0.4, Initialization::Sqrt);
    let mut noise = Noise(4);
    for value in parameters.flat_mut() {
        *value += 0.05 * noise.signed();
    }
    parameters
}

fn recipe(activation: Activation, loss: Loss) -> Recipe {
    Recipe {
        activation,
        loss,
        ..Recipe::named(RecipeName::Reproduction)
    }
}

/// Compares two tensors with an absolute and a relative tolerance.
#[track_caller]
fn assert_close(what: &str, got: &[f32], want: &[f32], floor: f64, rtol: f64) {
    let want: Vec<f64> = want.iter().copied().map(f64::from).collect();
    let with = Tolerance {
        floor,
        ..Tolerance::of(0.0, rtol)
    };
    close(what, got, &want, with).unwrap();
}

#[test]
fn gradients_are_the_references() {
    for (activation, loss) in every_kind() {
        for (shift, dropout) in [(0, 0.0), (1, 0.25), (7, 0.5)] {
            let recipe = Recipe {
                shift,
                dropout,
                ..recipe(activation, loss)
            };
            // The reference's `gradient` is over the whole set where the batch is the whole set.
            let full = Recipe {
                batch: Batch::Full,
                ..recipe.clone()
            };
            let mut reference = Reference::<f64>::new(digits(), full, &parameters()).unwrap();
            let (loss_wanted, wanted) = reference.gradient().unwrap();
            for level in Level::available() {
                let what = format!("{} {recipe:?}", level.name());
                let mut engine =
                    PerExample::with_level(digits(), recipe.clone(), &parameters(), level).unwrap();
                let before = engine.state().unwrap();
                let (loss, gradient) = engine.gradient().unwrap();
                // A mean of 40 losses of some units, in f32: a few units in the seventh place.
                let tolerance = 1e-6 * (1.0 + loss_wanted.abs());
                assert!((loss - loss_wanted).abs() <= tolerance, "{what}: {loss}");
                // Gradients are up to about 1; their sums of up to 40 · 64 terms of mixed sign lose some 1e-6.
                assert_close(&what, gradient.flat(), wanted.flat(), 2e-6, 2e-5);
                assert_eq!(engine.state().unwrap(), before, "{what}: nothing changes");
            }
        }
    }
}

/// Trains both engines for some updates and compares losses and state.
fn compare_training(recipe: &Recipe, updates: u32, atol: f64, rtol: f64) {
    let mut reference = Reference::<f64>::new(digits(), recipe.clone(), &parameters()).unwrap();
    let losses_wanted = reference.train(updates).unwrap();
    let wanted = reference.state().unwrap();
    for level in Level::available() {
        let what = format!("{} {recipe:?}", level.name());
        let mut engine =
            PerExample::with_level(digits(), recipe.clone(), &parameters(), level).unwrap();
        let losses = engine.train(updates).unwrap();
        assert_close(&what, &losses, &losses_wanted, atol, rtol);
        let state = engine.state().unwrap();
        assert_eq!(state.step, updates);
        let close = |got: &Parameters, want: &Parameters| {
            assert_close(&what, got.flat(), want.flat(), atol, rtol);
        };
        close(&state.parameters, &wanted.parameters);
        if recipe.optimizer != Optimizer::Sgd || recipe.momentum > 0.0 {
            close(&state.first_moment, &wanted.first_moment);
            close(&state.second_moment, &wanted.second_moment);
        }
        let start = parameters();
        let moved = state.parameters.flat().iter().zip(start.flat());
        let moved = moved.filter(|(after, before)| after != before).count();
        assert!(moved > 5_000, "{what}: {moved} parameters moved");
    }
}

// Fifty updates are one epoch and a quarter, so that the order's wrap is tested too. Rounding differs by 6e-8 an
// operation and the updates multiply it; 1e-4 is far below what one wrong update changes (about η).
const ATOL: f64 = 1e-5;
const RTOL: f64 = 1e-4;

#[test]
fn plain_gradient_descent_follows_the_reference() {
    for (activation, loss) in every_kind() {
        let recipe = Recipe {
            learning_rate: 0.01,
            ..recipe(activation, loss)
        };
        compare_training(&recipe, 50, ATOL, RTOL);
    }
}

#[test]
fn momentum_and_decay_follow_the_reference() {
    for (activation, loss) in every_kind() {
        let recipe = Recipe {
            learning_rate: 0.002,
            momentum: 0.8,
            weight_decay: 0.02,
            warmup: 7,
            ..recipe(activation, loss)
        };
        compare_training(&recipe, 50, ATOL, RTOL);
    }
    let decay_alone = Recipe {
        weight_decay: 0.1,
        ..recipe(Activation::Tanh, Loss::Mse)
    };
    compare_training(&decay_alone, 50, ATOL, RTOL);
}

#[test]
fn adamw_with_shift_and_dropout_follows_the_reference() {
    for (activation, loss) in every_kind() {
        let recipe = Recipe {
            activation,
            loss,
            // AdamW's first updates are η·sign(g): where g is all but 0, rounding decides. A larger ε damps that.
            epsilon: 1e-4,
            ..Recipe::named(RecipeName::Dropout)
        };
        compare_training(&recipe, 50, ATOL, RTOL);
    }
}

/// Rates and dampings of the sizes that train, for random weights and images.
fn diagonal_newton(activation: Activation, loss: Loss) -> Recipe {
    Recipe {
        activation,
        loss,
        learning_rate: 0.002,
        damping: 0.05,
        curvature_sample: 17,
        ..Recipe::named(RecipeName::Newton1989)
    }
}

#[test]
fn diagonal_newton_follows_the_reference() {
    for (activation, loss) in every_kind() {
        // Fifty updates begin two epochs, so the curvature is estimated twice; 41 is more than there are.
        for curvature_sample in [1, 17, 41] {
            let recipe = Recipe {
                curvature_sample,
                ..diagonal_newton(activation, loss)
            };
            compare_training(&recipe, 50, ATOL, 3.0 * RTOL);
        }
    }
    let noisy = Recipe {
        shift: 1,
        dropout: 0.25,
        ..diagonal_newton(Activation::Relu, Loss::CrossEntropy)
    };
    compare_training(&noisy, 50, ATOL, 3.0 * RTOL);
}

#[test]
fn evaluation_is_the_references() {
    for (activation, loss) in every_kind() {
        let recipe = Recipe {
            shift: 1,
            dropout: 0.25,
            ..recipe(activation, loss)
        };
        let mut reference = Reference::<f64>::new(digits(), recipe.clone(), &parameters()).unwrap();
        for level in Level::available() {
            let mut engine =
                PerExample::with_level(digits(), recipe.clone(), &parameters(), level).unwrap();
            // Leaves a shifted image and dropped units, which must not be seen.
            engine.gradient().unwrap();
            for split in [Split::Train, Split::Test] {
                let wanted = reference.evaluate(split).unwrap();
                let got = engine.evaluate(split).unwrap();
                let what = format!("{} {activation:?} {loss:?} {split:?}", level.name());
                let tolerance = 1e-6 * (1.0 + wanted.loss.abs());
                assert!((got.loss - wanted.loss).abs() <= tolerance, "{what}");
                let counts = (got.misses, got.examples);
                assert_eq!(counts, (wanted.misses, wanted.examples), "{what}");
            }
        }
    }
}

#[test]
fn runs_repeat_and_resume_to_the_bit() {
    let plain = recipe(Activation::Tanh, Loss::Mse);
    let momentum = Recipe {
        learning_rate: 0.002,
        momentum: 0.9,
        ..plain.clone()
    };
    // The first part ends within an epoch, so its steps must be carried over.
    let newton = diagonal_newton(Activation::Tanh, Loss::Mse);
    for recipe in [plain, momentum, newton, Recipe::named(RecipeName::Dropout)] {
        for level in Level::available() {
            let start =
                || PerExample::with_level(digits(), recipe.clone(), &parameters(), level).unwrap();
            let (mut straight, mut interrupted) = (start(), start());
            let losses = straight.train(90).unwrap();
            let mut parts = interrupted.train(33).unwrap();
            let saved = interrupted.state().unwrap();
            interrupted.train(5).unwrap();
            interrupted.gradient().unwrap();
            interrupted.evaluate(Split::Test).unwrap();
            interrupted.restore(&saved).unwrap();
            assert!(interrupted.train(0).unwrap().is_empty());
            parts.extend(interrupted.train(57).unwrap());
            assert_eq!(bits(&parts), bits(&losses), "{}", level.name());
            let (a, b) = (straight.state().unwrap(), interrupted.state().unwrap());
            assert_eq!(a.step, b.step);
            for (a, b) in [
                (a.parameters, b.parameters),
                (a.first_moment, b.first_moment),
                (a.second_moment, b.second_moment),
            ] {
                assert_eq!(bits(a.flat()), bits(b.flat()), "{}", level.name());
            }
        }
    }
}

/// ReLU of NaN is NaN, as the reference's is: a net that has diverged shows it.
#[test]
fn a_weight_that_is_not_a_number_makes_the_loss_not_a_number() {
    for (activation, loss) in every_kind() {
        let mut parameters = parameters();
        parameters.tensor_mut(&PARAMETERS[0])[0] = f32::NAN;
        for level in Level::available() {
            let recipe = recipe(activation, loss);
            let mut engine = PerExample::with_level(digits(), recipe, &parameters, level).unwrap();
            let losses = engine.train(1).unwrap();
            assert!(
                losses[0].is_nan(),
                "{} {activation:?}: {losses:?}",
                level.name()
            );
        }
    }
}

#[test]
fn a_recipe_of_another_batch_or_a_rule_that_does_not_go_with_it_is_refused() {
    let muon = Recipe {
        batch: Batch::PerExample,
        ..Recipe::named(RecipeName::FullBatchMuon)
    };
    for (recipe, expected) in [
        (
            Recipe::named(RecipeName::FullBatchMuon),
            "the per-example engine: found recipe full-batch-muon with the full batch, expected one example per update",
        ),
        (muon, "--optimizer: found muon"),
    ] {
        let made = PerExample::new(digits(), recipe, &parameters());
        let error = made.err().expect("refused").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
