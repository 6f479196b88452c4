//! Trains the 1989 net over the full batch on the CPU cores and saves it as net.safetensors.
//!
//! `cargo run --release --example train`

use std::path::Path;

use gpu_train::cpu::FullBatch;
use gpu_train::data::embedded;
use gpu_train::engine::Engine;
use gpu_train::error::Result;
use gpu_train::recipe::{Recipe, RecipeName};
use gpu_train::train::{self, Cadence, Event};
use gpu_train::weights;

fn main() -> Result<()> {
    let digits = embedded::digits();
    let recipe = Recipe::named(RecipeName::FullBatch);
    let start = recipe.initial_parameters();
    let mut engine = FullBatch::new(digits.clone(), recipe.clone(), &start)?;
    let cadence = Cadence::every(13);
    let mut show = |event: Event<'_>| {
        if let Event::Evaluated { point, .. } = event {
            println!("step {}: {} test misses", point.step, point.test.misses);
        }
        Ok(())
    };
    train::run(&mut engine, &recipe, digits.train.len(), cadence, &mut show)?;
    let trained = engine.state()?.parameters;
    weights::save(Path::new("net.safetensors"), &trained, (&recipe).into())
}
