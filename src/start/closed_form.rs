//! Weights from a closed form, layer by layer, from the first examples of the training set and their labels.
//!
//! | layer | rows | sums' deviation | mean sum |
//! |---|---|---|---|
//! | H1, and each group of H2 | leading eigenvectors of the inputs' covariance (PCA); the last row separates the classes best (LDA) | 2, 1 | 0, 0.5 |
//! | H3 | least squares onto random ±1 codes of the classes (error-correcting output codes) | 1 | 0.5 |
//! | output | least squares onto the classes, six times | as it comes | 0 |
//!
//! It uses labels, so it is training, and timed as such. The only randomness is the rows' signs and the codes. The same
//! seed gives the same weights to every engine: they are computed here, on the host, in f64. On a GPU its 512 examples would
//! fill no more than the gaps between a dozen small decompositions.

use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{ColRef, Mat, Par};

use super::eigen::leading;
use crate::data::Examples;
use crate::draw::{self, Stream};
use crate::error::{Error, Result};
use crate::net::{CLASSES, LAYERS, Layer, Parameters};
use crate::recipe::{Optimizer, Recipe};
use crate::threads::Threads;
use crate::whitening::{GroupWhitening, Inputs, Units, Whitening, dot, factor};

/// Damping of each layer's covariance, as a share of its mean eigenvalue.
const DAMPING: [f64; LAYERS.len()] = [0.03, 0.03, 0.1, 0.03];
/// Standard deviation of each hidden layer's sums.
const DEVIATION: [f64; LAYERS.len() - 1] = [2.0, 1.0, 1.0];
/// Factor of the output's least squares.
const OUTPUT_FACTOR: f64 = 6.0;
/// Mean sums of each layer.
const MEAN_SUM: [f64; LAYERS.len()] = [0.0, 0.5, 0.5, 0.0];

/// The weights, and whitened Muon's statistics at them if the recipe asks for these.
pub fn closed_form(
    recipe: &Recipe,
    set: &dyn Examples,
    threads: &Threads,
) -> Result<(Parameters, Option<Whitening>)> {
    let examples = recipe.curvature_sample as usize;
    let labels: Vec<u8> = (0..examples).map(|example| set.label(example)).collect();
    if let Some(missing) = (0..CLASSES as u8).find(|class| !labels.contains(class)) {
        return Err(Error::Usage(format!(
            "--start: found closed-form and no digit {missing} among the first {examples} training examples, expected \
             all ten (--statistics-examples)"
        )));
    }
    let damping = (recipe.optimizer == Optimizer::WhitenedMuon).then_some(recipe.damping);
    let mut parameters = Parameters::zeros();
    let mut values = Units::pixels(set, examples, threads);
    let mut whitenings = Vec::new();
    for depth in 0..LAYERS.len() {
        let inputs = Inputs::of(depth, values, threads);
        let layer = Fit {
            inputs: &inputs,
            depth,
            labels: &labels,
            seed: recipe.seed,
        };
        whitenings.extend(layer.fit(&mut parameters, damping, threads)?);
        if depth + 1 == LAYERS.len() {
            break;
        }
        values = inputs.forward(&parameters, recipe.activation, threads);
    }
    Ok((parameters, damping.map(|_| Whitening::from(whitenings))))
}

/// A layer to be computed from its inputs.
struct Fit<'a> {
    inputs: &'a Inputs,
    depth: usize,
    labels: &'a [u8],
    seed: u64,
}

/// A part of a group's work, a job for one thread.
#[derive(Clone, Copy)]
enum Part {
    /// All rows but the last, by PCA.
    Principal,
    /// The last row, by LDA.
    Discriminant,
    /// All rows, by least squares.
    LeastSquares,
    /// Whitened Muon's statistics, with this damping.
    Whitening(f64),
}

/// The outcome of a part.
enum Found {
    Rows(Vec<Row>),
    Whitening(GroupWhitening),
}

/// A row's weights and its biases by position.
struct Row {
    index: usize,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

impl Fit<'_> {
    fn layer(&self) -> &'static Layer {
        &LAYERS[self.depth]
    }

    /// Sets the layer's weights and biases. Returns the groups' whitening, if it is asked for.
    fn fit(
        &self,
        parameters: &mut Parameters,
        damping: Option<f64>,
        threads: &Threads,
    ) -> Result<Vec<GroupWhitening>> {
        let layer = self.layer();
        let mut covariances: Vec<_> = (0..layer.groups).map(|_| Mat::new()).collect();
        let jobs = covariances.iter_mut().enumerate().collect();
        threads.for_each(jobs, |_, (group, to): (usize, &mut Mat<f64>)| {
            *to = self.inputs.covariance(group);
        });
        let sums = self.inputs.class_sums(self.labels, threads);
        let rows: &[Part] = match self.depth {
            0 | 1 => &[Part::Principal, Part::Discriminant],
            _ => &[Part::LeastSquares],
        };
        let parts = rows.iter().copied().chain(damping.map(Part::Whitening));
        let mut work: Vec<_> = parts
            .flat_map(|part| (0..layer.groups).map(move |group| (part, group, None)))
            .collect();
        threads.for_each(work.iter_mut().collect(), |_, (part, group, to)| {
            let covariance = &covariances[*group];
            *to = Some(match *part {
                Part::Whitening(damping) => {
                    GroupWhitening::of(self.inputs, *group, covariance, damping)
                        .map(Found::Whitening)
                }
                part => self.rows(part, *group, covariance, &sums).map(Found::Rows),
            });
        });
        let mut whitenings = Vec::new();
        for (_, _, found) in work {
            match found.expect("each job ran")? {
                Found::Rows(rows) => rows.iter().for_each(|row| row.set(layer, parameters)),
                Found::Whitening(found) => whitenings.push(found),
            }
        }
        Ok(whitenings)
    }

    fn constant(&self) -> Error {
        Error::Diverged(format!(
            "--start closed-form: found inputs of {} that do not vary, expected digits that differ",
            self.layer().name()
        ))
    }

    /// Rows of a group.
    fn rows(
        &self,
        part: Part,
        group: usize,
        covariance: &Mat<f64>,
        sums: &[[f64; CLASSES]],
    ) -> Result<Vec<Row>> {
        let directions = self.directions(part, group, covariance, sums);
        let directions = directions.ok_or_else(|| self.constant())?;
        let mean = self.inputs.mean(group);
        let end = self.layer().group_rows() * (group + 1);
        let first = match part {
            Part::Discriminant => end - 1,
            _ => end - self.layer().group_rows(),
        };
        let rows = directions.col_iter().enumerate();
        rows.map(|(row, direction)| self.row(first + row, direction, covariance, &mean))
            .collect()
    }

    /// Directions of a group's rows, `[input][row]`, of any length; `None` if the inputs do not vary.
    fn directions(
        &self,
        part: Part,
        group: usize,
        covariance: &Mat<f64>,
        sums: &[[f64; CLASSES]],
    ) -> Option<Mat<f64>> {
        let count = self.layer().group_rows();
        if let Part::Principal = part {
            return leading(covariance, count - 1);
        }
        let factor = factor(covariance, DAMPING[self.depth])?;
        let l = factor.L();
        let of_classes = self.inputs.of_classes(sums, group);
        let mut solved = match part {
            Part::Discriminant => {
                // Between classes against within: the leading eigenvector of M Mᵀ, M being the class means, each weighted
                // by the root of its share, where the inputs are white.
                let mut means = of_classes;
                self.weight(&mut means);
                solve_lower_triangular_in_place(l, means.as_mut(), Par::Seq);
                leading(&(&means * means.transpose()), 1)?
            }
            _ => {
                let targets = self.targets(count);
                let mut products = &of_classes * &targets;
                solve_lower_triangular_in_place(l, products.as_mut(), Par::Seq);
                products
            }
        };
        solve_upper_triangular_in_place(l.transpose(), solved.as_mut(), Par::Seq);
        Some(solved)
    }

    /// Divides sums of classes by the root of the classes' shares of the examples.
    fn weight(&self, of_classes: &mut Mat<f64>) {
        let mut counts = [0usize; CLASSES];
        let labels = self.labels.iter();
        labels.for_each(|&label| counts[usize::from(label)] += 1);
        for (column, values) in of_classes.col_iter_mut().enumerate() {
            let count = counts[column % CLASSES];
            let share = count as f64 / self.labels.len() as f64;
            values.iter_mut().for_each(|value| *value /= share.sqrt());
        }
    }

    /// Targets of the least squares, `[class][row]`.
    fn targets(&self, rows: usize) -> Mat<f64> {
        let is_output = self.depth + 1 == LAYERS.len();
        let codes: Vec<_> = (0..rows as u32).map(|row| code(self.seed, row)).collect();
        Mat::from_fn(CLASSES, rows, |class, row| {
            if is_output {
                f64::from(class == row)
            } else {
                codes[row][class]
            }
        })
    }

    /// A row in this direction whose sums have their deviation and mean.
    fn row(
        &self,
        index: usize,
        direction: ColRef<'_, f64>,
        covariance: &Mat<f64>,
        mean: &[f64],
    ) -> Result<Row> {
        let factor = match DEVIATION.get(self.depth) {
            Some(deviation) => {
                let variance = direction.transpose() * (covariance * direction);
                self.sign(index) * deviation / variance.sqrt()
            }
            None => OUTPUT_FACTOR,
        };
        let weights: Vec<_> = direction
            .iter()
            .map(|value| (factor * value) as f32)
            .collect();
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(self.constant());
        }
        let rounded: Vec<_> = weights.iter().copied().map(f64::from).collect();
        let means = mean.chunks_exact(rounded.len());
        Ok(Row {
            index,
            weights,
            biases: means
                .map(|mean| (MEAN_SUM[self.depth] - dot(mean, &rounded)) as f32)
                .collect(),
        })
    }

    /// The random sign of an eigenvector; H3's and the output's rows keep theirs.
    fn sign(&self, row: usize) -> f64 {
        let word = draw::block(self.seed, Stream::Start, 0, self.depth as u32, row as u32)[0];
        if self.depth < 2 && word & 1 == 1 {
            -1.0
        } else {
            1.0
        }
    }
}

impl Row {
    fn set(&self, layer: &Layer, parameters: &mut Parameters) {
        let weights = parameters.tensor_mut(&layer.weights);
        for (input, &weight) in self.weights.iter().enumerate() {
            weights[layer.index(self.index, input)] = weight;
        }
        let biases = &mut parameters.tensor_mut(&layer.biases)[self.index * layer.positions..];
        biases[..layer.positions].copy_from_slice(&self.biases);
    }
}

/// A class code of ±1, centred and scaled to variance 1 over the classes. One that is constant is drawn again.
fn code(seed: u64, unit: u32) -> [f64; CLASSES] {
    let words = (0..).map(|again| draw::block(seed, Stream::Start, 1, unit, again)[0] & 0x3FF);
    let varies = |word: &u32| !matches!(word.count_ones(), 0 | 10);
    let word = words.into_iter().find(varies).expect("endless");
    let code: [f64; CLASSES] =
        std::array::from_fn(|class| if word >> class & 1 == 1 { 1.0 } else { -1.0 });
    let mean = code.iter().sum::<f64>() / CLASSES as f64;
    let deviation = (1.0 - mean * mean).sqrt();
    code.map(|value| (value - mean) / deviation)
}
