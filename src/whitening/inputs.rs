//! A layer's inputs over a sample of examples: means and covariance of the units below it.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::dot;
use crate::data::Examples;
use crate::net::{
    CLASSES, H2_SOURCES, KERNEL, LAYERS, Layer, PADDING, PADDING_VALUE, PIXELS, Parameters, SIDE,
    STRIDE, TAPS,
};
use crate::recipe::Activation;
use crate::threads::Threads;

/// Units of a job for one thread.
const UNITS: usize = 48;

/// A layer's units: `[row][column][map]`. A row of a patch is stored together, whichever maps are seen.
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
        (row * self.side + column) * self.maps + map
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

    /// Covariance of centred units, for each job's units `[unit][unit]`: of each with the job's and later ones before `end`.
    fn covariance(&self, end: &[usize], threads: &Threads) -> Vec<Mat<f64>> {
        let columns = |job: usize| job * UNITS..self.count().min((job + 1) * UNITS);
        let zeros =
            |(job, &end): (usize, &usize)| Mat::zeros(end - job * UNITS, columns(job).len());
        let mut covariance: Vec<_> = end.iter().enumerate().map(zeros).collect();
        let scale = 1.0 / self.examples as f64;
        let jobs = covariance.iter_mut().zip(end).enumerate();
        threads.for_each(jobs.collect(), |_, (job, (to, &end))| {
            let (left, right) = (self.matrix(job * UNITS..end), self.matrix(columns(job)));
            let (to, left) = (to.as_mut(), left.transpose());
            matmul(to, Accum::Replace, left, right, scale, Par::Seq);
        });
        covariance
    }
}

/// Mean and covariance of a layer's inputs, and the inputs around their mean.
pub struct Inputs {
    depth: usize,
    /// `[unit]` of the layer below.
    mean: Vec<f64>,
    centred: Units,
    /// Covariance of a patch of all maps around its mean at each position, mean over the positions: `[place][place]`, of
    /// each place with itself and later ones.
    covariance: Vec<f64>,
    /// Places in a patch, by `[group][input]`.
    places: Vec<Vec<usize>>,
    /// Unit below, by `[position][place]`; `None` in the padding.
    patches: Vec<Vec<Option<usize>>>,
}

impl Inputs {
    /// Of the layer at this depth, from the values of the units below it.
    pub fn of(depth: usize, values: Units, threads: &Threads) -> Self {
        let layer = &LAYERS[depth];
        let (mean, centred) = values.centre(threads);
        let patches: Vec<_> = (0..layer.positions).map(|at| patch(depth, at)).collect();
        let mut end = vec![0; mean.len().div_ceil(UNITS)];
        for patch in &patches {
            let mut units = patch.iter().flatten();
            let last = units.next_back().expect("not all padding");
            for unit in units.chain([last]) {
                end[unit / UNITS] = end[unit / UNITS].max(last + 1);
            }
        }
        Self {
            covariance: of_patches(&patches, &centred.covariance(&end, threads), threads),
            places: (0..layer.groups)
                .map(|group| places(depth, group))
                .collect(),
            depth,
            mean,
            centred,
            patches,
        }
    }

    /// The layer that they are of.
    pub fn layer(&self) -> &'static Layer {
        &LAYERS[self.depth]
    }

    /// Units below that a group's rows see at a position, by input; `None` in the padding.
    fn below(&self, group: usize, position: usize) -> impl Iterator<Item = Option<usize>> {
        let patch = &self.patches[position];
        self.places[group].iter().map(|&place| patch[place])
    }

    /// Mean inputs of a group's rows, `[position][input]`.
    pub fn mean(&self, group: usize) -> Vec<f64> {
        let inputs = (0..self.patches.len()).flat_map(|position| self.below(group, position));
        let padding = f64::from(PADDING_VALUE);
        inputs
            .map(|unit| unit.map_or(padding, |unit| self.mean[unit]))
            .collect()
    }

    /// Covariance of a group's inputs around their mean at each position, mean over the positions: `[input][input]`. The
    /// padding is constant.
    pub fn covariance(&self, group: usize) -> Mat<f64> {
        let (places, size) = (&self.places[group], self.patches[0].len());
        Mat::from_fn(places.len(), places.len(), |row, column| {
            let (row, column) = (places[row], places[column]);
            self.covariance[row.min(column) * size + row.max(column)]
        })
    }

    /// Sum of a group's inputs around their mean over the examples of each class, by the number of all examples:
    /// `[input][position, class]`.
    pub fn of_classes(&self, sums: &[[f64; CLASSES]], group: usize) -> Mat<f64> {
        let mut of_classes = Mat::zeros(self.layer().inputs(), CLASSES * self.patches.len());
        for position in 0..self.patches.len() {
            for (input, unit) in self.below(group, position).enumerate() {
                let sums = unit.map_or([0.0; CLASSES], |unit| sums[unit]);
                for (class, sum) in sums.into_iter().enumerate() {
                    of_classes[(input, position * CLASSES + class)] = sum;
                }
            }
        }
        of_classes
    }

    /// The same of the units below, `[unit][class]`.
    pub fn class_sums(&self, labels: &[u8], threads: &Threads) -> Vec<[f64; CLASSES]> {
        let of_class = |class, example: usize| f64::from(usize::from(labels[example]) == class);
        let of_class = Mat::from_fn(CLASSES, labels.len(), of_class);
        let share = 1.0 / labels.len() as f64;
        let mut sums = vec![[0.0; CLASSES]; self.centred.count()];
        let jobs = sums.chunks_mut(UNITS).enumerate().collect();
        threads.for_each(jobs, |_, (job, sums): (usize, &mut [[f64; CLASSES]])| {
            let units = self.centred.matrix(job * UNITS..job * UNITS + sums.len());
            let (to, count) = (sums.as_flattened_mut(), units.ncols());
            let to = MatMut::from_column_major_slice_mut(to, CLASSES, count);
            matmul(
                to,
                Accum::Replace,
                of_class.as_ref(),
                units,
                share,
                Par::Seq,
            );
        });
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
            let mut shifts = Vec::with_capacity(grid.row());
            for at in 0..grid.row() {
                let (map, position) = (at % grid.maps, row * grid.side + at / grid.maps);
                let group = map / layer.group_rows();
                let weights = &weights[map * n..][..n];
                for (unit, &weight) in self.below(group, position).zip(weights) {
                    if let Some(unit) = unit {
                        spread[(unit - units.start, at)] = weight;
                    }
                }
                let bias = f64::from(biases[map * layer.positions + position]);
                shifts.push(bias + dot(&means[group][position * n..][..n], weights));
            }
            let (count, size) = (from.examples, grid.row());
            let to = MatMut::from_column_major_slice_with_stride_mut(values, count, size, stride);
            let below = from.matrix(units);
            matmul(to, Accum::Replace, below, spread.as_ref(), 1.0, Par::Seq);
            for (values, shift) in values.chunks_exact_mut(stride).zip(shifts) {
                let values = values[..count].iter_mut();
                values.for_each(|value| *value = activate(activation, *value + shift));
            }
        });
        values
    }

    /// The range of units below that the layer sees at these positions.
    fn seen(&self, positions: Range<usize>) -> Range<usize> {
        let units = self.patches[positions].iter().flatten().flatten();
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

/// Mean covariance of patches, of each place with itself and later ones, from that of the units.
fn of_patches(
    patches: &[Vec<Option<usize>>],
    of_units: &[Mat<f64>],
    threads: &Threads,
) -> Vec<f64> {
    let size = patches[0].len();
    let runs: Vec<_> = patches.iter().map(|patch| runs(patch)).collect();
    let mut mean = vec![0.0; size * size];
    let jobs = mean.chunks_mut(UNITS * size).enumerate().collect();
    threads.for_each(jobs, |_, (job, mean): (usize, &mut [f64])| {
        for (patch, runs) in patches.iter().zip(&runs) {
            for (to, place) in mean.chunks_exact_mut(size).zip(job * UNITS..) {
                let Some(unit) = patch[place] else { continue };
                let from = of_units[unit / UNITS].col(unit % UNITS);
                let from = from.try_as_col_major().expect("contiguous").as_slice();
                let of_job = unit / UNITS * UNITS;
                for &(first, unit, length) in runs {
                    let before = place.saturating_sub(first).min(length);
                    if before < length {
                        let from = &from[unit + before - of_job..];
                        let to = to[first + before..first + length].iter_mut();
                        to.zip(from).for_each(|(to, from)| *to += from);
                    }
                }
            }
        }
        let share = 1.0 / patches.len() as f64;
        mean.iter_mut().for_each(|value| *value *= share);
    });
    mean
}

/// Neighbouring places that are neighbouring units: first place, first unit, and their number.
fn runs(patch: &[Option<usize>]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (place, unit) in patch.iter().enumerate() {
        let Some(unit) = *unit else { continue };
        match runs.last_mut() {
            Some((first, start, length))
                if (*first + *length, *start + *length) == (place, unit) =>
            {
                *length += 1;
            }
            _ => runs.push((place, unit, 1)),
        }
    }
    runs
}

/// Units below, of the places of a patch of all maps that the layer at this depth sees at a position: `[row][column][map]`,
/// `None` in the padding.
fn patch(depth: usize, position: usize) -> Vec<Option<usize>> {
    let grid = Grid::below(depth);
    if LAYERS[depth].positions == 1 {
        return (0..grid.maps * grid.side * grid.side).map(Some).collect();
    }
    let side = Grid::of(depth).side;
    let (row, column) = (STRIDE * (position / side), STRIDE * (position % side));
    let unit = |place: usize| {
        let (tap, map) = (place / grid.maps, place % grid.maps);
        let row = (row + tap / KERNEL).checked_sub(PADDING)?;
        let column = (column + tap % KERNEL).checked_sub(PADDING)?;
        (row < grid.side && column < grid.side).then(|| grid.unit(map, row, column))
    };
    (0..TAPS * grid.maps).map(unit).collect()
}

/// Places in a patch, of the inputs that a group's rows of the layer at this depth see.
fn places(depth: usize, group: usize) -> Vec<usize> {
    let (layer, maps) = (&LAYERS[depth], Grid::below(depth).maps);
    let taps = match layer.positions {
        1 => layer.inputs() / maps,
        _ => TAPS,
    };
    let place = |input: usize| {
        let (source, tap) = (input / taps, input % taps);
        let map = match depth {
            1 => H2_SOURCES[group * layer.group_rows()][source],
            _ => source,
        };
        tap * maps + map
    };
    (0..layer.inputs()).map(place).collect()
}
