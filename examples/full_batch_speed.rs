//! Milliseconds and GFLOP/s of a full-batch step on the CPU, at every instruction set this processor has.
//!
//! `cargo run --release --example full_batch_speed [examples] [threads] [instruction set]`

use std::time::Instant;

use gpu_train::cpu::FullBatch;
use gpu_train::cpu::simd::Level;
use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::Engine;
use gpu_train::net::{FLOP_PER_EXAMPLE, PIXELS, initial_parameters};
use gpu_train::recipe::{Name, Recipe};

/// Steps timed at each level.
const STEPS: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| {
        let given = arguments.get(at).map(|given| given.parse());
        given.map_or(default, |given| given.expect("a number"))
    };
    let examples = number(0, 7_291);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = number(1, all);
    let plain = Recipe::named(Name::FullBatch);
    let modern = Recipe {
        activation: gpu_train::recipe::Activation::Relu,
        shift: 1,
        dropout: 0.25,
        ..plain.clone()
    };
    let wanted = |level: &Level| arguments.get(2).is_none_or(|name| name == level.name());
    for level in Level::available().into_iter().rev().filter(wanted) {
        for (name, recipe) in [("tanh", &plain), ("ReLU, shift, dropout", &modern)] {
            report(level, name, recipe, examples, threads);
        }
    }
}

fn report(level: Level, name: &str, recipe: &Recipe, examples: usize, threads: usize) {
    let start = initial_parameters(1, 0.0);
    let mut engine =
        FullBatch::with_level_and_threads(digits(examples), recipe.clone(), &start, level, threads);
    let mut times: Vec<f64> = (0..=STEPS)
        .map(|_| {
            let start = Instant::now();
            engine.train(1).expect("the CPU does not fail");
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    let giga = (examples * FLOP_PER_EXAMPLE) as f64 / 1e9;
    let (least, median) = (times[0], times[STEPS / 2]);
    println!(
        "{}, {name}: median {:.2} ms ({:.1} GFLOP/s), least {:.2} ms ({:.1} GFLOP/s)",
        engine.device(),
        median * 1e3,
        giga / median,
        least * 1e3,
        giga / least,
    );
}

/// Images and labels that look like nothing: the time does not depend on them.
fn digits(examples: usize) -> Digits {
    let mix = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let codes = (0..examples * PIXELS)
        .map(|i| (mix(i) % 511) as u16)
        .collect();
    let labels = (0..examples).map(|i| (mix(i) % 10) as u8).collect();
    let train = Dataset::new(codes, 255, labels);
    Digits {
        test: train.truncated(1),
        train,
        source: "made up".into(),
    }
}
