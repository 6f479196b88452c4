//! Milliseconds a full-batch step on a GPU, on random images.
//!
//! `cargo run --release --example gpu_speed -- [part of the adapter's name | software] [examples] [steps]`

use std::time::Instant;

use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::Engine;
use gpu_train::error::Result;
use gpu_train::gpu::{AdapterChoice, Gpu, choose};
use gpu_train::net::{FLOP_PER_EXAMPLE, PIXELS, initial_parameters};
use gpu_train::recipe::{Name, Recipe};

fn random_set(examples: usize) -> Dataset {
    let word = |index: usize| gpu_train::draw::initial_weight(9, index as u32);
    let codes = (0..examples * PIXELS).map(|i| (word(i) % 129) as u16);
    let labels = (0..examples).map(|i| (word(i) % 10) as u8);
    Dataset::new(codes.collect(), 64, labels.collect())
}

fn number(argument: Option<String>, otherwise: u32) -> u32 {
    argument
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next();
    let examples = number(arguments.next(), 7_291) as usize;
    let steps = number(arguments.next(), 20);
    let software = name.as_deref() == Some("software");
    let adapter = choose(&AdapterChoice {
        software,
        name_part: name.filter(|_| !software),
        backend: None,
    })?;
    let digits = Digits {
        train: random_set(examples),
        test: random_set(2_007),
        source: "random".into(),
    };
    let plain = Recipe::named(Name::FullBatch);
    let modern = Recipe {
        activation: gpu_train::recipe::Activation::Relu,
        shift: 1,
        dropout: 0.25,
        ..plain.clone()
    };
    for (label, recipe) in [("tanh", plain), ("ReLU, shift, dropout", modern)] {
        let parameters = initial_parameters(recipe.seed, recipe.output_bias());
        let start = Instant::now();
        let mut gpu = Gpu::new(adapter.clone(), &digits, recipe, &parameters)?;
        println!("{}: ready after {:.2?}", gpu.device(), start.elapsed());
        // The first steps compile, calibrate and warm up.
        gpu.train(steps.div_ceil(4))?;
        let start = Instant::now();
        let losses = gpu.train(steps)?;
        let a_step = start.elapsed().as_secs_f64() / f64::from(steps);
        let flop = (FLOP_PER_EXAMPLE * examples) as f64;
        println!(
            "{label}: {:.3} ms a step of {examples} examples, {:.1} GFLOP/s, last loss {:.4}",
            1e3 * a_step,
            flop / a_step / 1e9,
            losses.last().unwrap_or(&f32::NAN)
        );
    }
    Ok(())
}
