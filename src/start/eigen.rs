//! Leading eigenvectors of symmetric matrices, the same on every machine.

use faer::{ColRef, Mat, Side};

use crate::draw::{self, Stream};
use crate::whitening::dot;

/// Residual at which an eigenvector counts as found, as a share of the matrix's trace: far below what training would notice.
const TOLERANCE: f64 = 1e-6;
/// The largest side that is decomposed as a whole: Lanczos' vectors would be most of it.
const WHOLE: usize = 64;
/// Lanczos' steps before the first check of the residuals, between two checks, and the most of them.
const FIRST_CHECK: usize = 20;
const CHECKED: usize = 6;
const MOST: usize = 96;

/// The leading eigenvectors of a positive semidefinite matrix, the largest eigenvalue's first; `None` if it is zero or not
/// finite.
///
/// Two things keep them the same on every machine: the diagonal gets a millionth of its mean more, drawn by index, so that
/// no two eigenvalues are equal but for rounding; and a vector's sign is that of its product with drawn numbers.
pub fn leading(matrix: &Mat<f64>, count: usize) -> Option<Vec<Vec<f64>>> {
    let n = matrix.nrows();
    let trace = (0..n).map(|k| matrix[(k, k)]).sum::<f64>();
    let elements = matrix.col_iter().flat_map(|column| column.iter());
    if !(trace > 0.0 && elements.into_iter().all(|value| value.is_finite())) {
        return None;
    }
    let mut apart = matrix.clone();
    for k in 0..n {
        apart[(k, k)] += 1e-6 * trace / n as f64 * drawn(k);
    }
    let found = match n {
        ..=WHOLE => None,
        _ => partial(&apart, count, TOLERANCE * trace),
    };
    let found = found.or_else(|| whole(&apart, count))?;
    let columns = found.col_iter();
    Some(
        columns
            .map(|column| signed(column.iter().copied().collect()))
            .collect(),
    )
}

/// By Lanczos' iteration, each vector made orthogonal to all before it, twice; `None` if it does not converge.
fn partial(matrix: &Mat<f64>, count: usize, tolerance: f64) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    // The matrix by the vectors is tridiagonal: its diagonal, and the one next to it.
    let (mut diagonal, mut next_to) = (Vec::new(), Vec::new());
    let mut vectors = vec![unit((0..n).map(|k| drawn(k) - 0.5).collect()).0];
    for size in 1..=MOST {
        let last = &vectors[size - 1];
        let mut next: Vec<f64> = matrix
            .col_iter()
            .map(|column| dot(last, slice(column)))
            .collect();
        diagonal.push(dot(last, &next));
        for vector in vectors.iter().chain(&vectors) {
            let along = dot(vector, &next);
            let components = next.iter_mut().zip(vector);
            components.for_each(|(next, value)| *next -= along * value);
        }
        let (next, length) = unit(next);
        if size >= FIRST_CHECK && (size - FIRST_CHECK).is_multiple_of(CHECKED) {
            let small = Mat::from_fn(size, size, |row, column| match row.abs_diff(column) {
                0 => diagonal[row],
                1 => next_to[row.min(column)],
                _ => 0.0,
            });
            let found = whole(&small, count)?;
            if (0..count).all(|k| (length * found[(size - 1, k)]).abs() <= tolerance) {
                return Some(Mat::from_fn(n, count, |row, column| {
                    let parts = vectors.iter().enumerate();
                    parts
                        .map(|(k, vector)| vector[row] * found[(k, column)])
                        .sum()
                }));
            }
        }
        next_to.push(length);
        vectors.push(next);
    }
    None
}

/// A vector of length 1 in the same direction, and the length it had.
fn unit(vector: Vec<f64>) -> (Vec<f64>, f64) {
    let length = dot(&vector, &vector).sqrt();
    (vector.iter().map(|value| value / length).collect(), length)
}

fn slice(column: ColRef<'_, f64>) -> &[f64] {
    column.try_as_col_major().expect("contiguous").as_slice()
}

/// By the whole decomposition.
fn whole(matrix: &Mat<f64>, count: usize) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    let found = matrix.self_adjoint_eigen(Side::Lower).ok()?;
    Some(Mat::from_fn(n, count, |row, from_last| {
        found.U()[(row, n - 1 - from_last)]
    }))
}

/// A vector or its negative, whichever has a positive product with drawn numbers.
fn signed(vector: Vec<f64>) -> Vec<f64> {
    let product = vector.iter().enumerate().map(|(k, value)| value * drawn(k));
    let sign = if product.sum::<f64>() < 0.0 {
        -1.0
    } else {
        1.0
    };
    vector.iter().map(|value| sign * value).collect()
}

/// A number in 0..1 drawn by index, the same in every run.
fn drawn(index: usize) -> f64 {
    f64::from(draw::block(0, Stream::Start, 2, 0, index as u32)[0]) / 2f64.powi(32)
}
