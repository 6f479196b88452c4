//! Whole steps on 7,291 examples: the full batch on all cores and batch 1 on one, at every instruction set, and the
//! full batch on the first adapter, if there is one.
//!
//! `cargo bench --bench engines [-- FILTER]`

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use gpu_train::cpu::simd::Level;
use gpu_train::cpu::{FullBatch, PerExample};
use gpu_train::data::embedded;
use gpu_train::engine::Engine;
use gpu_train::gpu::{self, Gpu, Options};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Activation, Recipe, RecipeName};

/// Updates of batch 1 that are measured at once.
const UPDATES: u32 = 500;

/// The default recipe, and the essay's last stage over the full batch.
fn full_batch_recipes() -> [(&'static str, Recipe); 2] {
    let plain = Recipe::named(RecipeName::FullBatchMuon);
    let modern = Recipe {
        activation: Activation::Relu,
        shift: 1,
        dropout: 0.25,
        ..plain.clone()
    };
    [("plain", plain), ("shift, dropout", modern)]
}

fn start(recipe: &Recipe) -> Parameters {
    recipe.initial_parameters()
}

/// Measures `updates` updates per iteration, all of a sample's in one call, from the same state.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    engine: &mut dyn Engine,
    updates: u32,
) {
    let start = engine.state().expect("a working device");
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| {
            engine.restore(&start).expect("a working device");
            let started = Instant::now();
            engine
                .train(iterations as u32 * updates)
                .expect("a working device");
            started.elapsed()
        });
    });
}

fn full_batch(criterion: &mut Criterion) {
    let digits = embedded::digits();
    let mut group = criterion.benchmark_group("full batch, cpu");
    group.throughput(Throughput::Elements(digits.train.len() as u64));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for level in Level::available() {
        for (name, recipe) in full_batch_recipes() {
            let (digits, start) = (digits.clone(), start(&recipe));
            let mut engine =
                FullBatch::with_level_and_threads(digits, recipe, &start, level, threads)
                    .expect("a full-batch recipe");
            let id = BenchmarkId::new(level.name(), name);
            measure(&mut group, id, &mut engine, 1);
        }
    }
}

fn per_example(criterion: &mut Criterion) {
    let digits = embedded::digits();
    let mut group = criterion.benchmark_group("per example");
    group.throughput(Throughput::Elements(u64::from(UPDATES)));
    for level in Level::available() {
        for name in [
            RecipeName::Reproduction,
            RecipeName::AdamW,
            RecipeName::Dropout,
        ] {
            let recipe = Recipe::named(name);
            let start = start(&recipe);
            let id = BenchmarkId::new(level.name(), &recipe.name);
            let mut engine = PerExample::with_level(digits.clone(), recipe, &start, level)
                .expect("a per-example recipe");
            measure(&mut group, id, &mut engine, UPDATES);
        }
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let Some(adapter) = gpu::adapters().into_iter().next() else {
        println!("no graphics adapter here: the GPU's step is not measured");
        return;
    };
    let digits = embedded::digits();
    let mut group = criterion.benchmark_group("full batch, gpu");
    group.throughput(Throughput::Elements(digits.train.len() as u64));
    for (name, recipe) in full_batch_recipes() {
        let start = start(&recipe);
        match Gpu::open(&adapter, &digits, recipe, &start, &Options::default()) {
            Ok(opened) => {
                let mut engine = opened.engine;
                let id = BenchmarkId::new(engine.adapter().name.clone(), name);
                measure(&mut group, id, &mut engine, 1);
            }
            Err(error) => println!("the GPU's step is not measured: {error}"),
        }
    }
}

/// Few samples: a step lasts milliseconds, on a software adapter a second.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group!(name = benches; config = settings(); targets = full_batch, per_example, on_gpu);
criterion_main!(benches);
