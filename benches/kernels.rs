//! Each kernel of the full-batch CPU engine alone, on a tile of 64 examples in the cache, at every instruction set.
//!
//! `cargo bench --bench kernels [-- FILTER]`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gpu_train::cpu::full_batch::alone::{EXAMPLES, Part, Tile};
use gpu_train::cpu::simd::Level;
use gpu_train::data::embedded;
use gpu_train::net::{Initialization, initial_parameters};
use gpu_train::recipe::{Activation, Name, Recipe};

fn kernels(criterion: &mut Criterion) {
    let set = embedded::digits().train.truncated(EXAMPLES);
    let parameters = initial_parameters(1, 0.0, Initialization::Sqrt);
    for part in Part::ALL {
        let mut group = criterion.benchmark_group(format!("{part:?}"));
        group.throughput(Throughput::Elements(EXAMPLES as u64));
        for level in Level::available() {
            for activation in [Activation::Relu, Activation::Tanh] {
                // The others are the same for both.
                let activates =
                    matches!(part, Part::H1Forward | Part::H2Forward | Part::H2Backward);
                if activation == Activation::Tanh && !activates {
                    continue;
                }
                let recipe = Recipe {
                    activation,
                    ..Recipe::named(Name::FullBatch)
                };
                let mut tile = Tile::new(level, set.clone(), recipe, &parameters);
                let id = BenchmarkId::new(level.name(), format!("{activation:?}"));
                group.bench_function(id, |bencher| bencher.iter(|| tile.run(part)));
            }
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
