//! Ten steps from the same weights, with shift and dropout, end alike on every engine and adapter; and the default
//! recipe ends with at most 102 test misses (the 1989 paper's count) on each full-batch engine.
//!
//! GPU tests need an adapter: without one they are reported as ignored, or fail if `GPU_TRAIN_REQUIRE_ADAPTER` is 1.

mod common;

use common::compare::{Tolerance, close};
use common::compare_parameters;
use gpu_train::cpu::{FullBatch, PerExample};
use gpu_train::data::{Digits, embedded};
use gpu_train::engine::{Engine, Split};
use gpu_train::gpu::{Gpu, Options};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Activation, Length, Recipe, RecipeName};
use gpu_train::reference::Reference;
use gpu_train::train::{self, Cadence};
use libtest_mimic::{Arguments, Failed, Trial};

/// Everything on: ReLU, cross-entropy, AdamW, shift, dropout, warm-up.
fn modern(steps: u64) -> Recipe {
    Recipe {
        activation: Activation::Relu,
        shift: 1,
        dropout: 0.25,
        length: Length::Steps(steps),
        warmup: 2,
        ..Recipe::named(RecipeName::FullBatchAdamW)
    }
}

/// Ten steps on 1,757 examples (27 workgroups of 64 and a rest) against the f64 reference.
fn ten_steps(
    make: impl Fn(&Digits, &Recipe, &Parameters) -> Box<dyn Engine>,
) -> Result<(), Failed> {
    let digits = embedded::digits();
    let digits = Digits {
        train: digits.train.truncated(1_757),
        ..digits
    };
    let recipe = modern(10);
    let start = recipe.initial_parameters();
    let mut oracle = Reference::<f64>::new(digits.clone(), recipe.clone(), &start)?;
    let want = oracle.train(10)?;
    let mut engine = make(&digits, &recipe, &start);
    let got = engine.train(10)?;
    let want: Vec<f64> = want.into_iter().map(f64::from).collect();
    close("losses", &got, &want, Tolerance::of(0.0, 1e-4))?;
    // AdamW divides by the root of a mean square: a gradient near 0 can turn by a rate's share of a step.
    compare_parameters(
        "weights after ten steps",
        &engine.state()?.parameters,
        oracle.parameters(),
        2e-3,
    )?;
    let (got, want) = (engine.evaluate(Split::Test)?, oracle.evaluate(Split::Test)?);
    if got.misses.abs_diff(want.misses) > 2 {
        return Err(format!("{} test misses, the reference {}", got.misses, want.misses).into());
    }
    Ok(())
}

/// The default recipe ends at no more test misses than the paper's net had.
fn default_recipe(
    make: impl Fn(&Digits, &Recipe, &Parameters) -> Box<dyn Engine>,
) -> Result<(), Failed> {
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    let digits = embedded::digits();
    let start = recipe.initial_parameters();
    let mut engine = make(&digits, &recipe, &start);
    let cadence = Cadence::every(u32::MAX);
    let history = train::run(
        engine.as_mut(),
        &recipe,
        digits.train.len(),
        cadence,
        &mut |_| Ok(()),
    )?;
    let misses = history.last().test.misses;
    println!("{}: {misses} test misses", engine.device());
    if misses > 102 {
        return Err(format!("{misses} test misses, expected at most 102").into());
    }
    Ok(())
}

/// 23 epochs of batch 1 end between 3% and 5% test error.
fn reproduction() -> Result<(), Failed> {
    let recipe = Recipe::named(RecipeName::Reproduction);
    let digits = embedded::digits();
    let start = recipe.initial_parameters();
    let mut engine = PerExample::new(digits.clone(), recipe.clone(), &start)?;
    let cadence = Cadence::every(u32::MAX);
    let history = train::run(
        &mut engine,
        &recipe,
        digits.train.len(),
        cadence,
        &mut |_| Ok(()),
    )?;
    let error = history.last().test.error();
    println!("{}: test error {:.2}%", engine.device(), 100.0 * error);
    if (0.03..=0.05).contains(&error) {
        Ok(())
    } else {
        Err(format!("test error {:.2}%, expected 3% to 5%", 100.0 * error).into())
    }
}

fn cpu(digits: &Digits, recipe: &Recipe, start: &Parameters) -> Box<dyn Engine> {
    Box::new(FullBatch::new(digits.clone(), recipe.clone(), start).unwrap())
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("ten_steps::cpu", || ten_steps(cpu)),
        Trial::test("ten_steps::reference_f32", || {
            ten_steps(|d, r, p| Box::new(Reference::<f32>::new(d.clone(), r.clone(), p).unwrap()))
        }),
        Trial::test("default_recipe::cpu", || default_recipe(cpu)),
        Trial::test("reproduction::per_example", reproduction),
    ];
    let tests: [(&str, common::AdapterTest); 2] = [
        ("ten_steps", |adapter| {
            ten_steps(|d, r, p| {
                let opened = Gpu::open(adapter, d, r.clone(), p, &Options::default());
                Box::new(opened.expect("adapter").engine)
            })
        }),
        ("default_recipe", |adapter| {
            default_recipe(|d, r, p| {
                let opened = Gpu::open(adapter, d, r.clone(), p, &Options::default());
                Box::new(opened.expect("adapter").engine)
            })
        }),
    ];
    trials.extend(common::adapter_trials(&tests));
    libtest_mimic::run(&arguments, trials).exit();
}
