//! Vectors seen as four quads of four lanes: what a kernel blocked four by four needs.
//!
//! A vector of products `[4 outputs][4 inputs]` comes from inputs *tiled* (the quad four times over) and outputs
//! *repeated* (each of the quad's floats four times). Summing it within its quads leaves the four outputs; summing
//! its quads leaves the four inputs. Both sums take four vectors at once, so that their result fills one.

use super::vector::Simd;

/// Operations on quads. `[v][q]` below means lane `4·v + q`.
pub trait Quads: Simd {
    /// The four floats four times over: lane `[q][j]` is `from[j]`.
    fn tile(self, from: &[f32; 4]) -> Self::V;
    /// Each of the four floats four times: lane `[q][j]` is `from[q]`.
    fn repeat(self, from: &[f32; 4]) -> Self::V;
    /// Sums within quads: lane `[v][q]` is the sum of quad q of vector v, as (0 + 2) + (1 + 3).
    fn sum_within_quads(self, vectors: [Self::V; 4]) -> Self::V;
    /// Sums of quads: lane `[v][j]` is the sum over the quads of vector v of their float j, as (0 + 2) + (1 + 3).
    fn sum_of_quads(self, vectors: [Self::V; 4]) -> Self::V;
    /// Each quad's sum in all four of its lanes, as (0 + 2) + (1 + 3).
    fn spread_quad_sums(self, vector: Self::V) -> Self::V;
    /// Lane `[j][q]` to lane `[q][j]`.
    fn transpose(self, vector: Self::V) -> Self::V;
}

/// A piece of work written for any level.
pub trait WithSimd {
    /// Result of the work.
    type Output;
    /// Does the work; must be `#[inline(always)]`, as must all it calls, to be compiled for the level.
    fn run<S: Quads>(self, simd: S) -> Self::Output;
}

#[cfg(test)]
mod tests {
    use crate::cpu::simd::{LANES, Lanes, Level, Quads, WithSimd};

    /// Every operation of one level against its definition.
    struct Check;

    impl WithSimd for Check {
        type Output = ();
        #[inline(always)]
        fn run<S: Quads>(self, s: S) {
            let quad = [1.25, -3.0, 0.1, 7.7];
            let vectors: [Lanes; 4] = std::array::from_fn(|v| {
                Lanes(std::array::from_fn(|i| {
                    ((v * 29 + i * 13) % 31) as f32 * 0.37 - 4.1
                }))
            });
            let loaded = vectors.map(|v| s.load(&v));
            let sum = |x: [f32; 4]| (x[0] + x[2]) + (x[1] + x[3]);
            let is = |what: &str, got: S::V, expected: &dyn Fn(usize, usize) -> f32| {
                let mut out = Lanes::ZERO;
                s.store(&mut out, got);
                for lane in 0..LANES {
                    let want = expected(lane / 4, lane % 4);
                    assert_eq!(out.0[lane], want, "{what}, lane {lane}");
                }
            };
            is("tile", s.tile(&quad), &|_, j| quad[j]);
            is("repeat", s.repeat(&quad), &|q, _| quad[q]);
            is(
                "sum_within_quads",
                s.sum_within_quads(loaded),
                &|v, quad| sum(std::array::from_fn(|j| vectors[v].0[4 * quad + j])),
            );
            is("sum_of_quads", s.sum_of_quads(loaded), &|v, j| {
                sum(std::array::from_fn(|quad| vectors[v].0[4 * quad + j]))
            });
            is(
                "spread_quad_sums",
                s.spread_quad_sums(loaded[1]),
                &|quad, _| sum(std::array::from_fn(|j| vectors[1].0[4 * quad + j])),
            );
            is("transpose", s.transpose(loaded[2]), &|i, j| {
                vectors[2].0[4 * j + i]
            });
        }
    }

    #[test]
    fn every_level_moves_quads_as_defined() {
        for level in Level::available() {
            println!("{}", level.name());
            level.run(Check);
        }
    }
}
