//! Trains the 1989 net over the whole training set at once on the CPU cores, and saves it for PyTorch.
//!
//! `cargo run --release --example train [NET.safetensors]`

use gpu_train::engine::Engine;
use gpu_train::recipe::{Name, Recipe};
use gpu_train::train::{Event, Watch};
use gpu_train::{cpu, data, error, train, weights};

fn main() -> error::Result<()> {
    let path = std::env::args_os().nth(1);
    let digits = data::embedded::digits();
    let recipe = Recipe::named(Name::FullBatch);
    let mut engine =
        cpu::FullBatch::new(digits.clone(), recipe.clone(), &recipe.initial_parameters());
    let watch = Watch { evaluate_every: 13 };
    train::run(
        &mut engine,
        &recipe,
        digits.train.len(),
        watch,
        &mut |event| {
            if let Event::Evaluated { point, steps } = event {
                println!(
                    "step {}/{steps}: {} test misses",
                    point.step, point.test.misses
                );
            }
            Ok(())
        },
    )?;
    let trained = engine.state()?.parameters;
    path.map_or(Ok(()), |path| {
        weights::save(path.as_ref(), &trained, (&recipe).into())
    })
}
