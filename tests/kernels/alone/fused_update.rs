//! `update` alone: the end of a step, from the workgroups' partial sums to the new parameters.

use gpu_train::gpu::layout::packing::{PACKED_VECTORS, pack, packed_indices};
use gpu_train::gpu::layout::sizes::{LOSSES, SLOT, STEP, TOTAL_LOSS, TOTAL_MISSED};
use gpu_train::gpu::{Program, Sizes, Tiling, Variant, WeightPath};
use gpu_train::net::{PARAMETER_COUNT, PARAMETERS, ParameterTensor, Parameters};
use gpu_train::recipe::muon::MATRICES;
use gpu_train::recipe::{Length, Optimizer, Recipe, RecipeName};
use gpu_train::reference::{self as twin, AdamW, Rule};

use super::forward::{PROGRESS, wide};
use super::setup::{Expected, Number};
use super::update::{SCALARS, schedule};
use super::{Ready, Setup};
use crate::common::Noise;
use crate::common::compare::Tolerance;

/// Sums of up to 264 numbers of one sign, seventeen to a lane, then a handful of products; WGSL allows a root 2 units in
/// the last place, a quotient 2.5.
const SUMMED: Tolerance = Tolerance::of(3e-7, 5e-6);

/// One dispatch of `update`.
#[derive(Debug, Clone, Copy)]
pub struct UpdateCase {
    pub optimizer: Optimizer,
    /// Rows of `partial`.
    pub rows: usize,
    pub compute_gradient: bool,
    pub is_training: bool,
    /// True where some partial sums are NaN, which must show.
    pub broken: bool,
}

impl std::fmt::Display for UpdateCase {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let evaluation = if self.compute_gradient {
            ""
        } else {
            "evaluation_"
        };
        let standing = if self.is_training { "" } else { "standing_" };
        let broken = if self.broken { "Broken_" } else { "" };
        let optimizer = self.optimizer;
        write!(
            f,
            "update::{optimizer:?}_{evaluation}{standing}{broken}{}",
            self.rows
        )
    }
}

/// Given and expected.
struct Numbers {
    /// `[row][parameter]`
    partial: Vec<f32>,
    parameters: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl UpdateCase {
    fn recipe(&self) -> Recipe {
        Recipe {
            length: Length::Steps(20),
            optimizer: self.optimizer,
            weight_decay: 0.02,
            momentum: 0.9,
            ..Recipe::named(RecipeName::FullBatchMuon)
        }
    }

    /// The dispatch with its contents and what must come out.
    pub fn ready(&self) -> Ready {
        let recipe = self.recipe();
        // One row for every two examples.
        let tiling = Tiling {
            tile: 2,
            lanes: 96,
            groups: 264,
            weights: WeightPath::Storage,
            keep_x: false,
            checks: true,
        };
        let examples = 2 * self.rows;
        let sizes = Sizes::of(examples, 1);
        let program = Program::build(&recipe, sizes, Variant::Fused(tiling)).expect("a program");
        let mut dispatches = program.training.dispatches.iter();
        let dispatch = dispatches.find(|dispatch| dispatch.kernel == "update");
        let dispatch = dispatch.expect("the end of a step");
        let mut params = program.params(dispatch).expect("its uniform").clone();
        assert_eq!(params.rows as usize, self.rows);
        params.compute_gradient = self.compute_gradient;
        params.is_training = self.is_training;
        let words = params.words(&recipe, 1);
        Ready::of(
            self.to_string(),
            &program,
            dispatch,
            words,
            self.setup(examples),
        )
    }

    fn numbers(&self, noise: &mut Noise) -> Numbers {
        let mut numbers = Numbers {
            partial: vec![0.0; self.rows * PARAMETER_COUNT],
            parameters: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
        };
        for parameter in 0..PARAMETER_COUNT {
            // Gradients of all sizes around AdamW's ε, the moments of a size with them.
            let size = match self.optimizer {
                Optimizer::Sgd => 1.0,
                Optimizer::DiagonalNewton => unreachable!("not on a GPU"),
                _ => 10f32.powf(-5.0 + 4.0 * noise.signed()),
            };
            let partial = 2.0 * size * noise.signed() / self.rows as f32;
            let rows = numbers.partial.iter_mut().skip(parameter);
            for place in rows.step_by(PARAMETER_COUNT) {
                *place = partial * (1.0 + 0.5 * noise.signed());
            }
            numbers.parameters.push(noise.signed());
            numbers.first.push(size * noise.signed());
            numbers.second.push((size * noise.signed()).powi(2));
        }
        if self.broken {
            // In the first row and in the last.
            numbers.partial[7] = f32::NAN;
            let end = numbers.partial.len();
            numbers.partial[end - 3_000] = f32::NAN;
        }
        numbers
    }

    fn setup(&self, examples: usize) -> Setup {
        let mut setup = Setup::default();
        let mut noise = Noise(self.rows as u64);
        let numbers = self.numbers(&mut noise);
        schedule(&mut setup, &mut noise);
        setup.give_words("step_state", PROGRESS.to_vec());
        let packed = |values: &[f32]| pack(&Parameters::from_flat(values.to_vec()));
        let (mut sum, mut misses, mut partial) = (0.0, 0, Vec::new());
        for (row, sums) in numbers.partial.chunks_exact(PARAMETER_COUNT).enumerate() {
            partial.extend(packed(sums));
            let mut loss = 1.5 + noise.signed();
            if self.broken && row == self.rows / 2 {
                loss = f32::NAN;
            }
            let missed = noise.bits() % 3;
            partial.extend([loss, missed as f32, 0.0, 0.0]);
            sum += f64::from(loss);
            misses += missed;
        }
        setup.give("partial", &partial);
        setup.give("parameters", &packed(&numbers.parameters));
        let second = packed(&numbers.second);
        setup.give("moments", &[packed(&numbers.first), second].concat());
        self.expect_progress(&mut setup, sum, misses as f64, examples);
        if self.compute_gradient {
            self.expect_parameters(&mut setup, &numbers);
        }
        setup
    }

    fn expect_progress(&self, setup: &mut Setup, sum: f64, misses: f64, examples: usize) {
        let (float, whole) = ((Number::F32, SUMMED), (Number::U32, Tolerance::EXACT));
        setup.expect_one("progress", "sum of losses", TOTAL_LOSS, sum, float);
        setup.expect_one("progress", "misses", TOTAL_MISSED, misses, whole);
        if !self.is_training {
            return;
        }
        let [step, slot] = PROGRESS;
        let mean = sum / examples as f64;
        setup.expect_one("progress", "mean loss", LOSSES + slot as usize, mean, float);
        for (name, at, value) in [("step", STEP, step), ("slot", SLOT, slot)] {
            setup.expect_one("progress", name, at, f64::from(value + 1), whole);
        }
    }

    fn rule(&self) -> Rule<f64> {
        let recipe = self.recipe();
        let [step_size, second_moment_scale, shrink, _] = SCALARS.map(f64::from);
        match self.optimizer {
            Optimizer::Sgd => Rule::Sgd([step_size, recipe.momentum, recipe.weight_decay]),
            Optimizer::DiagonalNewton => unreachable!("not on a GPU"),
            // With Muon the biases alone, with whitened Muon nothing: see `expect_parameters`.
            _ => Rule::AdamW(AdamW {
                beta1: recipe.beta1,
                beta2: recipe.beta2,
                epsilon: recipe.epsilon,
                step_size,
                second_moment_scale,
                shrink,
            }),
        }
    }

    fn expect_parameters(&self, setup: &mut Setup, numbers: &Numbers) {
        let (mut parameters, partial) = (wide(&numbers.parameters), wide(&numbers.partial));
        let (mut first, mut second) = (wide(&numbers.first), wide(&numbers.second));
        let mut gradient = vec![f64::NAN; PARAMETER_COUNT];
        let moments = [first.as_mut_slice(), second.as_mut_slice()];
        twin::update(
            &partial,
            self.rule(),
            &mut parameters,
            moments,
            &mut gradient,
        );
        let kept: &[ParameterTensor] = match self.optimizer {
            Optimizer::Muon => &MATRICES,
            Optimizer::WhitenedMuon => &PARAMETERS,
            _ => &[],
        };
        for at in kept.iter().map(|tensor| tensor.range()) {
            let before = [&numbers.parameters, &numbers.first, &numbers.second];
            for (values, before) in [&mut parameters, &mut first, &mut second]
                .into_iter()
                .zip(before)
            {
                values[at.clone()].copy_from_slice(&wide(&before[at.clone()]));
            }
        }
        let mut expect = |binding, name: &str, first: usize, values| {
            let indices = packed_indices();
            let at: Vec<usize> = indices.iter().map(|&i| first + i as usize).collect();
            // Floats that no parameter fills stay zero.
            let mut spare = vec![true; 4 * PACKED_VECTORS];
            at.iter().for_each(|&index| spare[index - first] = false);
            let spare = (0..spare.len()).filter(|&index| spare[index]);
            setup.expect_zeros(binding, spare.map(|index| first + index).collect());
            let expected = Expected {
                name: name.into(),
                at,
                values,
                number: Number::F32,
                tolerance: SUMMED,
            };
            setup.expect(binding, expected);
        };
        expect("gradient", "gradient", 0, gradient);
        if self.is_training {
            expect("parameters", "parameters", 0, parameters);
            expect("moments", "first moment", 0, first);
            if self.optimizer != Optimizer::Sgd {
                expect("moments", "second moment", 4 * PACKED_VECTORS, second);
            }
        }
    }
}

/// All optimizers at numbers of rows around a workgroup's sixteen parts, learning and not, counted and not, and NaN.
pub fn update_cases() -> Vec<UpdateCase> {
    let mut cases = Vec::new();
    for optimizer in [
        Optimizer::Sgd,
        Optimizer::AdamW,
        Optimizer::Muon,
        Optimizer::WhitenedMuon,
    ] {
        let case = |rows| UpdateCase {
            optimizer,
            rows,
            compute_gradient: true,
            is_training: true,
            broken: false,
        };
        cases.extend([1, 15, 16, 17, 264].map(case));
        let usual = case(17);
        for (compute_gradient, is_training) in [(true, false), (false, false), (false, true)] {
            cases.push(UpdateCase {
                compute_gradient,
                is_training,
                ..usual
            });
        }
        cases.push(UpdateCase {
            broken: true,
            ..usual
        });
    }
    cases
}
