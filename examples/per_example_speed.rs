//! How fast batch-1 training is on one core, at each instruction set, beside what the core's multiply-adds could do.
//!
//! The FLOP of an example are the net's, padding included (`net::FLOP_PER_EXAMPLE`); the engine leaves out H2's taps on
//! the padding, so its share of the peak is what it achieves of the net's work, not how busy the core is.
//!
//! `cargo run --release --example per_example_speed [seconds a row]`

use std::time::Instant;

use gpu_train::cpu::per_example::PerExample;
use gpu_train::cpu::simd::{Kernel, LANES, Lanes, Level, Quads};
use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::{Engine, Split};
use gpu_train::net::{FLOP_PER_EXAMPLE, PIXELS, initial_parameters};
use gpu_train::recipe::{Name, Recipe};

/// Examples of a pass: the training set of 1989.
const EXAMPLES: usize = 7_291;
/// Updates timed at once: some milliseconds, so that most samples escape what else the machine does.
const SAMPLE: u32 = 500;

/// Independent multiply-adds, enough of them to hide their latency; returns a value that depends on all.
struct MultiplyAdds {
    rounds: u32,
}

/// Independent sums: four cycles' latency times two a cycle, with some to spare.
const SUMS: usize = 12;

impl Kernel for MultiplyAdds {
    type Output = f32;
    #[inline(always)]
    fn run<S: Quads>(self, s: S) -> f32 {
        // Hidden from the compiler, which would otherwise find the limit.
        let (a, b) = std::hint::black_box((0.999, 1e-3));
        let (a, b) = (s.splat(a), s.splat(b));
        let mut sums: [S::V; SUMS] = [s.splat(1.0); SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = s.mul_add(*sum, a, b);
            }
        }
        let mut total = Lanes::ZERO;
        for sum in sums {
            let so_far = s.load(&total);
            s.store(&mut total, s.add(so_far, sum));
        }
        total.0.iter().sum()
    }
}

/// Best of several runs, in FLOP a second.
fn peak(level: Level) -> f64 {
    let rounds = 200_000;
    (0..50)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(level.run(MultiplyAdds {
                rounds: std::hint::black_box(rounds),
            }));
            let flop = 2.0 * f64::from(rounds) * (SUMS * LANES) as f64;
            flop / start.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}

/// Least and median seconds an update, over samples filling so many seconds.
fn samples(seconds: f64, mut work: impl FnMut()) -> (f64, f64) {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let sample = Instant::now();
        work();
        times.push(sample.elapsed().as_secs_f64() / f64::from(SAMPLE));
    }
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

/// Images of random strokes; speed does not depend on what they show.
fn digits() -> Digits {
    let mut state = 1u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let codes = (0..EXAMPLES * PIXELS)
        .map(|_| if next(4) == 0 { next(256) as u16 } else { 0 })
        .collect();
    let labels = (0..EXAMPLES).map(|_| next(10) as u8).collect();
    let train = Dataset::new(codes, 128, labels);
    Digits {
        test: train.truncated(2_007),
        train,
        source: "random".into(),
    }
}

fn main() {
    let seconds: f64 = std::env::args()
        .nth(1)
        .map_or(2.0, |argument| argument.parse().expect("seconds"));
    let digits = digits();
    let flop = FLOP_PER_EXAMPLE as f64;
    for level in Level::available() {
        let peak = peak(level);
        println!("{}: multiply-adds {:.1} GFLOP/s", level.name(), peak / 1e9);
        for name in [
            Name::Reproduction,
            Name::Softmax,
            Name::AdamW,
            Name::Dropout,
        ] {
            let recipe = Recipe::named(name);
            let parameters = initial_parameters(recipe.seed, recipe.output_bias());
            let stage = recipe.name.clone();
            let mut engine = PerExample::with_level(digits.clone(), recipe, &parameters, level);
            let (least, median) = samples(seconds, || {
                engine.train(SAMPLE).expect("the CPU does not fail");
            });
            let evaluation = Instant::now();
            engine
                .evaluate(Split::Train)
                .expect("the CPU does not fail");
            let forward = evaluation.elapsed().as_secs_f64() / EXAMPLES as f64;
            println!(
                "  {stage:13} {:6.2} µs an example (least {:5.2}), {:5.1} GFLOP/s, {:4.1}% of peak; evaluation {:.2} µs",
                median * 1e6,
                least * 1e6,
                flop / median / 1e9,
                100.0 * flop / median / peak,
                forward * 1e6,
            );
        }
    }
}
