//! H3 and the output layer: forward, back, and the gradient of their weights.

use super::tile::VECTORS;
use crate::cpu::simd::{LANES, Lanes, Simd};

/// Input and output of a dense kernel for each vector of a tile.
pub type Operands<'a, const IN: usize, const OUT: usize> =
    [(&'a [Lanes; IN], &'a mut [Lanes; OUT]); VECTORS];

/// `above[j] = b[j] + Σ below[i] · w[i, j]`
///
/// - `operands`: `below` `[IN]` and `above` `[OUT]`; `w`: `[IN][OUT]`; `b`: `[OUT]`, a multiple of 10
#[inline(always)]
pub fn dense_forward<S: Simd, const IN: usize, const OUT: usize>(
    s: S,
    mut operands: Operands<IN, OUT>,
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
) {
    // Accumulators: 20 of 32 registers, or 4 of 8.
    if S::REGISTERS >= 32 {
        forward_blocks::<S, IN, OUT, 5, 4>(s, &mut operands, w, b);
    } else {
        forward_blocks::<S, IN, OUT, 2, 2>(s, &mut operands, w, b);
    }
}

/// `U` units of `K` vectors at once.
#[inline(always)]
fn forward_blocks<S: Simd, const IN: usize, const OUT: usize, const U: usize, const K: usize>(
    s: S,
    operands: &mut Operands<IN, OUT>,
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

/// `d_below[i] = Σ w[i, j] · d_above[j]`
///
/// - `operands`: `d_above` `[OUT]` and `d_below` `[IN]`, a multiple of 6; `w`: `[IN][OUT]`
#[inline(always)]
pub fn dense_backward<S: Simd, const IN: usize, const OUT: usize>(
    s: S,
    mut operands: Operands<OUT, IN>,
    w: &[[f32; OUT]; IN],
) {
    // Accumulators: 24 of 32 registers, or 4 of 8.
    if S::REGISTERS >= 32 {
        backward_blocks::<S, IN, OUT, 6, 4>(s, &mut operands, w);
    } else {
        backward_blocks::<S, IN, OUT, 2, 2>(s, &mut operands, w);
    }
}

/// `I` inputs of `K` vectors at once.
#[inline(always)]
fn backward_blocks<S: Simd, const IN: usize, const OUT: usize, const I: usize, const K: usize>(
    s: S,
    operands: &mut Operands<OUT, IN>,
    w: &[[f32; OUT]; IN],
) {
    const { assert!(IN.is_multiple_of(I) && VECTORS.is_multiple_of(K)) };
    for vectors in operands.as_chunks_mut::<K>().0 {
        for input in (0..IN).step_by(I) {
            let mut acc = [[s.splat(0.0); K]; I];
            for unit in 0..OUT {
                let mut above = [s.splat(0.0); K];
                for k in 0..K {
                    above[k] = s.load(&vectors[k].0[unit]);
                }
                for i in 0..I {
                    let weight = s.splat(w[input + i][unit]);
                    for k in 0..K {
                        acc[i][k] = s.mul_add(weight, above[k], acc[i][k]);
                    }
                }
            }
            for i in 0..I {
                for k in 0..K {
                    s.store(&mut vectors[k].1[input + i], acc[i][k]);
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
    let mut turned = [[[Lanes::ZERO; W]; LANES]; VECTORS];
    let mut below = [operands[0].0; VECTORS];
    for v in 0..VECTORS {
        below[v] = operands[v].0;
        turn(operands[v].1, &mut turned[v]);
    }
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

/// `[unit]` of sixteen examples to `[example]` of `W` vectors of units; past the last unit `turned` is left.
#[inline(always)]
fn turn<const OUT: usize, const W: usize>(units: &[Lanes; OUT], turned: &mut [[Lanes; W]; LANES]) {
    for (unit, values) in units.iter().enumerate() {
        for (example, &value) in values.0.iter().enumerate() {
            turned[example][unit / LANES].0[unit % LANES] = value;
        }
    }
}
