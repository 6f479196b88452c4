//! Every engine against PyTorch in float64: per-tensor gradients, full-batch steps of AdamW, Muon and whitened Muon, 300
//! per-example SGD steps.
//!
//! Their results are in `tests/fixtures/`, with the script that computes them.

use std::sync::Arc;

use crate::common::compare::{Tolerance, close};
use crate::common::{Fixture, compare_parameters};
use gpu_train::cpu::simd::Level;
use gpu_train::cpu::{FullBatch, PerExample};
use gpu_train::data::{Digits, embedded};
use gpu_train::engine::{Engine, Split, State};
use gpu_train::gpu::{self, Gpu, Options};
use gpu_train::net::{PARAMETERS, Parameters};
use gpu_train::recipe::Schedule;
use gpu_train::recipe::{Activation, Batch, Length, Loss, Optimizer, Recipe, RecipeName};
use gpu_train::reference::Reference;
use libtest_mimic::{Failed, Trial};

type Make = Arc<dyn Fn(&Digits, &Recipe, &Parameters) -> Box<dyn Engine> + Send + Sync>;

/// An engine that can train full batches, or single examples.
struct Contestant {
    name: String,
    make: Make,
    /// Largest difference of its sums from f64's, relative to a tensor's largest element.
    tolerance: f64,
}

/// f32 sums of up to 64·64 products of like size: a few times √4096·2⁻²⁴.
const F32: f64 = 2e-5;

fn contestant(
    name: impl Into<String>,
    tolerance: f64,
    make: impl Fn(&Digits, &Recipe, &Parameters) -> Box<dyn Engine> + Send + Sync + 'static,
) -> Contestant {
    Contestant {
        name: name.into(),
        make: Arc::new(make),
        tolerance,
    }
}

fn references() -> Vec<Contestant> {
    vec![
        contestant("reference_f64", 1e-6, |d, r, p| {
            Box::new(Reference::<f64>::new(d.clone(), r.clone(), p).unwrap())
        }),
        contestant("reference_f32", F32, |d, r, p| {
            Box::new(Reference::<f32>::new(d.clone(), r.clone(), p).unwrap())
        }),
    ]
}

fn full_batch() -> Vec<Contestant> {
    let mut all = references();
    for level in Level::available() {
        all.push(contestant(
            format!("cpu_{}", level.name()),
            F32,
            move |d, r, p| {
                Box::new(
                    FullBatch::with_level_and_threads(d.clone(), r.clone(), p, level, 2).unwrap(),
                )
            },
        ));
    }
    for adapter in gpu::adapters() {
        let name = format!("gpu_{}", adapter.get_info().name.replace(' ', "_"));
        all.push(contestant(name, F32, move |d, r, p| {
            let opened = Gpu::open(&adapter, d, r.clone(), p, &Options::default());
            Box::new(opened.expect("a working adapter").engine)
        }));
    }
    all
}

fn per_example() -> Vec<Contestant> {
    let mut all = references();
    for level in Level::available() {
        all.push(contestant(
            format!("per_example_{}", level.name()),
            F32,
            move |d, r, p| {
                Box::new(PerExample::with_level(d.clone(), r.clone(), p, level).unwrap())
            },
        ));
    }
    all
}

fn recipe(batch: Batch, activation: Activation, loss: Loss) -> Recipe {
    Recipe {
        batch,
        activation,
        loss,
        ..Recipe::named(RecipeName::Reproduction)
    }
}

/// Loss and the gradient of each tensor on 64 images with random biases.
fn gradients(contestant: &Contestant, name: &str, recipe: &Recipe) -> Result<(), Failed> {
    let fixture = Fixture::read(name);
    let parameters = fixture.parameters("").map(|v| v as f32);
    let mut engine = (contestant.make)(&fixture.digits(), recipe, &parameters);
    let (loss, gradient) = engine.gradient()?;
    let with = Tolerance::of(0.0, contestant.tolerance);
    close("loss", &[loss], fixture.get("loss"), with)?;
    let want = fixture.parameters("d");
    compare_parameters("gradient of", &gradient, &want, contestant.tolerance)?;
    Ok(())
}

/// Ten AdamW steps over all 7,291 images.
fn adamw_trajectory(contestant: &Contestant, name: &str, recipe: &Recipe) -> Result<(), Failed> {
    let fixture = Fixture::read(name);
    let recipe = Recipe {
        length: Length::Steps(10),
        optimizer: Optimizer::AdamW,
        learning_rate: fixture.get("lr_wd")[0],
        weight_decay: fixture.get("lr_wd")[1],
        schedule: Schedule::Constant,
        ..recipe.clone()
    };
    trajectory(contestant, &fixture, &recipe)
}

fn trajectory(contestant: &Contestant, fixture: &Fixture, recipe: &Recipe) -> Result<(), Failed> {
    let start = fixture.parameters("start.").map(|v| v as f32);
    let mut engine = (contestant.make)(&embedded::digits(), recipe, &start);
    engine.restore(&State::start(start))?;
    let want = fixture.get("losses");
    let losses = engine.train(want.len() as u32)?;
    // Batch-1 losses near zero are differences of outputs near ±1: an absolute part for those.
    let with = Tolerance {
        rtol: 2e-5,
        ..Tolerance::absolute(2e-6)
    };
    close("losses", &losses, want, with)?;
    let end = engine.state()?;
    if end.step as usize != want.len() {
        return Err(format!("{} steps done of {}", end.step, want.len()).into());
    }
    let parameters = end.parameters.flat();
    let want = fixture.parameters("end.");
    close(
        "weights",
        parameters,
        want.flat(),
        Tolerance::absolute(1e-4),
    )?;
    Ok(())
}

/// Muon over all 7,291 images.
fn muon(contestant: &Contestant, f64s: bool) -> Result<(), Failed> {
    let fixture = Fixture::read("full_batch_muon_relu_ce");
    let numbers = fixture.get("rate_decay_momentum_betas");
    let &[learning_rate, weight_decay, momentum, beta1, beta2] = numbers else {
        return Err("found no rate, decay, momentum and betas".into());
    };
    let steps = fixture.get("losses").len() as u32;
    let recipe = Recipe {
        length: Length::Steps(steps.into()),
        optimizer: Optimizer::Muon,
        learning_rate,
        weight_decay,
        momentum,
        beta1,
        beta2,
        schedule: Schedule::Constant,
        ..recipe(Batch::Full, Activation::Relu, Loss::CrossEntropy)
    };
    let start = fixture.parameters("start.");
    let rounded = start.map(|v| v as f32);
    let mut engine = (contestant.make)(&embedded::digits(), &recipe, &rounded);
    let losses = engine.train(steps)?;
    let end = [(engine.state()?, "end.")];
    compare_amplified(&fixture, &losses, &end, &start, f64s)
}

/// Whitened Muon over all 7,291 images, from random biases too: losses, and the weights after the first step and the last.
fn whitened_muon(contestant: &Contestant, f64s: bool) -> Result<(), Failed> {
    let fixture = Fixture::read("whitened_muon_relu_ce");
    let [learning_rate, damping] = fixture.get("lr_damping")[..] else {
        return Err("found no rate and damping".into());
    };
    let [steps, examples] = fixture.get("steps_examples")[..] else {
        return Err("found no steps and examples".into());
    };
    let recipe = Recipe {
        length: Length::Steps(steps as u64),
        optimizer: Optimizer::WhitenedMuon,
        learning_rate,
        final_learning_rate: learning_rate / steps,
        schedule: Schedule::Linear,
        damping,
        curvature_sample: examples as u32,
        ..recipe(Batch::Full, Activation::Relu, Loss::CrossEntropy)
    };
    let start = fixture.parameters("start.");
    let rounded = start.map(|v| v as f32);
    let mut engine = (contestant.make)(&embedded::digits(), &recipe, &rounded);
    let mut losses = engine.train(1)?;
    let first = engine.state()?;
    losses.extend(engine.train(steps as u32 - 1)?);
    let end = engine.state()?;
    losses.push(engine.evaluate(Split::Train)?.loss as f32);
    let states = [(first, "first."), (end, "end.")];
    compare_amplified(&fixture, &losses, &states, &start, f64s)
}

/// Compares losses and weights after steps that amplify the rounding of a gradient, as orthogonal ones do.
fn compare_amplified(
    fixture: &Fixture,
    losses: &[f32],
    states: &[(State, &str)],
    start: &Parameters<f64>,
    f64s: bool,
) -> Result<(), Failed> {
    // Programs in f32 met whitened Muon's losses to 5e-5 and its weights to 1% of a tensor's largest move. Noise of 1e-6 of the
    // largest element in each gradient moves Muon's losses by 6e-6 and its weights by 0.2%.
    let (of_losses, of_weights) = if f64s { (2e-6, 2e-5) } else { (1e-4, 2e-2) };
    let with = Tolerance::of(0.0, of_losses);
    close("losses", losses, fixture.get("losses"), with)?;
    for (state, prefix) in states {
        let want = fixture.parameters(prefix);
        for tensor in &PARAMETERS {
            let (want, start) = (want.tensor(tensor), start.tensor(tensor));
            let moves = want.iter().zip(start).map(|(a, b)| (a - b).abs());
            let with = Tolerance::absolute(of_weights * moves.fold(0.0, f64::max));
            let name = format!("{prefix}{}", tensor.name);
            close(&name, state.parameters.tensor(tensor), want, with)?;
        }
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, run: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        trials.push(Trial::test(name, run));
    };
    let nets = [
        (Activation::Tanh, Loss::Mse, "tanh_mse"),
        (Activation::Tanh, Loss::CrossEntropy, "tanh_ce"),
        (Activation::Relu, Loss::Mse, "relu_mse"),
        (Activation::Relu, Loss::CrossEntropy, "relu_ce"),
    ];
    for (batch, contestants) in [
        (Batch::Full, full_batch()),
        (Batch::PerExample, per_example()),
    ] {
        for contestant in contestants {
            let contestant = Arc::new(contestant);
            let label = format!("{batch:?}_{}", contestant.name);
            for (activation, loss, name) in nets {
                let recipe = recipe(batch, activation, loss);
                let with = contestant.clone();
                let fixture = format!("batch_{name}");
                add(
                    format!("gradients::{label}::{name}"),
                    Box::new(move || gradients(&with, &fixture, &recipe)),
                );
                // The scalar f32 reference adds 7,291 examples one by one: its rounding alone moves weights by 5e-4.
                let sums_well = contestant.name != "reference_f32";
                let trains_on = sums_well && (name == "tanh_mse" || name == "relu_ce");
                let recipe = self::recipe(batch, activation, loss);
                if batch == Batch::Full && sums_well && name == "relu_ce" {
                    let f64s = contestant.tolerance < F32;
                    let with = contestant.clone();
                    add(
                        format!("muon::{label}"),
                        Box::new(move || muon(&with, f64s)),
                    );
                    let with = contestant.clone();
                    add(
                        format!("whitened_muon::{label}"),
                        Box::new(move || whitened_muon(&with, f64s)),
                    );
                }
                if batch == Batch::Full && trains_on {
                    let with = contestant.clone();
                    let fixture = format!("full_batch_adamw_{name}");
                    add(
                        format!("ten_adamw_steps::{label}::{name}"),
                        Box::new(move || adamw_trajectory(&with, &fixture, &recipe)),
                    );
                }
            }
            if batch == Batch::PerExample {
                add(
                    format!("300_sgd_steps::{label}"),
                    Box::new(move || {
                        let fixture = Fixture::read("per_example_sgd_tanh_mse");
                        let recipe = recipe(batch, Activation::Tanh, Loss::Mse);
                        trajectory(&contestant, &fixture, &recipe)
                    }),
                );
            }
        }
    }
    trials
}
