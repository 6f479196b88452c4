//! Muon's update of one layer's matrix, as `shaders/muon.wgsl` does it.
//!
//! The textbook iteration X ← (aI + bA + cA²)X with A = XXᵀ only ever multiplies X from the left by polynomials in the
//! first A. So it is done on small matrices alone (at most 30 by 30): A ← QAQ and P ← QP with Q = aI + bA + cA², and X
//! is multiplied once, by P. In f64: squared singular values spread twice as far.

use crate::cpu::simd::{Level, Simd, WithSimd};
use crate::recipe::muon::{COEFFICIENTS, ITERATIONS, MOST_SIDE, NORM_EPSILON};

/// The longest of the shorter sides, to whole vectors.
const MOST: usize = MOST_SIDE.next_multiple_of(8);

/// A small square matrix, `[row][column]`.
type Small<const N: usize> = [[f64; N]; N];

/// `m ← βm + (1 − β)g;  u = βm + (1 − β)g;  w ← shrink · w − η · √(longer side) · orthogonal(u)`
///
/// All slices are one matrix, `[rows][columns]`.
pub fn muon(
    weights: &mut [f32],
    gradient: &[f32],
    buffer: &mut [f32],
    columns: usize,
    [momentum, learning_rate, shrink]: [f32; 3],
    level: Level,
) {
    let rest = 1.0 - momentum;
    for (m, &g) in buffer.iter_mut().zip(gradient) {
        *m = momentum * *m + rest * g;
    }
    let rows = weights.len() / columns;
    let tall = rows > columns;
    let (side, long) = (rows.min(columns), rows.max(columns));
    // [long][side]: the products below run along the shorter side.
    let mut ahead = vec![0f64; side * long];
    for (at, (&m, &g)) in buffer.iter().zip(gradient).enumerate() {
        let (row, column) = (at / columns, at % columns);
        let place = if tall { at } else { column * side + row };
        ahead[place] = f64::from(momentum * m + rest * g);
    }
    make_orthogonal(&mut ahead, side, level);
    let size = learning_rate * (long as f32).sqrt();
    for (at, step) in ahead.chunks_exact(side).enumerate() {
        for (unit, &o) in step.iter().enumerate() {
            let place = if tall {
                at * side + unit
            } else {
                unit * columns + at
            };
            weights[place] = weights[place] * shrink - size * o as f32;
        }
    }
}

/// Makes a matrix, `[long][side]`, nearly orthogonal. The level changes no bit: nothing is fused.
pub fn make_orthogonal(matrix: &mut [f64], side: usize, level: Level) {
    match side {
        ..=16 => level.run(Orthogonal::<16> { matrix, side }),
        _ => level.run(Orthogonal::<MOST> { matrix, side }),
    }
}

/// `N`: the side and zeros, to whole vectors.
struct Orthogonal<'a, const N: usize> {
    matrix: &'a mut [f64],
    side: usize,
}

impl<const N: usize> WithSimd for Orthogonal<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let factor = left_factor::<N>(self.matrix, self.side);
        for x in self.matrix.chunks_exact_mut(self.side) {
            let mut step = [0.0; N];
            for (&x, row) in x.iter().zip(&factor) {
                for k in 0..N {
                    step[k] += row[k] * x;
                }
            }
            x.copy_from_slice(&step[..self.side]);
        }
    }
}

/// Factor that makes the matrix, `[long][side]`, nearly orthogonal when multiplied on its shorter side.
#[inline(always)]
fn left_factor<const N: usize>(matrix: &[f64], side: usize) -> Small<N> {
    let mut gram: Small<N> = [[0.0; N]; N];
    for x in matrix.chunks_exact(side) {
        let mut filled = [0.0; N];
        filled[..side].copy_from_slice(x);
        for (&a, row) in x.iter().zip(&mut gram) {
            for k in 0..N {
                row[k] += a * filled[k];
            }
        }
    }
    let squares: f64 = (0..side).map(|k| gram[k][k]).sum();
    let inverse = 1.0 / (squares.sqrt() + NORM_EPSILON);
    let values = gram.as_flattened_mut().iter_mut();
    values.for_each(|v| *v *= inverse * inverse);
    let mut factor: Small<N> = [[0.0; N]; N];
    for k in 0..side {
        factor[k][k] = inverse;
    }
    let [a, b, c] = COEFFICIENTS;
    for _ in 0..ITERATIONS {
        let mut q = product(&gram, &gram, side);
        let values = q.as_flattened_mut().iter_mut();
        for (q, &g) in values.zip(gram.as_flattened()) {
            *q = b * g + c * *q;
        }
        for k in 0..side {
            q[k][k] += a;
        }
        gram = product(&product(&q, &gram, side), &q, side);
        factor = product(&q, &factor, side);
    }
    factor
}

#[inline(always)]
fn product<const N: usize>(left: &Small<N>, right: &Small<N>, side: usize) -> Small<N> {
    let mut result: Small<N> = [[0.0; N]; N];
    for (row, left) in result.iter_mut().zip(left).take(side) {
        for (&a, right) in left.iter().zip(right).take(side) {
            for k in 0..N {
                row[k] += a * right[k];
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    /// On every matrix of the net, in f32 against the textbook's form in f64, over two steps.
    #[test]
    fn agrees_with_the_textbooks_iteration() {
        for tensor in crate::net::PARAMETERS {
            let Some(columns) = tensor.columns() else {
                continue;
            };
            let mut state = 7u64;
            let mut noise = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 40) as f32 / 2f32.powi(24) - 0.5
            };
            let mut draw =
                |size: f32| -> Vec<f32> { (0..tensor.len()).map(|_| size * noise()).collect() };
            let (mut w, mut m) = (draw(1.0), draw(1e-3));
            let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| v.into()).collect() };
            let (mut w64, mut m64) = (wide(&w), wide(&m));
            for _ in 0..2 {
                let g = draw(1e-2);
                muon(
                    &mut w,
                    &g,
                    &mut m,
                    columns,
                    [0.8, 0.02, 0.99],
                    Level::best(),
                );
                let with = reference::Muon {
                    momentum: 0.8f32.into(),
                    learning_rate: 0.02f32.into(),
                    shrink: 0.99f32.into(),
                };
                reference::muon(&mut w64, &wide(&g), &mut m64, columns, with);
            }
            for (at, (&found, expected)) in w.iter().zip(&w64).enumerate() {
                let difference = (f64::from(found) - expected).abs();
                assert!(
                    difference <= 2e-6,
                    "{} {at}: {found} {expected}",
                    tensor.name
                );
            }
        }
    }
}
