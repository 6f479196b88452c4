//! A layer's inputs over a sample of examples: means and covariance of the units below it.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::data::Examples;
use crate::net::{
    H1_AREA, H1_SIDE, H2_SIDE, H2_SOURCES, KERNEL, Layer, PADDING, PADDING_VALUE, PIXELS, SIDE,
    STRIDE, TAPS,
};
use crate::threads::Threads;

/// Examples whose sums are computed together: two AVX-512 vectors, or four of AVX2.
const LANES: usize = 16;
/// Units of a block of the covariance: a job for one thread.
const BLOCK: usize = 96;

/// Values of a layer's units, of pixels at first.
#[derive(Debug, Clone)]
pub struct Units {
    examples: usize,
    /// Elements from a unit to the next: examples rounded up to whole lanes, and a cache line more, so that units do not
    /// compete for the same lines of a cache.
    stride: usize,
    /// `[unit][stride]`.
    values: Vec<f64>,
}

impl Units {
    fn zeros(units: usize, examples: usize) -> Self {
        let stride = examples.next_multiple_of(LANES) + 8;
        Self {
            examples,
            stride,
            values: vec![0.0; units * stride],
        }
    }

    /// The pixels of a set's first examples, `[16][16]`.
    pub fn pixels(set: &dyn Examples, examples: usize) -> Self {
        let mut pixels = Self::zeros(PIXELS, examples);
        let denominator = f64::from(set.denominator());
        let mut room = [0; PIXELS];
        for example in 0..examples {
            let codes = set.image(example, &mut room);
            let units = pixels.values.chunks_exact_mut(pixels.stride);
            for (unit, &code) in units.zip(codes) {
                unit[example] = f64::from(code) / denominator - 1.0;
            }
        }
        pixels
    }

    /// Applies a function to every value.
    pub fn map(mut self, function: impl Fn(f64) -> f64 + Sync, threads: &Threads) -> Self {
        let jobs = self.values.chunks_mut(self.stride * 32).collect();
        threads.for_each(jobs, |_, part: &mut [f64]| {
            part.iter_mut().for_each(|value| *value = function(*value));
        });
        self
    }

    /// Means by unit, and the values around them.
    fn centre(mut self) -> (Vec<f64>, Self) {
        let examples = self.examples;
        let units = self.values.chunks_exact_mut(self.stride);
        let means = units.map(|unit| {
            let mean = unit[..examples].iter().sum::<f64>() / examples as f64;
            unit[..examples].iter_mut().for_each(|value| *value -= mean);
            mean
        });
        (means.collect(), self)
    }

    fn count(&self) -> usize {
        self.values.len() / self.stride
    }

    /// `[example][unit]`, of some units.
    fn matrix(&self, units: std::ops::Range<usize>) -> MatRef<'_, f64> {
        let values = &self.values[units.start * self.stride..units.end * self.stride];
        MatRef::from_column_major_slice_with_stride(values, self.examples, units.len(), self.stride)
    }

    /// Covariance of centred units, `[unit][unit]`; block by block, whatever the number of threads.
    fn covariance(&self, threads: &Threads) -> Mat<f64> {
        let units = self.count();
        let blocks: Vec<_> = (0..units.div_ceil(BLOCK))
            .map(|block| block * BLOCK..units.min((block + 1) * BLOCK))
            .collect();
        let mut parts = Vec::new();
        for (at, rows) in blocks.iter().enumerate() {
            for columns in &blocks[..=at] {
                let part = Mat::<f64>::zeros(rows.len(), columns.len());
                parts.push((rows.clone(), columns.clone(), part));
            }
        }
        let scale = 1.0 / self.examples as f64;
        let jobs = parts.iter_mut().collect();
        threads.for_each(jobs, |_, (rows, columns, part)| {
            let (left, right) = (self.matrix(rows.clone()), self.matrix(columns.clone()));
            let (to, left) = (part.as_mut(), left.transpose());
            matmul(to, Accum::Replace, left, right, scale, Par::Seq);
        });
        let mut whole = Mat::zeros(units, units);
        for (rows, columns, part) in &parts {
            let put = |to: MatMut<'_, f64>, from: MatRef<'_, f64>| {
                let mut to = to.submatrix_mut(rows.start, columns.start, rows.len(), columns.len());
                to.copy_from(from);
            };
            put(whole.as_mut(), part.as_ref());
            put(whole.as_mut().transpose_mut(), part.as_ref());
        }
        whole
    }
}

/// Mean and covariance of a layer's inputs, and the inputs around their mean.
pub struct Inputs<'a> {
    layer: &'a Layer,
    /// `[unit]` of the layer below.
    mean: Vec<f64>,
    centred: Units,
    /// Covariance of the units below, `[unit][unit]`.
    covariance: Mat<f64>,
    /// Unit below, by `[group][position][input]`; `None` in the padding.
    below: Vec<Vec<Vec<Option<usize>>>>,
}

impl<'a> Inputs<'a> {
    /// Of this layer, from the values of the units below it.
    pub fn of(layer: &'a Layer, values: Units, threads: &Threads) -> Self {
        let (mean, centred) = values.centre();
        let positions = |group| (0..layer.positions).map(move |at| below(layer, group, at));
        let below: Vec<Vec<_>> = (0..layer.groups)
            .map(|group| positions(group).collect())
            .collect();
        Self {
            covariance: centred.covariance(threads),
            layer,
            mean,
            centred,
            below,
        }
    }

    /// Mean inputs of a group's rows, `[position][input]`.
    pub fn mean(&self, group: usize) -> Vec<f64> {
        let inputs = self.below[group].iter().flatten();
        let padding = f64::from(PADDING_VALUE);
        inputs
            .map(|unit| unit.map_or(padding, |unit| self.mean[unit]))
            .collect()
    }

    /// Covariance of a group's inputs around their mean at each position, mean over the positions: `[input][input]`. The
    /// padding is constant.
    pub fn covariance(&self, group: usize) -> Mat<f64> {
        let (n, positions) = (self.layer.inputs(), &self.below[group]);
        let mut sum = Mat::<f64>::zeros(n, n);
        for units in positions {
            for (column, unit) in units.iter().enumerate() {
                let Some(unit) = *unit else { continue };
                let from = self
                    .covariance
                    .col(unit)
                    .try_as_col_major()
                    .expect("contiguous")
                    .as_slice();
                let to = sum
                    .col_mut(column)
                    .try_as_col_major_mut()
                    .expect("contiguous")
                    .as_slice_mut();
                for (to, unit) in to[column..].iter_mut().zip(&units[column..]) {
                    *to += unit.map_or(0.0, |unit| from[unit]);
                }
            }
        }
        let share = 1.0 / positions.len() as f64;
        Mat::from_fn(n, n, |row, column| {
            share * sum[(row.max(column), row.min(column))]
        })
    }

    /// The layer's sums over all examples: `offsets[row][position]` plus the weights times the inputs around their mean.
    ///
    /// `weights`: `[row][input]`
    pub fn sums(&self, weights: &[f64], offsets: &[f64], threads: &Threads) -> Units {
        let (layer, from) = (self.layer, &self.centred);
        let mut sums = Units::zeros(layer.rows() * layer.positions, from.examples);
        let stride = sums.stride;
        let jobs = sums.values.chunks_exact_mut(stride * layer.positions);
        threads.for_each(jobs.enumerate().collect(), |_, (row, sums)| {
            let weights = &weights[row * layer.inputs()..][..layer.inputs()];
            let positions = &self.below[row / layer.group_rows()];
            for (position, sums) in sums.chunks_exact_mut(stride).enumerate() {
                let inside = positions[position].iter().zip(weights);
                let taps: Vec<(usize, f64)> = inside
                    .filter_map(|(unit, &weight)| Some((unit.as_ref()? * stride, weight)))
                    .collect();
                let offset = offsets[row * layer.positions + position];
                let lanes = sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate();
                for (at, sums) in lanes {
                    let mut total = [offset; LANES];
                    for &(unit, weight) in &taps {
                        let below = &from.values[unit + at * LANES..][..LANES];
                        for (total, &value) in total.iter_mut().zip(below) {
                            *total += weight * value;
                        }
                    }
                    *sums = total;
                }
            }
        });
        sums
    }
}

/// Units below, of the inputs that a group's rows see at a position; `None` in the padding.
fn below(layer: &Layer, group: usize, position: usize) -> Vec<Option<usize>> {
    let n = layer.inputs();
    if layer.positions == 1 {
        return (0..n).map(Some).collect();
    }
    let (side, below_side) = if layer.positions == H1_AREA {
        (H1_SIDE, SIDE)
    } else {
        (H2_SIDE, H1_SIDE)
    };
    let (row, column) = (STRIDE * (position / side), STRIDE * (position % side));
    let unit = |input: usize| {
        let (source, tap) = (input / TAPS, input % TAPS);
        let map = if below_side == SIDE {
            0
        } else {
            H2_SOURCES[group * layer.group_rows()][source]
        };
        let row = (row + tap / KERNEL).checked_sub(PADDING)?;
        let column = (column + tap % KERNEL).checked_sub(PADDING)?;
        (row < below_side && column < below_side)
            .then(|| (map * below_side + row) * below_side + column)
    };
    (0..n).map(unit).collect()
}
