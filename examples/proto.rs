//! Scratch: whitened Muon from the closed form, on a validation set.
use gpu_train::closed_form::closed_form;
use gpu_train::cpu::FullBatch;
use gpu_train::cpu::simd::Level;
use gpu_train::data::{Dataset, Digits, embedded, mnist1989};
use gpu_train::engine::{Engine, Split};
use gpu_train::recipe::*;
use gpu_train::threads::Threads;
use std::path::Path;
use std::time::Instant;

fn validation() -> Dataset {
    let all = mnist1989::mnist(Path::new("/work/shared/data/mnist"), 60_000)
        .unwrap()
        .train;
    let used: std::collections::HashSet<usize> =
        mnist1989::sample(1337).train.into_iter().collect();
    let rest: Vec<usize> = (0..60_000)
        .filter(|i| !used.contains(i))
        .take(10_000)
        .collect();
    all.subset(&rest)
}
fn main() {
    let threads = Threads::start(2);
    let digits = embedded::digits();
    let v = validation();
    let vd = Digits {
        train: digits.train.clone(),
        test: v,
        source: "v".into(),
    };
    let arg: Vec<f64> = std::env::args()
        .skip(2)
        .map(|a| a.parse().unwrap())
        .collect();
    let mode = std::env::args().nth(1).unwrap();
    // time of start
    if mode == "time" {
        for n in [1, 2] {
            let t = Threads::start(n);
            for _ in 0..6 {
                let now = Instant::now();
                let f = Functions {
                    activation: Activation::Relu,
                    loss: Loss::CrossEntropy,
                };
                let (_p, s) = t
                    .enter(|| closed_form(&digits.train, 512, 1, f, &t))
                    .unwrap();
                let a = now.elapsed();
                let w = t.enter(|| s.whitening(0.03, &t)).unwrap();
                println!(
                    "{n} threads: start {a:?}, with whitening {:?} {}",
                    now.elapsed(),
                    w.of(1, 0).whitening[0]
                );
            }
        }
        return;
    }
    let (steps, rate, seeds, damping) = (arg[0] as u64, arg[1], arg[2] as u64, arg[3]);
    let every = *arg.get(4).unwrap_or(&0.0) as u32;
    let momentum = *arg.get(5).unwrap_or(&0.0);
    let warmup = *arg.get(6).unwrap_or(&0.0) as u64;
    let decay = *arg.get(7).unwrap_or(&0.0);
    let mut sum = 0.0;
    let mut squares = 0.0;
    let mut starts = 0.0;
    for seed in 0..seeds {
        let recipe = Recipe {
            optimizer: Optimizer::WhitenedMuon,
            length: Length::Steps(steps),
            learning_rate: rate,
            final_learning_rate: rate / steps as f64,
            schedule: Schedule::Linear,
            warmup,
            momentum,
            weight_decay: decay,
            curvature_sample: 512,
            statistics_every: every,
            damping,
            seed: seed + 1,
            activation: Activation::Relu,
            ..Recipe::named(RecipeName::FullBatch)
        };
        let start = if mode == "start" {
            closed_form(&vd.train, 512, seed + 1, (&recipe).into(), &threads)
                .unwrap()
                .0
        } else {
            recipe.initial_parameters()
        };
        let mut engine =
            FullBatch::with_level_and_threads(vd.clone(), recipe, &start, Level::best(), 2)
                .unwrap();
        starts += f64::from(engine.evaluate(Split::Test).unwrap().misses) * 0.2007;
        engine.train(steps as u32).unwrap();
        let m = f64::from(engine.evaluate(Split::Test).unwrap().misses) * 0.2007;
        sum += m;
        squares += m * m;
    }
    let n = seeds as f64;
    let mean = sum / n;
    println!(
        "{mode} steps {steps} rate {rate} damping {damping} every {every} mom {momentum} warm {warmup} decay {decay}: start {:.1}, {mean:.1} ± {:.1}",
        starts / n,
        ((squares / n - mean * mean) * n / (n - 1.0)).sqrt()
    );
}
