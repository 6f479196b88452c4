//! Each stage of the full-batch CPU engine alone, on a tile of 64 examples in the cache, at every instruction set.
//!
//! `cargo bench --bench kernels [-- FILTER]`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gpu_train::cpu::FullBatch;
use gpu_train::cpu::full_batch::{TILE, stages::Stage};
use gpu_train::cpu::simd::Level;
use gpu_train::data::embedded;
use gpu_train::net::{Initialization, initial_parameters};
use gpu_train::recipe::{Activation, Recipe, RecipeName};

fn kernels(criterion: &mut Criterion) {
    let digits = embedded::digits();
    let parameters = initial_parameters(1, 0.0, Initialization::Sqrt);
    for &stage in Stage::ALL {
        let mut group = criterion.benchmark_group(format!("{stage:?}"));
        group.throughput(Throughput::Elements(TILE as u64));
        for level in Level::available() {
            for activation in [Activation::Relu, Activation::Tanh] {
                let recipe = Recipe {
                    activation,
                    ..Recipe::named(RecipeName::FullBatchMuon)
                };
                let digits = digits.clone();
                let mut engine =
                    FullBatch::with_level_and_threads(digits, recipe, &parameters, level, 1)
                        .expect("a full-batch recipe");
                engine.run_first_tile(Stage::FORWARD);
                let id = BenchmarkId::new(level.name(), format!("{activation:?}"));
                group.bench_function(id, |bencher| {
                    bencher.iter(|| engine.run_first_tile(&[stage]))
                });
            }
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
