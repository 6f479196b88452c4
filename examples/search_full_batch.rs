//! How the `full-batch` recipe got its values: a random search with successive halving on a validation split cut from
//! the *training* set. The test set is never looked at.
//!
//! `cargo run --release --example search_full_batch -- STEPS [CANDIDATES] [SEED]` writes one JSON object a candidate and round
//! on standard output.

use gpu_train::cpu::FullBatch;
use gpu_train::data::{Digits, embedded};
use gpu_train::engine::{Engine, Split};
use gpu_train::net;
use gpu_train::recipe::{Activation, Length, Loss, Name, Recipe};
use gpu_train::schedule::Schedule;
use rand_mt::Mt64;
use serde_json::json;

/// Every fifth training example is held out for validation.
const FOLD: usize = 5;

fn split() -> Digits {
    let train = embedded::digits().train;
    let (held_out, kept): (Vec<usize>, Vec<usize>) = (0..train.len()).partition(|i| i % FOLD == 0);
    Digits {
        train: train.subset(&kept),
        test: train.subset(&held_out),
        source: "validation split of the embedded training set".into(),
    }
}

/// Validation misses of one run.
fn misses(digits: &Digits, recipe: &Recipe, seed: u64) -> u32 {
    let recipe = Recipe {
        seed,
        ..recipe.clone()
    };
    let start = net::initial_parameters(seed, recipe.output_bias(), recipe.initialization);
    let mut engine = FullBatch::new(digits.clone(), recipe.clone(), &start);
    let steps = recipe
        .validate_updates(digits.train.len())
        .expect("few steps");
    engine.train(steps).expect("the CPU does not fail");
    engine
        .evaluate(Split::Test)
        .expect("the CPU does not fail")
        .misses
}

struct Draw(Mt64);

impl Draw {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.0.next_u64() as f64 / 2f64.powi(64))
    }

    fn logarithmic(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    fn choice<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.0.next_u64() % from.len() as u64) as usize]
    }
}

fn rounded(value: f64) -> f64 {
    format!("{value:.1e}").parse().expect("a number")
}

fn candidate(draw: &mut Draw, steps: u64) -> Recipe {
    let learning_rate = rounded(draw.logarithmic(0.01, 0.08));
    let loss = draw.choice(&[Loss::CrossEntropy, Loss::CrossEntropy, Loss::Mse]);
    Recipe {
        length: Length::Steps(steps),
        activation: draw.choice(&[Activation::Tanh, Activation::Relu]),
        loss,
        learning_rate,
        final_learning_rate: rounded(learning_rate * 0.01),
        weight_decay: rounded(draw.logarithmic(0.03, 1.5)),
        beta1: draw.choice(&[0.8, 0.85, 0.9, 0.95]),
        beta2: draw.choice(&[0.9, 0.95, 0.98, 0.99]),
        schedule: draw.choice(&[Schedule::Linear, Schedule::Cosine]),
        warmup: (steps as f64 * draw.choice(&[0.05, 0.1, 0.2])) as u64,
        ..Recipe::named(Name::FullBatch)
    }
}

fn main() {
    let number = |index: usize, default: u64| {
        std::env::args()
            .nth(index)
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let (steps, candidates, seed) = (number(1, 140), number(2, 64), number(3, 1));
    let digits = split();
    let mut draw = Draw(Mt64::new(seed));
    let mut field: Vec<(Recipe, Vec<u32>)> = (0..candidates)
        .map(|_| (candidate(&mut draw, steps), Vec::new()))
        .collect();
    // Seeds of the search's runs; none is the recipe's own.
    let mut next_seed = 100;
    for (round, runs) in [1, 2, 4, 8].into_iter().enumerate() {
        for (recipe, results) in &mut field {
            results.extend((next_seed..next_seed + runs).map(|seed| misses(&digits, recipe, seed)));
            let mean = results.iter().sum::<u32>() as f64 / results.len() as f64;
            let row = json!({
                "round": round, "recipe": recipe, "misses": results, "mean": mean,
                "error": mean / digits.test.len() as f64,
            });
            println!("{row}");
        }
        next_seed += runs;
        let mean = |results: &[u32]| results.iter().sum::<u32>() as f64 / results.len() as f64;
        field.sort_by(|(_, a), (_, b)| mean(a).total_cmp(&mean(b)));
        field.truncate((field.len() / 4).max(2));
    }
}
