//! Compares two custom recipes over a few seeds: the effect of a warm-up on AdamW over the full batch.
//!
//! `cargo run --release --example custom_recipe`

use gpu_train::data::Digits;
use gpu_train::error::Result;
use gpu_train::recipe::{Length, Recipe, RecipeName};
use gpu_train::target::{self, Target};
use gpu_train::train::Cadence;
use gpu_train::{data, train};

const SEEDS: u64 = 3;

/// Mean of the test misses over the seeds.
fn mean_misses(recipe: &Recipe, digits: &Digits) -> Result<f64> {
    // The error names the flag of a field that is out of range.
    recipe.validate()?;
    let cadence = Cadence::every(u32::MAX);
    let mut misses = 0;
    for seed in 0..SEEDS {
        let recipe = Recipe {
            seed,
            ..recipe.clone()
        };
        let start = recipe.initial_parameters();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut engine = target::open(&Target::Cpu(cores), digits, &recipe, start.into())?.engine;
        let examples = digits.train.len();
        let history = train::run(engine.as_mut(), &recipe, examples, cadence, &mut |_| Ok(()))?;
        misses += history.last().test.misses;
    }
    Ok(f64::from(misses) / SEEDS as f64)
}

fn main() -> Result<()> {
    let digits = data::embedded::digits();
    let at_once = Recipe {
        name: "without a warm-up".into(),
        length: Length::Steps(60),
        warmup: 0,
        ..Recipe::named(RecipeName::FullBatchAdamW)
    };
    let risen = Recipe {
        name: "with a warm-up of 15 steps".into(),
        warmup: 15,
        ..at_once.clone()
    };
    for recipe in [&at_once, &risen] {
        let misses = mean_misses(recipe, &digits)?;
        println!(
            "{}: {misses:.1} test misses, mean of {SEEDS} seeds",
            recipe.name
        );
    }
    Ok(())
}
