//! Leading eigenvectors of symmetric matrices, the same on every machine.

use faer::prelude::Reborrow;
use faer::{Col, Mat, Scale, Side};

use crate::draw::{self, Stream};

/// Residual at which an eigenvector counts as found, as a share of the matrix's trace: far below what training would notice.
const TOLERANCE: f64 = 1e-6;
/// The largest side that is decomposed as a whole: Lanczos' vectors would be most of it.
const WHOLE: usize = 64;
/// Lanczos' steps before the first check of the residuals, between two checks, and the most of them.
const FIRST_CHECK: usize = 20;
const CHECKED: usize = 6;
const MOST: usize = 96;

/// The leading eigenvectors of a positive semidefinite matrix, the largest eigenvalue's first, each a column; `None` if it is
/// zero or not finite.
///
/// Two things keep them the same on every machine: the diagonal gets a millionth of its mean more, drawn by index, so that
/// no two eigenvalues are equal but for rounding; and a vector's sign is that of its product with drawn numbers.
pub fn leading(matrix: &Mat<f64>, count: usize) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    let trace = matrix.diagonal().column_vector().sum();
    if !(trace > 0.0 && trace.is_finite()) {
        return None;
    }
    let drawn = Col::from_fn(n, drawn);
    let mut apart = matrix.clone();
    for k in 0..n {
        apart[(k, k)] += 1e-6 * trace / n as f64 * drawn[k];
    }
    let found = match n {
        ..=WHOLE => None,
        _ => partial(&apart, &drawn, count, TOLERANCE * trace),
    };
    let mut found = found.or_else(|| whole(&apart, count))?;
    for mut vector in found.col_iter_mut() {
        if drawn.transpose() * vector.rb() < 0.0 {
            vector *= Scale(-1.0);
        }
    }
    Some(found)
}

/// By Lanczos' iteration, each vector made orthogonal to all before it, twice; `None` if it does not converge.
fn partial(matrix: &Mat<f64>, drawn: &Col<f64>, count: usize, tolerance: f64) -> Option<Mat<f64>> {
    // The matrix by the vectors is tridiagonal: its diagonal, and the one next to it.
    let (mut diagonal, mut next_to) = (Vec::new(), Vec::new());
    let mut vectors = Mat::zeros(drawn.nrows(), MOST);
    let mut next = drawn - Col::full(drawn.nrows(), 0.5);
    for size in 1..=MOST {
        let length = next.norm_l2();
        next_to.push(length);
        vectors.col_mut(size - 1).copy_from(next / Scale(length));
        let found = vectors.subcols(0, size);
        let last = found.col(size - 1);
        next = matrix * last;
        diagonal.push(last.transpose() * &next);
        for _ in 0..2 {
            let along = found.transpose() * &next;
            next -= found * along;
        }
        if size >= FIRST_CHECK && (size - FIRST_CHECK).is_multiple_of(CHECKED) {
            let small = Mat::from_fn(size, size, |row, column| match row.abs_diff(column) {
                0 => diagonal[row],
                1 => next_to[row.max(column)],
                _ => 0.0,
            });
            let parts = whole(&small, count)?;
            let mut last = parts.row(size - 1).iter();
            if last.all(|part| (next.norm_l2() * part).abs() <= tolerance) {
                return Some(found * &parts);
            }
        }
    }
    None
}

/// By the whole decomposition.
fn whole(matrix: &Mat<f64>, count: usize) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    let found = matrix.self_adjoint_eigen(Side::Lower).ok()?;
    Some(Mat::from_fn(n, count, |row, from_last| {
        found.U()[(row, n - 1 - from_last)]
    }))
}

/// A number in 0..1 drawn by index, the same in every run.
fn drawn(index: usize) -> f64 {
    f64::from(draw::block(0, Stream::Start, 2, 0, index as u32)[0]) / 2f64.powi(32)
}
