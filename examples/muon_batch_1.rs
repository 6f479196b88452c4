//! Tries Muon one example at a time: each layer's step made orthogonal, from the closed-form start of
//! `per-example-closed-form`, biases by its SGD. Prints a row of JSON for each rate and momentum after an epoch, and for the
//! best over the recipe's whole length and three seeds: the error on MNIST's digits that are not trained on.
//!
//! `cargo run --release --example muon_batch_1 -- MNIST-DIR > results/muon-batch-1.jsonl`

use std::path::PathBuf;

use gpu_train::data::Digits;
use gpu_train::data::mnist1989::held_out;
use gpu_train::engine::{Engine, Split};
use gpu_train::error::Result;
use gpu_train::net::{PARAMETERS, Parameters};
use gpu_train::recipe::{Length, Recipe, RecipeName};
use gpu_train::reference::{Muon, Reference, muon, sgd};
use gpu_train::start::StartingPoint;
use serde_json::json;

const RATES: [f64; 6] = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3];
const MOMENTA: [f64; 3] = [0.0, 0.5, 0.95];
const EPOCHS: u64 = 4;
const SEEDS: u64 = 3;

/// Validation error after training with this peak rate and momentum of the layers' matrices.
fn error(digits: &Digits, recipe: &Recipe, rate: f64, momentum: f64) -> Result<f64> {
    let start = StartingPoint::of(recipe, &digits.train, 1)?.parameters;
    let mut engine = Reference::<f32>::new(digits.clone(), recipe.clone(), &start)?;
    let mut buffer = Parameters::<f32>::zeros();
    let examples = digits.train.len();
    for update in 0..recipe.updates(examples) {
        let example = update as usize % examples;
        let (_, gradient) = engine.batch_gradient(example..example + 1);
        let scalars = recipe.step_scalars(update, examples);
        let share = scalars.learning_rate / recipe.learning_rate;
        let with = Muon {
            momentum: momentum as f32,
            learning_rate: (rate * share) as f32,
            shrink: 1.0,
        };
        for tensor in &PARAMETERS {
            let at = tensor.range();
            let w = &mut engine.parameters_mut().flat_mut()[at.clone()];
            let (g, m) = (&gradient.flat()[at.clone()], &mut buffer.flat_mut()[at]);
            match tensor.columns() {
                Some(columns) => muon(w, g, m, columns, with),
                None => {
                    let rate = scalars.step_size as f32;
                    sgd(w, g, m, rate, recipe.momentum as f32, 0.0);
                }
            }
        }
    }
    let found = engine.evaluate(Split::Test)?;
    Ok(f64::from(found.misses) / f64::from(found.examples))
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let Some(folder) = folder else {
        eprintln!("usage: muon_batch_1 MNIST-DIR");
        std::process::exit(2);
    };
    let digits = held_out(&folder, None, None)?;
    let recipe = |epochs, seed| Recipe {
        length: Length::Epochs(epochs),
        seed,
        ..Recipe::named(RecipeName::PerExampleClosedForm)
    };
    let mut best = (f64::INFINITY, 0.0, 0.0);
    for (momentum, rate) in MOMENTA.iter().flat_map(|m| RATES.map(|rate| (*m, rate))) {
        let found = error(&digits, &recipe(1, 1), rate, momentum)?;
        println!(
            "{}",
            json!({"epochs": 1, "learning_rate": rate, "momentum": momentum, "seed": 1, "error": found})
        );
        if found < best.0 {
            best = (found, rate, momentum);
        }
    }
    let (_, rate, momentum) = best;
    for seed in 2..2 + SEEDS {
        let found = error(&digits, &recipe(EPOCHS, seed), rate, momentum)?;
        println!(
            "{}",
            json!({"epochs": EPOCHS, "learning_rate": rate, "momentum": momentum, "seed": seed, "error": found})
        );
    }
    Ok(())
}
