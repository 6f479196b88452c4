//! Muon's update of one layer's matrix, as `shaders/muon.wgsl` does it.
//!
//! The textbook iteration X ← (aI + bA + cA²)X with A = XXᵀ only ever multiplies X from the left by polynomials in the
//! first A. So it is done on small matrices alone (at most 30 by 30): A ← QAQ and P ← QP with Q = aI + bA + cA², and X
//! is multiplied once, by P. In f64: squared singular values spread twice as far.

use crate::recipe::muon::{COEFFICIENTS, ITERATIONS, MOST_SIDE as MOST, NORM_EPSILON};

/// A matrix of `side` by `side` in a buffer of fixed size, `[row][column]`.
type Small = [f64; MOST * MOST];

/// `m ← βm + (1 − β)g;  u = βm + (1 − β)g;  w ← shrink · w − η · √(longer side) · orthogonal(u)`
///
/// All slices are one matrix, `[rows][columns]`.
pub fn muon(
    weights: &mut [f32],
    gradient: &[f32],
    buffer: &mut [f32],
    columns: usize,
    [momentum, learning_rate, shrink]: [f32; 3],
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
    make_orthogonal(&mut ahead, side);
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

/// Makes a matrix, `[long][side]`, nearly orthogonal.
pub fn make_orthogonal(matrix: &mut [f64], side: usize) {
    let factor = left_factor(matrix, side);
    let mut step = [0f64; MOST];
    for x in matrix.chunks_exact_mut(side) {
        step[..side].fill(0.0);
        for (&x, row) in x.iter().zip(factor.chunks_exact(side)) {
            for (sum, &p) in step[..side].iter_mut().zip(row) {
                *sum += p * x;
            }
        }
        x.copy_from_slice(&step[..side]);
    }
}

/// Factor that makes the matrix, `[long][side]`, nearly orthogonal when multiplied on its shorter side.
fn left_factor(matrix: &[f64], side: usize) -> Small {
    let mut gram: Small = [0.0; MOST * MOST];
    for x in matrix.chunks_exact(side) {
        for (&a, row) in x.iter().zip(gram.chunks_exact_mut(side)) {
            for (sum, &b) in row.iter_mut().zip(x) {
                *sum += a * b;
            }
        }
    }
    let squares: f64 = (0..side).map(|k| gram[k * side + k]).sum();
    let inverse = 1.0 / (squares.sqrt() + NORM_EPSILON);
    gram.iter_mut().for_each(|v| *v *= inverse * inverse);
    let mut factor: Small = [0.0; MOST * MOST];
    for k in 0..side {
        factor[k * side + k] = inverse;
    }
    let [a, b, c] = COEFFICIENTS;
    for _ in 0..ITERATIONS {
        let mut q = product(&gram, &gram, side);
        for (q, &g) in q.iter_mut().zip(&gram) {
            *q = b * g + c * *q;
        }
        for k in 0..side {
            q[k * side + k] += a;
        }
        gram = product(&product(&q, &gram, side), &q, side);
        factor = product(&q, &factor, side);
    }
    factor
}

fn product(left: &Small, right: &Small, side: usize) -> Small {
    let mut result: Small = [0.0; MOST * MOST];
    let rows = result.chunks_exact_mut(side).take(side);
    for (row, left) in rows.zip(left.chunks_exact(side)) {
        for (&a, right) in left.iter().zip(right.chunks_exact(side)) {
            for (sum, &b) in row.iter_mut().zip(right) {
                *sum += a * b;
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
                muon(&mut w, &g, &mut m, columns, [0.8, 0.02, 0.99]);
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
