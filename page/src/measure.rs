//! The engines against the reference in this very browser, and against the clock.

use gpu_train::data::embedded;
use gpu_train::engine::Engine;
use gpu_train::experiment::statistics::Sample;
use gpu_train::net::PARAMETERS;
use gpu_train::reference::Reference;
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;
use web_time::{Duration, Instant};

use crate::training::{Entry, Trainer, opened};
use crate::{Result, json, sentence};

/// Training examples of the comparison: the reference is slow.
const COMPARED: usize = 512;
/// Time that the browser has to compile for speed, which it does while the code runs.
const WARM_UP: Duration = Duration::from_secs(2);
/// Measured repetitions.
const REPETITIONS: usize = 9;

/// JSON of the first loss and the gradient on WebGPU next to those of the reference in f64, over a part of the training
/// set: for each tensor the largest difference relative to its largest value.
///
/// # Errors
/// A sentence, if the device fails.
#[wasm_bindgen]
pub async fn check(seed: u32) -> Result<String> {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(COMPARED);
    let recipe = Entry::Gpu.recipe(seed);
    let start = recipe.initial_parameters();
    let mut trainer = opened(Entry::Gpu, &digits, &recipe).await?;
    let (loss, gradient) = match &mut trainer {
        Trainer::Gpu(gpu) => gpu.gradient_async().await.map_err(sentence)?,
        Trainer::Cpu(engine) => engine.gradient().map_err(sentence)?,
    };
    let first = trainer.train(1).await.map_err(sentence)?[0];
    let mut reference = Reference::<f64>::new(digits, recipe, &start).map_err(sentence)?;
    let (expected_loss, expected) = reference.gradient().map_err(sentence)?;
    // Not `max`, which would pass over a NaN.
    let larger = |most: f32, one: f32| if one <= most { most } else { one };
    let tensors = PARAMETERS.map(|tensor| {
        let (found, expected) = (gradient.tensor(&tensor), expected.tensor(&tensor));
        let largest = expected
            .iter()
            .fold(0.0, |most: f32, value| most.max(value.abs()));
        let pairs = found.iter().zip(expected);
        let difference = pairs
            .map(|(a, b)| (a - b).abs() / largest)
            .fold(0.0, larger);
        json!({"name": tensor.name, "difference": difference})
    });
    Ok(json(
        &json!({"loss": [loss, f64::from(first)], "expected": expected_loss, "tensors": tensors}),
    ))
}

/// Losses of a contestant's first steps from drawn weights.
///
/// # Errors
/// A sentence, if the device fails.
#[wasm_bindgen]
pub async fn losses(contestant: String, seed: u32, steps: u32) -> Result<Vec<f32>> {
    let entry = Entry::named(&contestant)?;
    let mut trainer = opened(entry, &embedded::digits(), &entry.recipe(seed)).await?;
    trainer.train(steps).await.map_err(sentence)
}

/// JSON of the median time of a contestant's step, in milliseconds, after [`WARM_UP`]; of batch 1 in
/// microseconds per example.
///
/// # Errors
/// A sentence, if the device fails.
#[wasm_bindgen]
pub async fn bench(contestant: String) -> Result<String> {
    let entry = Entry::named(&contestant)?;
    let digits = embedded::digits();
    let (steps, name, unit) = match entry {
        Entry::PerExample => (digits.train.len() as u32, "microseconds per example", 1e6),
        _ => (1, "milliseconds per step", 1e3),
    };
    let mut trainer = opened(entry, &digits, &entry.recipe(1337)).await?;
    let begun = Instant::now();
    while begun.elapsed() < WARM_UP {
        trainer.train(steps).await.map_err(sentence)?;
    }
    let mut times = Vec::new();
    for _ in 0..REPETITIONS {
        let started = Instant::now();
        trainer.train(steps).await.map_err(sentence)?;
        times.push(unit * started.elapsed().as_secs_f64() / f64::from(steps));
    }
    let median = Sample::of(times).map(|times| times.median());
    Ok(json(&json!({"contestant": contestant, name: median})))
}
