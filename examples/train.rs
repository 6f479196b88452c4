//! Trains the 1989 net over the full batch on the CPU cores and saves it as net.safetensors.
//!
//! `cargo run --release --example train`

use std::path::Path;

use gpu_train::cpu::cores;
use gpu_train::data::embedded;
use gpu_train::error::Result;
use gpu_train::recipe::{Recipe, RecipeName};
use gpu_train::target::{self, Target};
use gpu_train::train::{self, Cadence, Event};
use gpu_train::weights;

fn main() -> Result<()> {
    let digits = embedded::digits();
    let recipe = Recipe::named(RecipeName::FullBatch);
    let target = Target::Cpu(cores());
    let start = target.starting_point(&digits, &recipe)?;
    let mut engine = target::open(&target, &digits, &recipe, start)?.engine;
    let cadence = Cadence::every(1);
    let mut show = |event: Event<'_>| {
        if let Event::Evaluated { point, .. } = event {
            println!("step {}: {} test misses", point.step, point.test.misses);
        }
        Ok(())
    };
    train::run(
        engine.as_mut(),
        &recipe,
        digits.train.len(),
        cadence,
        &mut show,
    )?;
    let trained = engine.state()?.parameters;
    weights::save(Path::new("net.safetensors"), &trained, (&recipe).into())
}
