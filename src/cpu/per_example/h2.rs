//! H2: forward, back to H1, and the gradient of its weights.
//!
//! The padding is never multiplied: a tap on it means −1, so its weight (forward) or gradient (backward) is
//! subtracted, and nothing runs back to it. What is subtracted depends only on whether a row and a column are the first,
//! the last or between: [`Edges`] holds these few sums.

use std::ops::Range;

use super::forward_backward::slope;
use super::h1::Units as H1Units;
use super::layout::{HALVES, MAP_QUADS, PAIRS, QUAD, SEEN_BY, Trained, quad};
use super::rule::Rule;
use crate::cpu::activation::activate;
use crate::cpu::simd::{Lanes, Simd};
use crate::cpu::taps::{above, taps_inside};
use crate::net::{H1_SIDE, H2_SIDE, KERNEL, PADDING, STRIDE};
use crate::recipe::Activation;

pub type Weights = [[[Lanes; KERNEL]; KERNEL]; PAIRS];
/// One value for each unit of H2, `[map quad][row]`, lanes `[column][map]`.
pub type Units = [[Lanes; H2_SIDE]; MAP_QUADS];
/// One vector for each quad of H2's units, `[map quad][row][column]`: the quad's four repeated.
pub type Repeated = [[[Lanes; H2_SIDE]; H2_SIDE]; MAP_QUADS];

/// The rows of H2 for which this row of a kernel is not on the padding.
#[inline(always)]
fn rows_inside(kr: usize) -> Range<usize> {
    PADDING.saturating_sub(kr).div_ceil(STRIDE)
        ..(H1_SIDE + PADDING - kr).div_ceil(STRIDE).min(H2_SIDE)
}

/// Sums of what falls on the padding, `[map quad][row][column]`, by [`UNIT_EDGE`] or [`TAP_EDGE`].
pub type Edges = [[[Lanes; 3]; 3]; MAP_QUADS];
/// Units that see the padding through the same taps: the first, those between, the last.
const UNIT_EDGE: [usize; H2_SIDE] = [0, 1, 1, 2];
/// Taps that fall on the padding in the same units.
const TAP_EDGE: [usize; KERNEL] = [0, 0, 1, 1, 2];

/// Sums over a square of which the first rows (`start` of them) fall on the padding for the first edge, none for the
/// one between, and the last for the last; and so do its columns.
///
/// - `first`, `last`, `all`: of each row the sum of the first `start` columns, the last column, and the sum of all
#[inline(always)]
fn edges<S: Simd, const N: usize>(
    s: S,
    start: usize,
    first: &[S::V; N],
    last: &[S::V; N],
    all: &[S::V; N],
) -> [[S::V; 3]; 3] {
    let none = s.splat(0.0);
    let mut sums = [
        [all[0]; 3],
        [first[0], none, last[0]],
        [first[0], all[N - 1], last[0]],
    ];
    for row in 1..N {
        let inside = [first[row], none, last[row]];
        for column in 0..3 {
            let on_padding = [row < start, false, row == N - 1];
            for edge in 0..3 {
                if on_padding[edge] && (edge, column) != (2, 1) {
                    sums[edge][column] = s.add(sums[edge][column], all[row]);
                } else if !on_padding[edge] && column != 1 {
                    sums[edge][column] = s.add(sums[edge][column], inside[column]);
                }
            }
        }
    }
    sums
}

/// Sums over the weights that fall on the padding, for each of the [`UNIT_EDGE`]s.
#[inline(always)]
fn weights_on_padding<S: Simd>(s: S, w: &Weights, found: &mut Edges) {
    for group in 0..MAP_QUADS {
        let (mut first, mut last) = ([s.splat(0.0); KERNEL], [s.splat(0.0); KERNEL]);
        let mut all = first;
        for kr in 0..KERNEL {
            let mut taps = [s.splat(0.0); KERNEL];
            for kc in 0..KERNEL {
                let (one, other) = (&w[2 * group][kr][kc], &w[2 * group + 1][kr][kc]);
                taps[kc] = s.add(s.load(one), s.load(other));
            }
            (first[kr], last[kr]) = (s.add(taps[0], taps[1]), taps[4]);
            all[kr] = s.add(s.add(first[kr], last[kr]), s.add(taps[2], taps[3]));
        }
        let sums = edges(s, 2, &first, &last, &all);
        for row in 0..3 {
            for column in 0..3 {
                s.store(&mut found[group][row][column], sums[row][column]);
            }
        }
    }
}

/// Sums over the gradients of the units that see the padding, for each of the [`TAP_EDGE`]s; negative.
#[inline(always)]
fn gradients_on_padding<S: Simd>(s: S, d_h2: &Repeated, found: &mut Edges) {
    for group in 0..MAP_QUADS {
        let (mut first, mut last) = ([s.splat(0.0); H2_SIDE], [s.splat(0.0); H2_SIDE]);
        let mut all = first;
        for row in 0..H2_SIDE {
            let d = &d_h2[group][row];
            (first[row], last[row]) = (s.load(&d[0]), s.load(&d[3]));
            let between = s.add(s.load(&d[1]), s.load(&d[2]));
            all[row] = s.add(s.add(first[row], last[row]), between);
        }
        let sums = edges(s, 1, &first, &last, &all);
        for row in 0..3 {
            for column in 0..3 {
                let negative = s.sub(s.splat(0.0), sums[row][column]);
                s.store(&mut found[group][row][column], negative);
            }
        }
    }
}

/// `h2[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2])`
///
/// `next`: what is needed next, brought into the cache meanwhile: all of an example's memory does not fit.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub fn forward<S: Simd>(
    s: S,
    h1: &H1Units,
    w: &Weights,
    b: &Units,
    activation: Activation,
    edges: &mut Edges,
    h2: &mut Units,
    next: &[Lanes],
) {
    weights_on_padding(s, w, edges);
    let mut rest = next.as_chunks().0;
    for row in 0..H2_SIDE {
        if S::MANY_REGISTERS {
            groups::<S, MAP_QUADS>(s, 0, row, h1, w, b, edges, activation, h2, rest);
        } else {
            for first in 0..MAP_QUADS {
                groups::<S, 1>(s, first, row, h1, w, b, edges, activation, h2, rest);
            }
        }
        rest = &rest[taps_inside(row, H1_SIDE).len().min(rest.len() - 1)..];
    }
}

/// One row of COUNT map quads: 4·COUNT sums, lanes `[map][map of H1]`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn groups<S: Simd, const COUNT: usize>(
    s: S,
    first: usize,
    row: usize,
    h1: &H1Units,
    w: &Weights,
    b: &Units,
    edges: &Edges,
    activation: Activation,
    h2: &mut Units,
    next: &[[Lanes; MAP_QUADS * H1_SIDE]],
) {
    let within = |group: usize| (first..first + COUNT).contains(&group);
    // Negative, to begin with what the padding subtracts.
    let mut sums = [[s.splat(0.0); H2_SIDE]; COUNT];
    for group in 0..COUNT {
        for c in 0..H2_SIDE {
            sums[group][c] = s.load(&edges[first + group][UNIT_EDGE[row]][UNIT_EDGE[c]]);
        }
    }
    for (at, kr) in taps_inside(row, H1_SIDE).enumerate() {
        let below = STRIDE * row + kr - PADDING;
        // One after the other among the multiply-adds: the cache waits for few at once.
        let next = &next[at.min(next.len() - 1)];
        unrolled!(q in [0 1 2] {
            unrolled!(column in [0 1 2 3 4 5 6 7] {
                let maps = s.tile(quad(&h1[q][below][column / QUAD], column % QUAD));
                if first == 0 {
                    s.prefetch(&next[H1_SIDE * q + column]);
                }
                unrolled!(kc in [0 1 2 3 4] {
                    if let Some(c) = above(column, kc) {
                        for (group, pair) in SEEN_BY[q] {
                            if within(group) {
                                let at = &mut sums[(group - first) % COUNT][c];
                                *at = s.neg_mul_add(s.load(&w[pair][kr][kc]), maps, *at);
                            }
                        }
                    }
                });
            });
        });
    }
    for group in 0..COUNT {
        let sum = s.sub(
            s.load(&b[first + group][row]),
            s.sum_within_quads(sums[group]),
        );
        s.store(&mut h2[first + group][row], activate(s, activation, sum));
    }
}

/// Repeats each unit's gradient over the inputs of its vector.
#[inline(always)]
pub fn repeat<S: Simd>(s: S, d_h2: &Units, repeated: &mut Repeated) {
    for group in 0..MAP_QUADS {
        for row in 0..H2_SIDE {
            unrolled!(column in [0 1 2 3] {
                let maps = s.repeat(quad(&d_h2[group][row], column));
                s.store(&mut repeated[group][row][column], maps);
            });
        }
    }
}

/// Differentiates the forward pass by H1's sums:
/// each `d_h2[m, r, c] · w[m, s, kr, kc]` goes to the unit of H1 it came from, then times f′(h1).
///
/// With `SECOND` they are second derivatives, and f′ counts twice. `h1` has lanes `[column][map]`, `d_h1` lanes
/// `[map][column]`.
#[inline(always)]
pub fn backward<S: Simd, const SECOND: bool>(
    s: S,
    d_h2: &Repeated,
    w: &Weights,
    h1: &H1Units,
    f: Activation,
    d_h1: &mut H1Units,
) {
    for q in 0..MAP_QUADS {
        for row in 0..H1_SIDE {
            let (h1, d_h1) = (&h1[q][row], &mut d_h1[q][row]);
            if S::MANY_REGISTERS {
                let columns = columns_below::<S, H1_SIDE, 0>(s, q, row, d_h2, w);
                unrolled!(half in [0 1] {
                    finish::<S, SECOND>(s, &columns[QUAD * half..], &h1[half], f, &mut d_h1[half]);
                });
            } else {
                let columns = columns_below::<S, QUAD, 0>(s, q, row, d_h2, w);
                finish::<S, SECOND>(s, &columns, &h1[0], f, &mut d_h1[0]);
                let columns = columns_below::<S, QUAD, QUAD>(s, q, row, d_h2, w);
                finish::<S, SECOND>(s, &columns, &h1[1], f, &mut d_h1[1]);
            }
        }
    }
}

/// Sums over H2's maps and applies f′.
#[inline(always)]
fn finish<S: Simd, const SECOND: bool>(
    s: S,
    columns: &[S::V],
    h1: &Lanes,
    f: Activation,
    d_h1: &mut Lanes,
) {
    let sum = s.sum_of_quads([columns[0], columns[1], columns[2], columns[3]]);
    let d = slope::<S, SECOND>(s, f, s.load(h1), sum);
    s.store(d_h1, s.transpose(d));
}

/// Gradient of WIDTH columns of a row of H1 from START on: lanes `[map of H2][map]`, yet to be summed over H2's.
#[inline(always)]
fn columns_below<S: Simd, const WIDTH: usize, const START: usize>(
    s: S,
    q: usize,
    below: usize,
    d_h2: &Repeated,
    w: &Weights,
) -> [S::V; WIDTH] {
    let mut sums = [s.splat(0.0); WIDTH];
    for (group, pair) in SEEN_BY[q] {
        for kr in ((below + PADDING) % STRIDE..KERNEL).step_by(STRIDE) {
            let Some(row) = above(below, kr) else {
                continue;
            };
            unrolled!(kc in [0 1 2 3 4] {
                let w = s.load(&w[pair][kr][kc]);
                unrolled!(offset in [0 1 2 3 4 5 6 7] {
                    if offset < WIDTH && let Some(c) = above(START + offset, kc) {
                        let d = s.load(&d_h2[group][row][c]);
                        sums[offset % WIDTH] = s.mul_add(w, d, sums[offset % WIDTH]);
                    }
                });
            });
        }
    }
    sums
}

/// Differentiates the forward pass by `w` and `b` and hands the gradients to the rule:
/// `d_w[m, s, kr, kc] = Σ d_h2[m, r, c] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2]`, `d_b = d_h2`
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub fn gradient<S: Simd, R: Rule>(
    s: S,
    h1: &H1Units,
    d_h2: &Units,
    repeated: &Repeated,
    edges: &mut Edges,
    mut w: Trained<'_, Weights>,
    mut b: Trained<'_, Units>,
    rule: R,
) {
    gradients_on_padding(s, repeated, edges);
    for q in 0..MAP_QUADS {
        for kr in 0..KERNEL {
            if S::MANY_REGISTERS {
                taps::<S, R, 2>(s, q, 0, kr, h1, repeated, edges, &mut w, rule);
            } else {
                taps::<S, R, 1>(s, q, 0, kr, h1, repeated, edges, &mut w, rule);
                taps::<S, R, 1>(s, q, 1, kr, h1, repeated, edges, &mut w, rule);
            }
        }
    }
    for group in 0..MAP_QUADS {
        for row in 0..H2_SIDE {
            let d = s.load(&d_h2[group][row]);
            rule.take(s, b.at(group).at(row), d);
        }
    }
}

/// One row of the kernels from a map quad of H1 to COUNT of the two that see it: 5·COUNT sums.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn taps<S: Simd, R: Rule, const COUNT: usize>(
    s: S,
    q: usize,
    first: usize,
    kr: usize,
    h1: &H1Units,
    d_h2: &Repeated,
    edges: &Edges,
    w: &mut Trained<'_, Weights>,
    rule: R,
) {
    let mut sums = [[s.splat(0.0); KERNEL]; COUNT];
    for i in 0..COUNT {
        let edges = &edges[SEEN_BY[q][first + i].0][TAP_EDGE[kr]];
        unrolled!(kc in [0 1 2 3 4] { sums[i][kc] = s.load(&edges[TAP_EDGE[kc]]); });
    }
    for row in rows_inside(kr) {
        let below = STRIDE * row + kr - PADDING;
        unrolled!(column in [0 1 2 3 4 5 6 7] {
            let maps = s.tile(quad(&h1[q][below][column / QUAD], column % QUAD));
            unrolled!(kc in [0 1 2 3 4] {
                if let Some(c) = above(column, kc) {
                    for i in 0..COUNT {
                        let d = s.load(&d_h2[SEEN_BY[q][first + i].0][row][c]);
                        sums[i][kc] = s.mul_add(maps, d, sums[i][kc]);
                    }
                }
            });
        });
    }
    for i in 0..COUNT {
        let pair = SEEN_BY[q][first + i].1;
        unrolled!(kc in [0 1 2 3 4] {
            rule.take(s, w.at(pair).at(kr).at(kc), sums[i][kc]);
        });
    }
}

const _: () = assert!(HALVES == 2);
