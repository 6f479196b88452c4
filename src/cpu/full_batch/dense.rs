//! H3 and the output layer: forward, back, and the gradient of their weights.

use super::tile::VECTORS;
use crate::cpu::simd::{LANES, Lanes, Simd};

/// What a dense kernel reads and writes for each vector of a tile.
pub type Operands<'a, const IN: usize, const OUT: usize> =
    [(&'a [Lanes; IN], &'a mut [Lanes; OUT]); VECTORS];

/// `above[j] = f(b[j] + Σ below[i] · w[i, j])`
///
/// - `operands`: `below` `[IN]` and `above` `[OUT]`; `w`: `[IN][OUT]`; `b`: `[OUT]`, a multiple of 10
#[inline(always)]
pub fn dense_forward<S: Simd, const IN: usize, const OUT: usize>(
    s: S,
    mut operands: Operands<IN, OUT>,
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
    f: impl Fn(S::V) -> S::V,
) {
    // Accumulators: 20 of 32 registers, or 4 of 8.
    if S::REGISTERS >= 32 {
        forward_blocks::<S, IN, OUT, 5, 4>(s, &mut operands, w, b, f);
    } else {
        forward_blocks::<S, IN, OUT, 2, 2>(s, &mut operands, w, b, f);
    }
}

/// `U` units of `K` vectors at once.
#[inline(always)]
fn forward_blocks<S: Simd, const IN: usize, const OUT: usize, const U: usize, const K: usize>(
    s: S,
    operands: &mut Operands<IN, OUT>,
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
    f: impl Fn(S::V) -> S::V,
) {
    const { assert!(OUT.is_multiple_of(U) && VECTORS.is_multiple_of(K)) };
    for vectors in operands.as_chunks_mut::<K>().0 {
        for unit in (0..OUT).step_by(U) {
            let mut acc: [[S::V; K]; U] = std::array::from_fn(|u| [s.splat(b[unit + u]); K]);
            for input in 0..IN {
                let below: [S::V; K] = std::array::from_fn(|k| s.load(&vectors[k].0[input]));
                for u in 0..U {
                    let weight = s.splat(w[input][unit + u]);
                    for k in 0..K {
                        acc[u][k] = s.mul_add(weight, below[k], acc[u][k]);
                    }
                }
            }
            for (u, sums) in acc.into_iter().enumerate() {
                for (k, sum) in sums.into_iter().enumerate() {
                    s.store(&mut vectors[k].1[unit + u], f(sum));
                }
            }
        }
    }
}

/// `d_below[i] = g(i, Σ w[i, j] · d_above[j])`, where `g(vector, input, sum)` goes back through the nonlinearity.
///
/// - `d_above`: `[OUT]`; `w`: `[IN][OUT]`, IN a multiple of 6
/// - `g` is called with the vectors of an input in order, and stores what it finds
#[inline(always)]
pub fn dense_backward<S: Simd, const IN: usize, const OUT: usize>(
    s: S,
    d_above: [&[Lanes; OUT]; VECTORS],
    w: &[[f32; OUT]; IN],
    g: impl FnMut(usize, usize, S::V),
) {
    // Accumulators: 24 of 32 registers, or 4 of 8.
    if S::REGISTERS >= 32 {
        backward_blocks::<S, IN, OUT, 6, 4>(s, d_above, w, g);
    } else {
        backward_blocks::<S, IN, OUT, 2, 2>(s, d_above, w, g);
    }
}

/// `I` inputs of `K` vectors at once.
#[inline(always)]
fn backward_blocks<S: Simd, const IN: usize, const OUT: usize, const I: usize, const K: usize>(
    s: S,
    d_above: [&[Lanes; OUT]; VECTORS],
    w: &[[f32; OUT]; IN],
    mut g: impl FnMut(usize, usize, S::V),
) {
    const { assert!(IN.is_multiple_of(I) && VECTORS.is_multiple_of(K)) };
    for (chunk, vectors) in d_above.as_chunks::<K>().0.iter().enumerate() {
        for input in (0..IN).step_by(I) {
            let mut acc = [[s.splat(0.0); K]; I];
            for unit in 0..OUT {
                let above: [S::V; K] = std::array::from_fn(|k| s.load(&vectors[k][unit]));
                for i in 0..I {
                    let weight = s.splat(w[input + i][unit]);
                    for k in 0..K {
                        acc[i][k] = s.mul_add(weight, above[k], acc[i][k]);
                    }
                }
            }
            for (i, sums) in acc.into_iter().enumerate() {
                for (k, sum) in sums.into_iter().enumerate() {
                    g(chunk * K + k, input + i, sum);
                }
            }
        }
    }
}

/// `d_w[i, j] += Σ below[i] · d_above[j]` over the examples of a tile.
///
/// The gradient above is turned round, units beside one another, so that sixteen weights grow at once and nothing is
/// summed over lanes.
///
/// - `below`: `[IN]`; `d_above`: `[OUT]`; `d_w`: `[IN][W]`, the units along the lanes of `W` vectors
#[inline(always)]
pub fn dense_gradient<S: Simd, const IN: usize, const OUT: usize, const W: usize>(
    s: S,
    operands: [(&[Lanes; IN], &[Lanes; OUT]); VECTORS],
    d_w: &mut [[Lanes; W]; IN],
) {
    let turned = operands.map(|(_, d_above)| by_example::<OUT, W>(d_above));
    let below = operands.map(|(below, _)| below);
    // Accumulators: 12 of 32 registers (two vectors of units), or 4 of 8.
    if S::REGISTERS >= 32 {
        gradient_blocks::<S, IN, W, 6>(s, below, &turned, d_w);
    } else {
        gradient_blocks::<S, IN, W, 2>(s, below, &turned, d_w);
    }
}

/// `I` inputs at once.
#[inline(always)]
fn gradient_blocks<S: Simd, const IN: usize, const W: usize, const I: usize>(
    s: S,
    below: [&[Lanes; IN]; VECTORS],
    d_above: &[[[Lanes; W]; LANES]; VECTORS],
    d_w: &mut [[Lanes; W]; IN],
) {
    const { assert!(IN.is_multiple_of(I)) };
    for (block, sums) in d_w.as_chunks_mut::<I>().0.iter_mut().enumerate() {
        let mut acc: [[S::V; W]; I] =
            std::array::from_fn(|i| std::array::from_fn(|v| s.load(&sums[i][v])));
        for (below, d_above) in below.iter().zip(d_above) {
            let below: &[Lanes; I] = &below.as_chunks::<I>().0[block];
            for (lane, above) in d_above.iter().enumerate() {
                let above: [S::V; W] = std::array::from_fn(|v| s.load(&above[v]));
                for i in 0..I {
                    let value = s.splat(below[i].0[lane]);
                    for v in 0..W {
                        acc[i][v] = s.mul_add(value, above[v], acc[i][v]);
                    }
                }
            }
        }
        for (to, from) in sums.iter_mut().zip(acc) {
            for (to, sum) in to.iter_mut().zip(from) {
                s.store(to, sum);
            }
        }
    }
}

/// `[unit]` of sixteen examples to `[example]` of `W` vectors of units, zeros after the last.
#[inline(always)]
fn by_example<const OUT: usize, const W: usize>(units: &[Lanes; OUT]) -> [[Lanes; W]; LANES] {
    let mut turned = [[Lanes::ZERO; W]; LANES];
    for (unit, values) in units.iter().enumerate() {
        for (example, &value) in values.0.iter().enumerate() {
            turned[example][unit / LANES].0[unit % LANES] = value;
        }
    }
    turned
}
