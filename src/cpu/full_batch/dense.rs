//! H3 and the output layer: forward or back, and the gradient of their weights.

use super::tile::{Activations16, VECTORS};
use crate::cpu::simd::{LANES, Lanes, Simd};

/// Places of a layer's operands in a tile's vectors.
pub trait Layer<const IN: usize> {
    /// Its inputs.
    fn below(t: &Activations16) -> &[Lanes; IN];
    /// Takes the sum of a unit.
    fn take<S: Simd>(&mut self, s: S, t: &mut Activations16, unit: usize, sum: S::V);
}

/// Sums `b[j] + Σ below[i] · w[i, j]`, `U` units at once where there are 32 registers, in each vector of a tile.
///
/// Back from `d_above` to `d_below` it is the same, with the weights transposed and no biases.
///
/// - `w`: `[IN][OUT]`; `b`: `[OUT]`
#[inline(always)]
pub fn dense<S: Simd, L: Layer<IN>, const IN: usize, const OUT: usize, const U: usize>(
    s: S,
    tile: &mut [Activations16; VECTORS],
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
    layer: L,
) {
    // Accumulators: 20 or 24 of 32 registers, or 4 of 8.
    if S::MANY_REGISTERS {
        blocks::<S, L, IN, OUT, U, 4>(s, tile, w, b, layer);
    } else {
        blocks::<S, L, IN, OUT, 2, 2>(s, tile, w, b, layer);
    }
}

/// `U` units of `K` vectors at once.
#[inline(always)]
fn blocks<
    S: Simd,
    L: Layer<IN>,
    const IN: usize,
    const OUT: usize,
    const U: usize,
    const K: usize,
>(
    s: S,
    tile: &mut [Activations16; VECTORS],
    w: &[[f32; OUT]; IN],
    b: &[f32; OUT],
    mut layer: L,
) {
    const { assert!(OUT.is_multiple_of(U) && VECTORS.is_multiple_of(K)) };
    for vectors in tile.as_chunks_mut::<K>().0 {
        for unit in (0..OUT).step_by(U) {
            let mut acc = [[s.splat(0.0); K]; U];
            for u in 0..U {
                acc[u] = [s.splat(b[unit + u]); K];
            }
            for input in 0..IN {
                let mut below = [s.splat(0.0); K];
                for k in 0..K {
                    below[k] = s.load(&L::below(&vectors[k])[input]);
                }
                for u in 0..U {
                    let weight = s.splat(w[input][unit + u]);
                    for k in 0..K {
                        acc[u][k] = s.mul_add(weight, below[k], acc[u][k]);
                    }
                }
            }
            let mut sums = [[Lanes::ZERO; K]; U];
            for u in 0..U {
                for k in 0..K {
                    s.store(&mut sums[u][k], acc[u][k]);
                }
            }
            for (u, sums) in sums.iter().enumerate() {
                for (t, sum) in vectors.iter_mut().zip(sums) {
                    layer.take(s, t, unit + u, s.load(sum));
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
/// - `is_first`: overwrites `d_w` instead
#[inline(always)]
pub fn dense_gradient<S: Simd, const IN: usize, const OUT: usize, const W: usize>(
    s: S,
    operands: [(&[Lanes; IN], &[Lanes; OUT]); VECTORS],
    is_first: bool,
    d_w: &mut [[Lanes; W]; IN],
) {
    // `[example]` of `W` vectors of units.
    let mut turned = [[[Lanes::ZERO; W]; LANES]; VECTORS];
    for (turned, (_, d_above)) in turned.iter_mut().zip(operands) {
        for v in 0..W {
            let mut units = [s.splat(0.0); LANES];
            for unit in 0..LANES {
                if LANES * v + unit < OUT {
                    units[unit] = s.load(&d_above[LANES * v + unit]);
                }
            }
            let examples = s.turn(units);
            for example in 0..LANES {
                s.store(&mut turned[example][v], examples[example]);
            }
        }
    }
    let below = operands.map(|(below, _)| below);
    // Accumulators: 12 of 32 registers (two vectors of units), or 4 of 8.
    if S::MANY_REGISTERS {
        gradient_blocks::<S, IN, W, 6>(s, below, &turned, is_first, d_w);
    } else {
        gradient_blocks::<S, IN, W, 2>(s, below, &turned, is_first, d_w);
    }
}

/// `I` inputs at once.
#[inline(always)]
fn gradient_blocks<S: Simd, const IN: usize, const W: usize, const I: usize>(
    s: S,
    below: [&[Lanes; IN]; VECTORS],
    d_above: &[[[Lanes; W]; LANES]; VECTORS],
    is_first: bool,
    d_w: &mut [[Lanes; W]; IN],
) {
    const { assert!(IN.is_multiple_of(I)) };
    for (block, sums) in d_w.as_chunks_mut::<I>().0.iter_mut().enumerate() {
        let mut acc = [[s.splat(0.0); W]; I];
        if !is_first {
            for i in 0..I {
                for v in 0..W {
                    acc[i][v] = s.load(&sums[i][v]);
                }
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
