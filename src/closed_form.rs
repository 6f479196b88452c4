//! Weights from a closed form, layer by layer, from the first examples of the training set and their labels.
//!
//! | layer | rows | sums' deviation | bias, besides −W·μ |
//! |---|---|---|---|
//! | H1, and each group of H2 | leading eigenvectors of the inputs' covariance (PCA); the last row separates the classes best (LDA) | 2, 1 | 0, 0.5 |
//! | H3 | least squares onto random ±1 codes of the classes (error-correcting output codes) | 1 | 0.5 |
//! | output | least squares onto the classes, six times | as it comes | 0 |
//!
//! It uses labels, so it is training, and timed as such. The only randomness is the rows' signs and the codes. The same
//! seed gives the same weights to every engine: they are computed here, on the host, in f64.

use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, Par, Side};

use crate::data::Examples;
use crate::draw::{self, Stream};
use crate::error::{Error, Result};
use crate::net::{CLASSES, LAYERS, Layer, Parameters};
use crate::recipe::Functions;
use crate::threads::Threads;
use crate::whitening::{DEPTH, Sample, dot, factor};

/// Damping of each layer's covariance, as a share of its mean eigenvalue.
const DAMPING: [f64; DEPTH] = [0.03, 0.03, 0.1, 0.03];
/// Standard deviation of each hidden layer's sums.
const DEVIATION: [f64; DEPTH - 1] = [2.0, 1.0, 1.0];
/// Factor of the output's least squares.
const OUTPUT_FACTOR: f64 = 6.0;
/// Mean sums of each layer.
const MEAN_SUM: [f64; DEPTH] = [0.0, 0.5, 0.5, 0.0];

/// The weights, and the sample they were made from, behind the last layer's inputs.
///
/// # Errors
/// [`Error::Usage`] if a class has no example among the first `examples`; [`Error::Diverged`] if a layer's inputs have no
/// finite covariance.
pub fn closed_form(
    set: &dyn Examples,
    examples: usize,
    seed: u64,
    functions: Functions,
    threads: &Threads,
) -> Result<(Parameters, Sample)> {
    let examples = examples.min(set.count());
    let labels: Vec<u8> = (0..examples).map(|example| set.label(example)).collect();
    if let Some(missing) = (0..CLASSES as u8).find(|class| !labels.contains(class)) {
        return Err(Error::Usage(format!(
            "--start closed-form: found no digit {missing} among the first {examples} training examples, expected all \
             ten (--statistics-examples)"
        )));
    }
    let mut parameters = Parameters::zeros();
    let mut sample = Sample::new(set, examples, threads);
    for depth in 0..DEPTH {
        let layer = &LAYERS[depth];
        let mut groups: Vec<_> = (0..layer.groups)
            .map(|group| (group, Ok(Vec::new())))
            .collect();
        let (before, at) = (&sample, depth);
        threads.for_each(groups.iter_mut().collect(), |_, (group, rows)| {
            *rows = group_rows(before, &labels, at, *group, seed);
        });
        for (group, rows) in groups {
            set_rows(&mut parameters, &sample, depth, group, &rows?);
        }
        if depth + 1 < DEPTH {
            sample.advance(&parameters, functions, threads);
        }
    }
    Ok((parameters, sample))
}

/// Rows of a group, `[row][input]`.
fn group_rows(
    sample: &Sample,
    labels: &[u8],
    depth: usize,
    group: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>> {
    let layer = &LAYERS[depth];
    let covariance = sample.last().covariance(group);
    let of_classes = sample.last().class_means(group, labels, CLASSES);
    let factor = factor(layer, covariance, DAMPING[depth])?;
    let first = group * layer.group_rows();
    let count = layer.group_rows();
    let mut rows: Vec<Vec<f64>> = match depth {
        0 | 1 => {
            let mut rows = leading(covariance, count - 1);
            rows.push(discriminant(
                factor.L().to_owned(),
                of_classes,
                labels,
                layer,
            ));
            rows
        }
        _ => {
            // Covariances of inputs and targets: a class's target times the sum of its inputs.
            let mut targets = Mat::<f64>::zeros(CLASSES, count);
            for row in 0..count {
                let code = if depth + 1 == DEPTH {
                    let mut one_hot = [0.0; CLASSES];
                    one_hot[row] = 1.0;
                    one_hot
                } else {
                    code(seed, row as u32)
                };
                targets
                    .col_mut(row)
                    .iter_mut()
                    .zip(code)
                    .for_each(|(to, code)| *to = code);
            }
            let mut solved = &of_classes * &targets;
            let l = factor.L();
            solve_lower_triangular_in_place(l, solved.as_mut(), Par::Seq);
            solve_upper_triangular_in_place(l.transpose(), solved.as_mut(), Par::Seq);
            solved
                .col_iter()
                .map(|column| column.iter().copied().collect())
                .collect()
        }
    };
    for (row, weights) in rows.iter_mut().enumerate() {
        let factor = match DEVIATION.get(depth) {
            None => OUTPUT_FACTOR,
            Some(deviation) => {
                let column = Mat::from_fn(weights.len(), 1, |input, _| weights[input]);
                let sums = covariance * &column;
                let variance: f64 = dot(
                    weights,
                    sums.col(0).try_as_col_major().expect("a column").as_slice(),
                );
                let negative =
                    draw::block(seed, Stream::Start, 0, depth as u32, (first + row) as u32)[0] & 1;
                let sign = if depth < 2 && negative == 1 {
                    -1.0
                } else {
                    1.0
                };
                sign * deviation / variance.sqrt()
            }
        };
        weights.iter_mut().for_each(|weight| *weight *= factor);
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err(Error::Diverged(format!(
                "--start closed-form: found inputs of {} that do not vary, expected digits that differ",
                layer.name()
            )));
        }
    }
    Ok(rows)
}

/// Writes a group's rows, and biases under which its sums have their mean.
fn set_rows(
    parameters: &mut Parameters,
    sample: &Sample,
    depth: usize,
    group: usize,
    rows: &[Vec<f64>],
) {
    let layer = &LAYERS[depth];
    let mean = sample.last().mean(group);
    for (row, weights) in rows.iter().enumerate() {
        let row = group * layer.group_rows() + row;
        let rounded: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        for (input, &weight) in rounded.iter().enumerate() {
            parameters.tensor_mut(&layer.weights)[layer.index(row, input)] = weight;
        }
        let weights: Vec<f64> = rounded.iter().map(|&weight| f64::from(weight)).collect();
        let biases = &mut parameters.tensor_mut(&layer.biases)[row * layer.positions..];
        for (bias, mean) in biases.iter_mut().zip(mean.chunks_exact(weights.len())) {
            *bias = (MEAN_SUM[depth] - dot(mean, &weights)) as f32;
        }
    }
}

/// A class code of ±1, centred and scaled to variance 1 over the classes. One that is constant is drawn again.
fn code(seed: u64, unit: u32) -> [f64; CLASSES] {
    let words = (0..).map(|again| draw::block(seed, Stream::Start, 1, unit, again)[0]);
    let varies = |word: &u32| !matches!(word.count_ones(), 0 | 10);
    let word = words
        .map(|word| word & 0x3FF)
        .find(varies)
        .expect("endless");
    let code: [f64; CLASSES] =
        std::array::from_fn(|class| if word >> class & 1 == 1 { 1.0 } else { -1.0 });
    let mean = code.iter().sum::<f64>() / CLASSES as f64;
    let deviation = (1.0 - mean * mean).sqrt();
    code.map(|value| (value - mean) / deviation)
}

/// The leading eigenvectors of a covariance, the largest eigenvalue's first.
///
/// Two things keep them the same on every machine: the diagonal gets a millionth of its mean more, drawn by index, so that
/// no two eigenvalues are equal but for rounding; and a vector's sign is that of its product with drawn numbers.
fn leading(covariance: &Mat<f64>, count: usize) -> Vec<Vec<f64>> {
    let n = covariance.nrows();
    let mean = (0..n).map(|k| covariance[(k, k)]).sum::<f64>() / n as f64;
    let mut apart = covariance.clone();
    for k in 0..n {
        apart[(k, k)] += 1e-6 * mean * fixed(k);
    }
    let found = iterated(&apart, count).unwrap_or_else(|| largest(&apart, count));
    let columns = found.col_iter();
    columns
        .map(|column| signed(column.iter().copied().collect()))
        .collect()
}

/// Eigenvectors of the largest eigenvalues, the largest first; not a number if the matrix is none.
fn largest(matrix: &Mat<f64>, count: usize) -> Mat<f64> {
    let n = matrix.nrows();
    match matrix.self_adjoint_eigen(Side::Lower) {
        Ok(found) => Mat::from_fn(n, count, |row, from_last| {
            found.U()[(row, n - 1 - from_last)]
        }),
        Err(_) => Mat::full(n, count, f64::NAN),
    }
}

/// The same by subspace iteration, several times faster where few of many are wanted; `None` if it is not, or does not
/// converge.
fn iterated(matrix: &Mat<f64>, count: usize) -> Option<Mat<f64>> {
    /// Vectors beside the wanted ones: the more, the faster it converges.
    const MORE: usize = 6;
    const ITERATIONS: usize = 40;
    /// Residual at which a vector counts as found, relative to the largest eigenvalue.
    const RESIDUAL: f64 = 1e-12;
    let n = matrix.nrows();
    let block = count + MORE;
    if 8 * block > n {
        return None;
    }
    let mut vectors = Mat::from_fn(n, block, |row, column| fixed(row * block + column) - 0.5);
    for _ in 0..ITERATIONS {
        let spread = matrix * (matrix * (matrix * &vectors));
        let basis = spread.qr().compute_thin_Q();
        let image = matrix * &basis;
        let small = basis.transpose() * &image;
        let rotation = largest(&small, block);
        vectors = &basis * &rotation;
        let image = image * &rotation;
        let size = vectors.col(0).transpose() * image.col(0);
        let far = (0..count).any(|k| {
            let (vector, image) = (vectors.col(k), image.col(k));
            let value = vector.transpose() * image;
            let residual = (image - vector * faer::Scale(value)).norm_l2();
            residual > RESIDUAL * size
        });
        if !far {
            return Some(vectors.subcols(0, count).to_owned());
        }
    }
    None
}

/// The row whose sums vary most between the classes against their whole variance: the leading generalised eigenvector of
/// M Mᵀ, M being the class means, against the damped covariance L Lᵀ.
fn discriminant(l: Mat<f64>, mut means: Mat<f64>, labels: &[u8], layer: &Layer) -> Vec<f64> {
    for column in 0..means.ncols() {
        let class = (column / layer.positions) as u8;
        let count = labels.iter().filter(|&&label| label == class).count();
        // Sums over the class by its share of the examples: its mean, weighted by that share.
        let share = count as f64 / labels.len() as f64;
        means
            .col_mut(column)
            .iter_mut()
            .for_each(|value| *value /= share.sqrt());
    }
    solve_lower_triangular_in_place(l.as_ref(), means.as_mut(), Par::Seq);
    let between = &means * means.transpose();
    let [row] = &leading(&between, 1)[..] else {
        unreachable!("one")
    };
    let mut row = Mat::from_fn(row.len(), 1, |input, _| row[input]);
    solve_upper_triangular_in_place(l.transpose(), row.as_mut(), Par::Seq);
    row.col(0).iter().copied().collect()
}

/// A vector or its negative, whichever has a positive product with drawn numbers.
fn signed(vector: Vec<f64>) -> Vec<f64> {
    let product: f64 = vector
        .iter()
        .enumerate()
        .map(|(k, value)| value * fixed(k))
        .sum();
    let sign = if product < 0.0 { -1.0 } else { 1.0 };
    vector.iter().map(|value| sign * value).collect()
}

/// A number in 0..1 drawn by index, the same in every run.
fn fixed(index: usize) -> f64 {
    f64::from(draw::block(0, Stream::Start, 2, 0, index as u32)[0]) / 2f64.powi(32)
}
