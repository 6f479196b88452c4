//! H2: forward, back to H1, and the gradient of its weights.
//!
//! The padding is never multiplied: a tap on it means −1, so its weight (forward) or gradient (backward) is
//! subtracted, on ports that multiply-adds leave idle; and nothing runs back to it.

use super::forward_backward::slope;
use super::h1::Units as H1Units;
use super::layout::{HALVES, MAP_QUADS, PAIRS, QUAD, SEEN_BY, Trained, quad};
use super::rule::Rule;
use crate::cpu::activation::activate;
use crate::cpu::simd::{Lanes, Simd};
use crate::net::{H1_SIDE, H2_SIDE, KERNEL, PADDING, STRIDE};
use crate::recipe::Activation;

pub type Weights = [[[Lanes; KERNEL]; KERNEL]; PAIRS];
/// One value for each unit of H2, `[map quad][row]`, lanes `[column][map]`.
pub type Units = [[Lanes; H2_SIDE]; MAP_QUADS];
/// One vector for each quad of H2's units, `[map quad][row][column]`: the quad's four repeated.
pub type Repeated = [[[Lanes; H2_SIDE]; H2_SIDE]; MAP_QUADS];

/// The row of H1 under a tap, unless it is padding.
#[inline(always)]
fn row_below(row: usize, kr: usize) -> Option<usize> {
    (STRIDE * row + kr)
        .checked_sub(PADDING)
        .filter(|&below| below < H1_SIDE)
}

/// The column of H2 that sees this column of H1 through this tap, if one does.
#[inline(always)]
const fn column_above(below: usize, kc: usize) -> Option<usize> {
    let ahead = below + PADDING;
    if ahead >= kc && (ahead - kc).is_multiple_of(STRIDE) && (ahead - kc) / STRIDE < H2_SIDE {
        Some((ahead - kc) / STRIDE)
    } else {
        None
    }
}

/// The column of H2 that sees padding through this tap, if one does.
#[inline(always)]
const fn padded_column(kc: usize) -> Option<usize> {
    match kc {
        0 | 1 => Some(0),
        4 => Some(H2_SIDE - 1),
        _ => None,
    }
}

/// `h2[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2])`
#[inline(always)]
pub fn forward<S: Simd>(
    s: S,
    h1: &H1Units,
    w: &Weights,
    b: &Units,
    activation: Activation,
    h2: &mut Units,
) {
    for row in 0..H2_SIDE {
        if S::REGISTERS >= 32 {
            groups::<S, MAP_QUADS>(s, 0, row, h1, w, b, activation, h2);
        } else {
            for first in 0..MAP_QUADS {
                groups::<S, 1>(s, first, row, h1, w, b, activation, h2);
            }
        }
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
    activation: Activation,
    h2: &mut Units,
) {
    let within = |group: usize| (first..first + COUNT).contains(&group);
    let mut sums = [[s.splat(0.0); H2_SIDE]; COUNT];
    for kr in 0..KERNEL {
        let Some(below) = row_below(row, kr) else {
            subtract_row(s, first, kr, w, &mut sums);
            continue;
        };
        unrolled!(q in [0 1 2] {
            unrolled!(kc in [0 1 4] {
                if let Some(c) = padded_column(kc) {
                    for (group, pair) in SEEN_BY[q] {
                        if within(group) {
                            let at = &mut sums[(group - first) % COUNT][c];
                            *at = s.sub(*at, s.load(&w[pair][kr][kc]));
                        }
                    }
                }
            });
            unrolled!(column in [0 1 2 3 4 5 6 7] {
                let maps = s.tile(quad(&h1[q][below][column / QUAD], column % QUAD));
                unrolled!(kc in [0 1 2 3 4] {
                    if let Some(c) = column_above(column, kc) {
                        for (group, pair) in SEEN_BY[q] {
                            if within(group) {
                                let at = &mut sums[(group - first) % COUNT][c];
                                *at = s.mul_add(s.load(&w[pair][kr][kc]), maps, *at);
                            }
                        }
                    }
                });
            });
        });
    }
    for group in 0..COUNT {
        let sum = s.add(
            s.sum_within_quads(sums[group]),
            s.load(&b[first + group][row]),
        );
        s.store(&mut h2[first + group][row], activate(s, activation, sum));
    }
}

/// Subtracts the weights of a kernel row on the padding from the sums of [`groups`].
#[inline(always)]
fn subtract_row<S: Simd, const COUNT: usize>(
    s: S,
    first: usize,
    kr: usize,
    w: &Weights,
    sums: &mut [[S::V; H2_SIDE]; COUNT],
) {
    for &(group, pair) in SEEN_BY.as_flattened() {
        if (first..first + COUNT).contains(&group) {
            let mut sum = s.load(&w[pair][kr][0]);
            unrolled!(kc in [1 2 3 4] {
                sum = s.add(sum, s.load(&w[pair][kr][kc]));
            });
            for c in 0..H2_SIDE {
                let at = &mut sums[(group - first) % COUNT][c];
                *at = s.sub(*at, sum);
            }
        }
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
            if S::REGISTERS >= 32 {
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
        let padded = below + PADDING;
        for kr in (padded % STRIDE..KERNEL).step_by(STRIDE) {
            let Some(row) = padded.checked_sub(kr).map(|ahead| ahead / STRIDE) else {
                continue;
            };
            if row >= H2_SIDE {
                continue;
            }
            unrolled!(kc in [0 1 2 3 4] {
                let w = s.load(&w[pair][kr][kc]);
                unrolled!(offset in [0 1 2 3 4 5 6 7] {
                    if offset < WIDTH && let Some(c) = column_above(START + offset, kc) {
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
    mut w: Trained<'_, Weights>,
    mut b: Trained<'_, Units>,
    rule: R,
) {
    for q in 0..MAP_QUADS {
        for kr in 0..KERNEL {
            if S::REGISTERS >= 32 {
                taps::<S, R, 2>(s, q, 0, kr, h1, repeated, &mut w, rule);
            } else {
                taps::<S, R, 1>(s, q, 0, kr, h1, repeated, &mut w, rule);
                taps::<S, R, 1>(s, q, 1, kr, h1, repeated, &mut w, rule);
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
    w: &mut Trained<'_, Weights>,
    rule: R,
) {
    let mut sums = [[s.splat(0.0); KERNEL]; COUNT];
    for row in 0..H2_SIDE {
        let Some(below) = row_below(row, kr) else {
            for i in 0..COUNT {
                let d = &d_h2[SEEN_BY[q][first + i].0][row];
                let mut sum = s.load(&d[0]);
                unrolled!(c in [1 2 3] { sum = s.add(sum, s.load(&d[c])); });
                unrolled!(kc in [0 1 2 3 4] { sums[i][kc] = s.sub(sums[i][kc], sum); });
            }
            continue;
        };
        unrolled!(kc in [0 1 4] {
            if let Some(c) = padded_column(kc) {
                for i in 0..COUNT {
                    let d = s.load(&d_h2[SEEN_BY[q][first + i].0][row][c]);
                    sums[i][kc] = s.sub(sums[i][kc], d);
                }
            }
        });
        unrolled!(column in [0 1 2 3 4 5 6 7] {
            let maps = s.tile(quad(&h1[q][below][column / QUAD], column % QUAD));
            unrolled!(kc in [0 1 2 3 4] {
                if let Some(c) = column_above(column, kc) {
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
