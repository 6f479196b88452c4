//! The iteration of Muon that makes a matrix orthogonal: Newton-Schulz.

use super::Real;
use crate::recipe::muon::{COEFFICIENTS, ITERATIONS, NORM_EPSILON};

/// The matrix, `[rows][columns]`, with its singular values brought near 1: X ← aX + (bA + cA²)X with A = XXᵀ, from
/// X = matrix / its norm.
pub fn orthogonal<T: Real>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns;
    if rows > columns {
        let turned = orthogonal(&transposed(matrix, columns), rows);
        return transposed(&turned, rows);
    }
    let [a, b, c] = COEFFICIENTS.map(T::of);
    let squares = matrix.iter().fold(T::zero(), |sum, &v| sum + v * v);
    let norm = squares.sqrt() + T::of(NORM_EPSILON);
    let mut x: Vec<T> = matrix.iter().map(|&v| v / norm).collect();
    for _ in 0..ITERATIONS {
        let gram = product(&x, &transposed(&x, columns), columns, rows);
        let square = product(&gram, &gram, rows, rows);
        let by = gram.iter().zip(square).map(|(&g, s)| b * g + c * s);
        let change = product(&by.collect::<Vec<_>>(), &x, rows, columns);
        for (x, change) in x.iter_mut().zip(change) {
            *x = a * *x + change;
        }
    }
    x
}

/// `[columns][rows]` from `[rows][columns]`.
fn transposed<T: Real>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns;
    (0..matrix.len())
        .map(|at| matrix[at % rows * columns + at / rows])
        .collect()
}

/// left × right, `[rows][inner]` by `[inner][columns]`.
pub(super) fn product<T: Real>(left: &[T], right: &[T], inner: usize, columns: usize) -> Vec<T> {
    let rows = left.len() / inner;
    let element = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        (0..inner).fold(T::zero(), |sum, k| {
            sum + left[row * inner + k] * right[k * columns + column]
        })
    };
    (0..rows * columns).map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rotations in two planes, by which singular values stay as they are.
    fn with_singular_values(values: [f64; 3]) -> Vec<f64> {
        // U diag V: U mixes rows 0 and 1, V mixes columns 1, 2 and 3.
        let (c, s) = (0.6, 0.8);
        let u = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]];
        let v = [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, c, s * c, s * s],
            [0.0, -s, c * c, c * s],
        ];
        let mut matrix = vec![0.0; 12];
        for row in 0..3 {
            for column in 0..4 {
                matrix[row * 4 + column] =
                    (0..3).map(|k| u[row][k] * values[k] * v[k][column]).sum();
            }
        }
        matrix
    }

    /// Result of the iteration for one singular value.
    fn scalar(mut sigma: f64) -> f64 {
        let [a, b, c] = COEFFICIENTS;
        for _ in 0..ITERATIONS {
            sigma = a * sigma + b * sigma.powi(3) + c * sigma.powi(5);
        }
        sigma
    }

    #[test]
    fn singular_vectors_stay_and_values_follow_the_polynomial() {
        let values = [3.0, 0.5, 0.04];
        let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt() + NORM_EPSILON;
        let expected = with_singular_values(values.map(|v| scalar(v / norm)));
        for (found, expected) in orthogonal(&with_singular_values(values), 4)
            .into_iter()
            .zip(&expected)
        {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        for value in values {
            let found = scalar(value / norm);
            assert!((0.65..1.25).contains(&found), "{value} became {found}");
        }
    }

    #[test]
    fn a_tall_matrix_is_a_wide_one_turned() {
        let wide = with_singular_values([2.0, 1.0, 0.3]);
        let tall = orthogonal(&transposed(&wide, 4), 3);
        assert_eq!(transposed(&tall, 3), orthogonal(&wide, 4));
    }
}
