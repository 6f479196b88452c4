//! H3 and the output layer: all inputs to all units, INPUTS quads to UNITS quads.

use super::layout::{QUAD, Trained, quad};
use super::rule::Rule;
use crate::cpu::simd::{LANES, Lanes, Simd};

/// `[input quad][unit quad]`, lanes `[unit][input]`.
pub type Weights<const INPUTS: usize, const UNITS: usize> = [[Lanes; UNITS]; INPUTS];

/// `sums[j] = b[j] + Σ x[i] · w[i, j]`
///
/// - `x`: `[input]` in `INPUTS / 4` vectors; `b`, `sums`: `[unit]`, a vector for each BLOCK unit quads, which are
///   computed together
#[inline(always)]
pub fn forward<S: Simd, const INPUTS: usize, const UNITS: usize, const BLOCK: usize>(
    s: S,
    x: &[Lanes],
    w: &Weights<INPUTS, UNITS>,
    b: &[Lanes],
    sums: &mut [Lanes],
) {
    assert!(x.len() == INPUTS / QUAD && sums.len() == b.len());
    for block in 0..UNITS / BLOCK {
        let mut products = [s.splat(0.0); BLOCK];
        for (vector, x) in x.iter().enumerate() {
            for i in 0..QUAD {
                let inputs = s.tile(quad(x, i));
                let row = &w[QUAD * vector + i];
                for j in 0..BLOCK {
                    let w = s.load(&row[BLOCK * block + j]);
                    products[j] = s.mul_add(w, inputs, products[j]);
                }
            }
        }
        for vector in 0..BLOCK.div_ceil(QUAD) {
            let mut four = [s.splat(0.0); QUAD];
            for j in 0..QUAD {
                if QUAD * vector + j < BLOCK {
                    four[j] = products[QUAD * vector + j];
                }
            }
            let at = BLOCK.div_ceil(QUAD) * block + vector;
            let sum = s.add(s.sum_within_quads(four), s.load(&b[at]));
            s.store(&mut sums[at], sum);
        }
    }
}

/// Differentiates the forward pass by `x` and `w`, hands `d_w[i, j] = x[i] · d[j]` to the rule, and
/// writes `d_x[i] = Σ w[i, j] · d[j]`, from the weights before the update.
///
/// - `x`, `d_x`: `[input]`; `d`: `[unit]`; padded with zeros
#[inline(always)]
pub fn backward<S: Simd, R: Rule, const INPUTS: usize, const UNITS: usize>(
    s: S,
    x: &[Lanes],
    d: &[Lanes],
    mut w: Trained<'_, Weights<INPUTS, UNITS>>,
    rule: R,
    d_x: &mut [Lanes],
) {
    assert!(x.len() == INPUTS / QUAD && d_x.len() == x.len());
    assert!(d.len() == UNITS.div_ceil(QUAD));
    let mut repeated = [s.splat(0.0); UNITS];
    for j in 0..UNITS {
        repeated[j] = s.repeat(quad(&d[j / QUAD], j % QUAD));
    }
    for (vector, x) in x.iter().enumerate() {
        let mut sums = [s.splat(0.0); QUAD];
        for i in 0..QUAD {
            let mut row = w.at(QUAD * vector + i);
            let inputs = s.tile(quad(x, i));
            for j in 0..UNITS {
                let old = s.load(&row.weights[j]);
                sums[i] = s.mul_add(old, repeated[j], sums[i]);
                rule.take_product(s, row.at(j), inputs, repeated[j]);
            }
        }
        s.store(&mut d_x[vector], s.sum_of_quads(sums));
    }
}

const _: () = assert!(LANES == QUAD * QUAD);
