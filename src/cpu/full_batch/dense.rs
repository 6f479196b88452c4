//! H3 and the output layer: forward or back, and the gradient of their weights.

use super::tile::VECTORS;
use crate::cpu::simd::{LANES, Lanes, Simd};

/// `above[j] = b[j] + Σ below[i] · w[i, j]`, `U` units at once where there are 32 registers, in each vector of a tile.
///
/// Back from `d_above` to `d_below` it is the same, with the weights transposed and no biases.
///
/// - `operands`: `below` `[IN]` and `above` `[OUT]`; `w`: `[IN][OUT]`; `b`: `[OUT]`
#[inline(always)]
pub fn dense<S: Simd, const IN: usize, const OUT: usize, const U: usize>(
    s: S,
    mut operands: [(&[Lanes; IN], &mut [Lanes; OUT]); VECTORS],
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
) {
    // Accumulators: 20 or 24 of 32 registers, or 4 of 8.
    if S::REGISTERS >= 32 {
        blocks::<S, IN, OUT, U, 4>(s, &mut operands, w, b);
    } else {
        blocks::<S, IN, OUT, 2, 2>(s, &mut operands, w, b);
    }
}

/// `U` units of `K` vectors at once.
#[inline(always)]
fn blocks<S: Simd, const IN: usize, const OUT: usize, const U: usize, const K: usize>(
    s: S,
    operands: &mut [(&[Lanes; IN], &mut [Lanes; OUT])],
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
) {
    const { assert!(OUT.is_multiple_of(U) && VECTORS.is_multiple_of(K)) };
    for vectors in operands.as_chunks_mut::<K>().0 {
        for unit in (0..OUT).step_by(U) {
            let mut acc = [[s.splat(0.0); K]; U];
            for u in 0..U {
                acc[u] = [s.splat(b[unit + u]); K];
            }
            for input in 0..IN {
                let mut below = [s.splat(0.0); K];
                for k in 0..K {
                    below[k] = s.load(&vectors[k].0[input]);
                }
                for u in 0..U {
                    let weight = s.splat(w[input][unit + u]);
                    for k in 0..K {
                        acc[u][k] = s.mul_add(weight, below[k], acc[u][k]);
                    }
                }
            }
            for u in 0..U {
                for k in 0..K {
                    s.store(&mut vectors[k].1[unit + u], acc[u][k]);
                }
            }
        }
    }
}

/// `d_w[i, j] += Σ below[i] · d_above[j]` over the examples of a tile.
///
/// The gradient above is transposed, units adjacent, so that sixteen weights grow at once and nothing is
/// summed over lanes.
///
/// - `below`: `[IN]`; `d_above`: `[OUT]`; `d_w`: `[IN][W]`, the units along the lanes of `W` vectors
#[inline(always)]
pub fn dense_gradient<S: Simd, const IN: usize, const OUT: usize, const W: usize>(
    s: S,
    operands: [(&[Lanes; IN], &[Lanes; OUT]); VECTORS],
    d_w: &mut [[Lanes; W]; IN],
) {
    // `[example]` of `W` vectors of units.
    let mut turned = [[[Lanes::ZERO; W]; LANES]; VECTORS];
    for (turned, (_, d_above)) in turned.iter_mut().zip(operands) {
        for (unit, values) in d_above.iter().enumerate() {
            for (example, &value) in values.0.iter().enumerate() {
                turned[example][unit / LANES].0[unit % LANES] = value;
            }
        }
    }
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
        let mut acc = [[s.splat(0.0); W]; I];
        for i in 0..I {
            for v in 0..W {
                acc[i][v] = s.load(&sums[i][v]);
            }
        }
        for (below, d_above) in below.iter().zip(d_above) {
            let below: &[Lanes; I] = &below.as_chunks::<I>().0[block];
            for (lane, above) in d_above.iter().enumerate() {
                let mut units = [s.splat(0.0); W];
                for v in 0..W {
                    units[v] = s.load(&above[v]);
                }
                for i in 0..I {
                    let value = s.splat(below[i].0[lane]);
                    for v in 0..W {
                        acc[i][v] = s.mul_add(value, units[v], acc[i][v]);
                    }
                }
            }
        }
        for i in 0..I {
            for v in 0..W {
                s.store(&mut sums[i][v], acc[i][v]);
            }
        }
    }
}
