//! A layer's inputs over a sample of examples: means and covariance of the units below it.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::dot;
use crate::data::Examples;
use crate::net::{
    CLASSES, H1_SIDE, H2_SOURCES, KERNEL, LAYERS, Layer, MAPS, PADDING, PADDING_VALUE, PIXELS,
    Parameters, SIDE, STRIDE, TAPS,
};
use crate::recipe::Activation;
use crate::threads::Threads;

/// Units of a block of the covariance, a job for one thread: a row of all of H1's maps.
const BLOCK: usize = MAPS * H1_SIDE;
/// Units of a job that does little with each.
const UNITS: usize = 48;

/// A layer's units, a row of all maps after the other: `[row][map][column]`. A row of the layer above sees neighbouring
/// rows only, so that its inputs are stored together.
#[derive(Debug, Clone, Copy)]
struct Grid {
    maps: usize,
    side: usize,
}

impl Grid {
    /// Units of the layer at this depth.
    fn of(depth: usize) -> Self {
        Self {
            maps: LAYERS[depth].rows(),
            side: LAYERS[depth].positions.isqrt(),
        }
    }

    /// Units below the layer at this depth.
    fn below(depth: usize) -> Self {
        match depth {
            0 => Self {
                maps: 1,
                side: SIDE,
            },
            _ => Self::of(depth - 1),
        }
    }

    fn unit(self, map: usize, row: usize, column: usize) -> usize {
        (row * self.maps + map) * self.side + column
    }

    /// Units of a row.
    fn row(self) -> usize {
        self.maps * self.side
    }
}

/// Values of a layer's units, of pixels at first.
#[derive(Debug, Clone)]
pub struct Units {
    examples: usize,
    /// Elements from a unit to the next: a cache line more than whole lines, so that units do not compete for the same
    /// lines of a cache.
    stride: usize,
    /// `[unit][stride]`.
    values: Vec<f64>,
}

impl Units {
    fn zeros(units: usize, examples: usize) -> Self {
        let stride = examples.next_multiple_of(8) + 8;
        Self {
            examples,
            stride,
            values: vec![0.0; units * stride],
        }
    }

    /// The pixels of a set's first examples.
    pub fn pixels(set: &dyn Examples, examples: usize, threads: &Threads) -> Self {
        let mut pixels = Self::zeros(PIXELS, examples);
        let (denominator, stride) = (f64::from(set.denominator()), pixels.stride);
        let jobs = pixels.values.chunks_mut(UNITS * stride).enumerate();
        threads.for_each(jobs.collect(), |_, (part, values)| {
            let mut room = [0; PIXELS];
            for example in 0..examples {
                let codes = &set.image(example, &mut room)[part * UNITS..];
                for (unit, &code) in values.chunks_exact_mut(stride).zip(codes) {
                    unit[example] = f64::from(code) / denominator - 1.0;
                }
            }
        });
        pixels
    }

    /// Means by unit, and the values around them.
    fn centre(mut self, threads: &Threads) -> (Vec<f64>, Self) {
        let (examples, stride) = (self.examples, self.stride);
        let mut means = vec![0.0; self.values.len() / stride];
        let jobs = self.values.chunks_mut(UNITS * stride);
        let jobs = jobs.zip(means.chunks_mut(UNITS)).collect();
        threads.for_each(jobs, |_, (values, means): (&mut [f64], &mut [f64])| {
            for (unit, mean) in values.chunks_exact_mut(stride).zip(means) {
                let unit = &mut unit[..examples];
                let (parts, rest) = unit.as_chunks::<8>();
                let mut sums = [0.0; 8];
                for part in parts {
                    sums.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
                }
                let sum = sums.iter().chain(rest).sum::<f64>();
                *mean = sum / examples as f64;
                unit.iter_mut().for_each(|value| *value -= *mean);
            }
        });
        (means, self)
    }

    fn count(&self) -> usize {
        self.values.len() / self.stride
    }

    /// `[example][unit]`, of some units.
    fn matrix(&self, units: Range<usize>) -> MatRef<'_, f64> {
        let values = &self.values[units.start * self.stride..units.end * self.stride];
        MatRef::from_column_major_slice_with_stride(values, self.examples, units.len(), self.stride)
    }

    /// Covariance of centred units, `[unit][unit]`, where `together` says that a patch has units of both blocks; block by
    /// block, whatever the number of threads.
    fn covariance(&self, together: impl Fn(usize, usize) -> bool, threads: &Threads) -> Mat<f64> {
        let units = self.count();
        let block = |at: usize| at * BLOCK..units.min((at + 1) * BLOCK);
        let mut parts = Vec::new();
        for row in 0..units.div_ceil(BLOCK) {
            for column in (0..=row).filter(|&column| together(row, column)) {
                let (rows, columns) = (block(row), block(column));
                let part = Mat::<f64>::zeros(rows.len(), columns.len());
                parts.push((rows, columns, part));
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
pub struct Inputs {
    depth: usize,
    /// `[unit]` of the layer below.
    mean: Vec<f64>,
    centred: Units,
    /// Covariance of the units below, `[unit][unit]`, of those that a patch has together.
    covariance: Mat<f64>,
    /// Unit below, by `[group][position][input]`; `None` in the padding.
    below: Vec<Vec<Vec<Option<usize>>>>,
}

impl Inputs {
    /// Of the layer at this depth, from the values of the units below it.
    pub fn of(depth: usize, values: Units, threads: &Threads) -> Self {
        let layer = &LAYERS[depth];
        let (mean, centred) = values.centre(threads);
        let positions = |group| (0..layer.positions).map(move |at| below(depth, group, at));
        let below: Vec<Vec<_>> = (0..layer.groups)
            .map(|group| positions(group).collect())
            .collect();
        let blocks = mean.len().div_ceil(BLOCK);
        let mut together = vec![false; blocks * blocks];
        for units in below.iter().flatten() {
            let mut seen: Vec<usize> = units.iter().flatten().map(|unit| unit / BLOCK).collect();
            seen.dedup();
            for pair in seen.iter().flat_map(|a| seen.iter().map(move |b| (a, b))) {
                together[pair.0 * blocks + pair.1] = true;
            }
        }
        let together = |a: usize, b: usize| together[a * blocks + b];
        Self {
            covariance: centred.covariance(together, threads),
            depth,
            mean,
            centred,
            below,
        }
    }

    /// The layer that they are of.
    pub fn layer(&self) -> &'static Layer {
        &LAYERS[self.depth]
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
        let (n, positions) = (self.layer().inputs(), &self.below[group]);
        let mut sum = vec![0.0; n * n];
        for units in positions {
            let runs = runs(units);
            for (at, &(first, unit, length)) in runs.iter().enumerate() {
                for along in 0..length {
                    let from = self.covariance.col(unit + along);
                    let from = from.try_as_col_major().expect("contiguous").as_slice();
                    let to = &mut sum[(first + along) * n..][..n];
                    for &(input, unit, length) in &runs[at..] {
                        let to = to[input..input + length].iter_mut();
                        to.zip(&from[unit..]).for_each(|(to, from)| *to += from);
                    }
                }
            }
        }
        let share = 1.0 / positions.len() as f64;
        Mat::from_fn(n, n, |row, column| {
            share * sum[row.min(column) * n + row.max(column)]
        })
    }

    /// Sum of a group's inputs around their mean over the examples of each class, by the number of all examples: `[input][class, position]`.
    pub fn of_classes(&self, sums: &[[f64; CLASSES]], group: usize) -> Mat<f64> {
        let (n, positions) = (self.layer().inputs(), &self.below[group]);
        Mat::from_fn(n, CLASSES * positions.len(), |input, column| {
            let (class, position) = (column / positions.len(), column % positions.len());
            positions[position][input].map_or(0.0, |unit| sums[unit][class])
        })
    }

    /// The same of the units below, `[unit][class]`.
    pub fn class_sums(&self, labels: &[u8], threads: &Threads) -> Vec<[f64; CLASSES]> {
        let share = 1.0 / labels.len() as f64;
        let stride = self.centred.stride;
        let mut sums = vec![[0.0; CLASSES]; self.centred.count()];
        let jobs = self.centred.values.chunks(UNITS * stride);
        let jobs = jobs.zip(sums.chunks_mut(UNITS)).collect();
        threads.for_each(
            jobs,
            |_, (values, sums): (&[f64], &mut [[f64; CLASSES]])| {
                for (unit, sums) in values.chunks_exact(stride).zip(sums) {
                    for (value, &label) in unit.iter().zip(labels) {
                        sums[usize::from(label)] += share * value;
                    }
                }
            },
        );
        sums
    }

    /// The layer's values for all examples.
    ///
    /// A row of its units is one product of matrices: the rows below that it sees, by its weights among zeros.
    pub fn forward(
        &self,
        parameters: &Parameters,
        activation: Activation,
        threads: &Threads,
    ) -> Units {
        let (layer, grid, from) = (self.layer(), Grid::of(self.depth), &self.centred);
        let n = layer.inputs();
        let weights = rows(layer, parameters);
        let biases = parameters.tensor(&layer.biases);
        let means: Vec<_> = (0..layer.groups).map(|group| self.mean(group)).collect();
        let mut values = Units::zeros(layer.rows() * layer.positions, from.examples);
        let stride = values.stride;
        let jobs = values.values.chunks_exact_mut(stride * grid.row());
        threads.for_each(jobs.enumerate().collect(), |_, (row, values)| {
            let units = self.seen(row * grid.side..(row + 1) * grid.side);
            let mut spread = Mat::<f64>::zeros(units.len(), grid.row());
            for (at, values) in values.chunks_exact_mut(stride).enumerate() {
                let (map, position) = (at / grid.side, row * grid.side + at % grid.side);
                let group = map / layer.group_rows();
                let weights = &weights[map * n..][..n];
                for (unit, &weight) in self.below[group][position].iter().zip(weights) {
                    if let Some(unit) = unit {
                        spread[(unit - units.start, at)] = weight;
                    }
                }
                let bias = f64::from(biases[map * layer.positions + position]);
                values.fill(bias + dot(&means[group][position * n..][..n], weights));
            }
            let to = MatMut::from_column_major_slice_with_stride_mut(
                values,
                from.examples,
                grid.row(),
                stride,
            );
            let below = from.matrix(units);
            matmul(to, Accum::Add, below, spread.as_ref(), 1.0, Par::Seq);
            values
                .iter_mut()
                .for_each(|value| *value = activate(activation, *value));
        });
        values
    }

    /// The range of units below that the layer sees at these positions.
    fn seen(&self, positions: Range<usize>) -> Range<usize> {
        let of_groups = self.below.iter().flat_map(|of| &of[positions.clone()]);
        let units = of_groups.flatten().flatten();
        let bounds = units.fold((usize::MAX, 0), |(first, end), &unit| {
            (first.min(unit), end.max(unit + 1))
        });
        bounds.0..bounds.1
    }
}

/// A layer's weights, `[row][input]`.
fn rows(layer: &Layer, parameters: &Parameters) -> Vec<f64> {
    let (n, weights) = (layer.inputs(), parameters.tensor(&layer.weights));
    let at = |at: usize| f64::from(weights[layer.index(at / n, at % n)]);
    (0..layer.rows() * n).map(at).collect()
}

fn activate(activation: Activation, sum: f64) -> f64 {
    let (amplitude, gain) = activation.tanh_scale();
    match activation {
        // Not `max`: that would hide a NaN.
        Activation::Relu if sum < 0.0 => 0.0,
        Activation::Relu => sum,
        Activation::Tanh | Activation::ScaledTanh => amplitude * (gain * sum).tanh(),
    }
}

/// Neighbouring inputs that are neighbouring units: first input, first unit, and their number.
fn runs(units: &[Option<usize>]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (input, unit) in units.iter().enumerate() {
        let Some(unit) = *unit else { continue };
        match runs.last_mut() {
            Some((first, start, length))
                if (*first + *length, *start + *length) == (input, unit) =>
            {
                *length += 1;
            }
            _ => runs.push((input, unit, 1)),
        }
    }
    runs
}

/// Units below, of the inputs that a group's rows of the layer at this depth see at a position; `None` in the padding.
fn below(depth: usize, group: usize, position: usize) -> Vec<Option<usize>> {
    let (layer, grid) = (&LAYERS[depth], Grid::below(depth));
    if layer.positions == 1 {
        let area = grid.side * grid.side;
        let unit = |input: usize| {
            let at = input % area;
            grid.unit(input / area, at / grid.side, at % grid.side)
        };
        return (0..layer.inputs()).map(unit).map(Some).collect();
    }
    let side = Grid::of(depth).side;
    let (row, column) = (STRIDE * (position / side), STRIDE * (position % side));
    let unit = |input: usize| {
        let (source, tap) = (input / TAPS, input % TAPS);
        let map = match grid.maps {
            1 => 0,
            _ => H2_SOURCES[group * layer.group_rows()][source],
        };
        let row = (row + tap / KERNEL).checked_sub(PADDING)?;
        let column = (column + tap % KERNEL).checked_sub(PADDING)?;
        (row < grid.side && column < grid.side).then(|| grid.unit(map, row, column))
    };
    (0..layer.inputs()).map(unit).collect()
}
