//! Prints the losses of a CPU engine's first steps from drawn weights, one per line, with the portable kernels that a
//! browser has as well: `portable_losses cpu|per-example SEED STEPS`.

use gpu_train::cpu::simd::Level;
use gpu_train::cpu::{FullBatch, PerExample};
use gpu_train::data::embedded;
use gpu_train::engine::Engine;
use gpu_train::error::{Error, Result};
use gpu_train::recipe::{Recipe, RecipeName};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers = arguments.iter().skip(1).map(|text| text.parse::<u32>());
    let numbers: std::result::Result<Vec<u32>, _> = numbers.collect();
    let (Some(engine), Ok([seed, steps])) = (arguments.first(), numbers.as_deref()) else {
        let text = format!(
            "found {arguments:?}, expected cpu or per-example, a seed and a number of steps"
        );
        return Err(Error::Usage(text));
    };
    let name = match engine.as_str() {
        "cpu" => RecipeName::FullBatch,
        "per-example" => RecipeName::PerExampleClosedForm,
        other => {
            let text = format!("found {other:?}, expected cpu or per-example");
            return Err(Error::Usage(text));
        }
    };
    let recipe = Recipe {
        seed: (*seed).into(),
        ..Recipe::named(name)
    };
    let (digits, start) = (embedded::digits(), recipe.initial_parameters());
    let level = Level::available()[0];
    let losses = match name {
        RecipeName::FullBatch => {
            FullBatch::with_level_and_threads(digits, recipe, &start, level, 1)?.train(*steps)?
        }
        _ => PerExample::with_level(digits, recipe, &start, level)?.train(*steps)?,
    };
    for loss in losses {
        println!("{loss}");
    }
    Ok(())
}
