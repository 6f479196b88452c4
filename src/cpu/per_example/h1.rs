//! H1: forward, and the gradient of its weights.

use super::input::Columns;
use super::layout::{HALVES, MAP_QUADS, QUAD, Trained, window};
use super::rule::Rule;
use crate::cpu::activation::activate;
use crate::cpu::simd::{Lanes, Simd};
use crate::net::{H1_SIDE, KERNEL, STRIDE};
use crate::recipe::Activation;

pub type Weights = [[[Lanes; KERNEL]; KERNEL]; MAP_QUADS];
/// One value for each unit of H1, `[map quad][row][half]`.
pub type Units = [[[Lanes; HALVES]; H1_SIDE]; MAP_QUADS];

/// The four pixels that four neighbouring units see through one tap, tiled.
#[inline(always)]
fn pixels<S: Simd>(s: S, x: &Columns, row: usize, half: usize, kr: usize, kc: usize) -> S::V {
    let columns = &x[STRIDE * row + kr][kc % STRIDE];
    s.tile(window(columns, QUAD * half + kc / STRIDE))
}

/// `h1[m, r, c] = f(b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr, 2c + kc])`
///
/// `b` has lanes `[map][column]`, `h1` lanes `[column][map]`.
#[inline(always)]
pub fn forward<S: Simd>(
    s: S,
    x: &Columns,
    w: &Weights,
    b: &Units,
    activation: Activation,
    h1: &mut Units,
) {
    if S::MANY_REGISTERS {
        blocks::<S, 2>(s, x, w, b, activation, h1);
    } else {
        blocks::<S, 1>(s, x, w, b, activation, h1);
    }
}

/// ROWS rows at a time: 6·ROWS sums. (With four rows the compiler spills, which costs 0.6 µs per example.)
#[inline(always)]
fn blocks<S: Simd, const ROWS: usize>(
    s: S,
    x: &Columns,
    w: &Weights,
    b: &Units,
    activation: Activation,
    h1: &mut Units,
) {
    for block in 0..H1_SIDE / ROWS {
        let first = block * ROWS;
        let mut sums = [[[s.splat(0.0); HALVES]; ROWS]; MAP_QUADS];
        for q in 0..MAP_QUADS {
            for row in 0..ROWS {
                for half in 0..HALVES {
                    sums[q][row][half] = s.load(&b[q][first + row][half]);
                }
            }
        }
        for kr in 0..KERNEL {
            unrolled!(kc in [0 1 2 3 4] {
                for row in 0..ROWS {
                    for half in 0..HALVES {
                        let x = pixels(s, x, first + row, half, kr, kc);
                        for q in 0..MAP_QUADS {
                            let w = s.load(&w[q][kr][kc]);
                            sums[q][row][half] = s.mul_add(w, x, sums[q][row][half]);
                        }
                    }
                }
            });
        }
        for q in 0..MAP_QUADS {
            for row in 0..ROWS {
                for half in 0..HALVES {
                    let value = activate(s, activation, sums[q][row][half]);
                    s.store(&mut h1[q][first + row][half], s.transpose(value));
                }
            }
        }
    }
}

/// Differentiates the forward pass by `w` and `b` and hands the gradients to the rule:
/// `d_w[m, kr, kc] = Σ x[2r + kr, 2c + kc] · d_h1[m, r, c]`, `d_b = d_h1`
///
/// `d_h1` has lanes `[map][column]`.
#[inline(always)]
pub fn gradient<S: Simd, R: Rule>(
    s: S,
    x: &Columns,
    d_h1: &Units,
    mut w: Trained<'_, Weights>,
    mut b: Trained<'_, Units>,
    rule: R,
) {
    if S::MANY_REGISTERS {
        quads::<S, R, MAP_QUADS>(s, x, d_h1, &mut w, rule);
    } else {
        quads::<S, R, 1>(s, x, d_h1, &mut w, rule);
    }
    for q in 0..MAP_QUADS {
        for row in 0..H1_SIDE {
            for half in 0..HALVES {
                let d = s.load(&d_h1[q][row][half]);
                rule.take(s, b.at(q).at(row).at(half), d);
            }
        }
    }
}

/// COUNT map quads at a time: 5·COUNT sums.
#[inline(always)]
fn quads<S: Simd, R: Rule, const COUNT: usize>(
    s: S,
    x: &Columns,
    d_h1: &Units,
    w: &mut Trained<'_, Weights>,
    rule: R,
) {
    for block in 0..MAP_QUADS / COUNT {
        let first = block * COUNT;
        for kr in 0..KERNEL {
            let mut sums = [[s.splat(0.0); KERNEL]; COUNT];
            for row in 0..H1_SIDE {
                for half in 0..HALVES {
                    unrolled!(kc in [0 1 2 3 4] {
                        let x = pixels(s, x, row, half, kr, kc);
                        for q in 0..COUNT {
                            let d = s.load(&d_h1[first + q][row][half]);
                            sums[q][kc] = s.mul_add(x, d, sums[q][kc]);
                        }
                    });
                }
            }
            for q in 0..COUNT {
                unrolled!(kc in [0 1 2 3 4] {
                    let d = s.spread_quad_sums(sums[q][kc]);
                    rule.take(s, w.at(first + q).at(kr).at(kc), d);
                });
            }
        }
    }
}
