//! Measured limits of the processor: multiply-adds in registers, and copying memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::simd::{LANES, Level, Simd, WithSimd};
use crate::threads::Threads;

/// Shortest repetition of a measurement, so that waking threads and placing them on cores do not count.
const REPETITION: Duration = Duration::from_millis(20);
/// Length of a measurement; its best repetition counts.
const MEASUREMENT: Duration = Duration::from_secs(1);
/// Bytes copied; with their copy more than most level-3 caches hold, and less than a rank of a large run may take.
const COPY_BYTES: usize = 64 << 20;

/// Most f32 multiply-adds on this number of threads, in FLOP per second (a multiply-add counts as two).
pub fn flop_per_second(level: Level, threads: usize) -> f64 {
    let threads = Threads::start(threads);
    let run = |rounds: u32| black_box(level.run(MultiplyAdds { rounds }));
    let seconds = |rounds: u32| {
        let started = Instant::now();
        threads.broadcast(|_| {
            run(black_box(rounds));
        });
        started.elapsed()
    };
    let mut rounds = 10_000;
    while seconds(rounds) < REPETITION && rounds < 1 << 28 {
        rounds *= 2;
    }
    let (_, per_round) = run(0);
    per_round as f64 * f64::from(rounds) * threads.count() as f64 / best(|| seconds(rounds))
}

/// Most that copying from memory to memory moves on this number of threads, in bytes per second, read and written ones
/// together.
pub fn copy_bytes_per_second(threads: usize) -> f64 {
    let threads = Threads::start(threads);
    let words = COPY_BYTES / 8;
    // Not zeros, which the system would keep as one page.
    let from = vec![1u64; words];
    let mut to = vec![2u64; words];
    let piece = words.div_ceil(4 * threads.count());
    let seconds = best(|| {
        let started = Instant::now();
        let pieces = to.chunks_mut(piece).zip(from.chunks(piece));
        threads.for_each(pieces.collect(), |_, (to, from)| to.copy_from_slice(from));
        started.elapsed()
    });
    black_box(&to);
    2.0 * COPY_BYTES as f64 / seconds
}

/// The shortest of the repetitions that [`MEASUREMENT`] has time for, in seconds.
fn best(mut repetition: impl FnMut() -> Duration) -> f64 {
    let started = Instant::now();
    let mut best = repetition();
    while started.elapsed() < MEASUREMENT {
        best = best.min(repetition());
    }
    best.as_secs_f64()
}

/// Multiply-adds that depend only on the sum they add to; returns a value that depends on all, and the FLOP per round.
struct MultiplyAdds {
    rounds: u32,
}

impl WithSimd for MultiplyAdds {
    type Output = (f32, usize);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, usize) {
        // Enough sums to hide a multiply-add's latency (four cycles, two per cycle), few enough for the registers.
        match S::REGISTERS {
            16.. => multiply_adds::<S, 12>(s, self.rounds),
            8.. => multiply_adds::<S, 6>(s, self.rounds),
            _ => multiply_adds::<S, 3>(s, self.rounds),
        }
    }
}

#[inline(always)]
fn multiply_adds<S: Simd, const CHAINS: usize>(s: S, rounds: u32) -> (f32, usize) {
    // Hidden from the compiler, which would otherwise find the limit.
    let (a, b) = black_box((0.999, 1e-3));
    let (a, b) = (s.splat(a), s.splat(b));
    let mut sums = [s.splat(1.0); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = s.mul_add(*sum, a, b);
        }
    }
    let mut total = s.splat(0.0);
    for sum in sums {
        total = s.add(total, sum);
    }
    (s.sum(total), 2 * LANES * CHAINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_converge_at_every_level() {
        for level in Level::available() {
            // x ← 0.999 x + 0.001 stays at 1, up to rounding.
            let (sum, flop) = level.run(MultiplyAdds { rounds: 5_000 });
            let mean = sum / (flop / 2) as f32;
            assert!((mean - 1.0).abs() < 1e-3, "{}", level.name());
        }
    }
}
