//! `forward_backward` alone: each workgroup's partial sum of the gradient, its losses and its misses, against the reference
//! summed over the same examples.

use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::{Engine, State};
use gpu_train::gpu::layout::packing::{PACKED_VECTORS, pack, packed_indices};
use gpu_train::gpu::layout::sizes::CODE_BYTES;
use gpu_train::gpu::wgsl::uniform::StepParams;
use gpu_train::gpu::{Program, Sizes, Tiling, Variant, WeightPath};
use gpu_train::net::{CLASSES, H1B, PARAMETERS, PIXELS, Parameters};
use gpu_train::recipe::{Activation, Length, Loss, Recipe, RecipeName};
use gpu_train::reference::{self as twin, Reference};

use super::cases::{Data, parameters};
use super::forward::PROGRESS;
use super::setup::{Expected, Number};
use super::{Ready, Setup};
use crate::common::compare::Tolerance;
use crate::common::{Noise, random_set};

/// As for the engine's gradients: a layer's sums are off by about 1e-6 of their largest term, each layer passes on what
/// it was given, and WGSL lets tanh and exp be off by about 1e-5 besides.
const PARTIAL: Tolerance = Tolerance::of(1e-5, 1e-4);

/// One dispatch of `forward_backward`.
#[derive(Debug, Clone, Copy)]
pub struct ForwardBackwardCase {
    pub tiling: Tiling,
    pub activation: Activation,
    pub loss: Loss,
    pub shift: u32,
    pub dropout: f64,
    /// True where the gradient is computed, as in training, not only losses and misses, as in evaluation.
    pub compute_gradient: bool,
    /// The shard of the set, and their number.
    pub shard: (usize, usize),
    pub data: Data,
    pub examples: usize,
}

impl Default for ForwardBackwardCase {
    fn default() -> Self {
        Self {
            // As the engine's tests have it: a text that is compiled once is not compiled again.
            tiling: Tiling {
                tile: 4,
                lanes: 96,
                groups: 7,
                weights: WeightPath::Uniform,
                keep_x: true,
                checks: true,
            },
            activation: Activation::Relu,
            loss: Loss::CrossEntropy,
            shift: 1,
            dropout: 0.25,
            compute_gradient: true,
            shard: (0, 1),
            data: Data::Noise,
            examples: 65,
        }
    }
}

impl std::fmt::Display for ForwardBackwardCase {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (shard, shards) = self.shard;
        write!(
            f,
            "forward_backward::{:?}_{:?}_",
            self.activation, self.loss
        )?;
        write!(f, "shift_{}_p_{}_", self.shift, self.dropout)?;
        if !self.compute_gradient {
            write!(f, "evaluation_")?;
        }
        if shards > 1 {
            write!(f, "shard_{shard}_of_{shards}_")?;
        }
        if self.data != Data::Noise {
            write!(f, "{:?}_", self.data)?;
        }
        write!(f, "{}_{}", self.examples, self.tiling)
    }
}

impl ForwardBackwardCase {
    pub fn of(self, examples: usize) -> Self {
        Self { examples, ..self }
    }

    pub fn with_tanh(self) -> Self {
        Self {
            activation: Activation::Tanh,
            loss: Loss::Mse,
            ..self
        }
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            length: Length::Steps(20),
            activation: self.activation,
            loss: self.loss,
            shift: self.shift,
            dropout: self.dropout,
            // Above 2³², so that both words of the seed count.
            seed: 0x0123_4567_89ab_cdef,
            ..Recipe::named(RecipeName::FullBatchMuon)
        }
    }

    fn set(&self, noise: &mut Noise) -> Dataset {
        let random = random_set(self.examples, noise.bits());
        let mut labels = random.labels().to_vec();
        let mut codes = Vec::with_capacity(self.examples * PIXELS);
        for (example, label) in labels.iter_mut().enumerate() {
            let grey = [0, 16_320, 10_200][noise.bits() as usize % 3];
            match self.data {
                Data::Constant => codes.extend([grey; PIXELS]),
                _ => codes.extend_from_slice(random.image_codes(example)),
            }
            if self.data == Data::Broken {
                // Where no output is the largest the reference guesses the first class.
                *label = (*label).max(1);
            }
        }
        Dataset::new(codes, random.denominator(), labels)
    }

    fn parameters(&self, noise: &mut Noise) -> Parameters {
        let mut parameters = parameters(self.data, noise);
        if self.data == Data::Broken {
            parameters.tensor_mut(&H1B)[100] = f32::NAN;
        }
        parameters
    }

    /// The dispatch with its contents and what must come out.
    pub fn ready(&self) -> Ready {
        let mut noise = Noise(self.examples as u64);
        let (set, parameters) = (self.set(&mut noise), self.parameters(&mut noise));
        let recipe = self.recipe();
        let (shard, shards) = self.shard;
        let sizes = Sizes {
            image_buffer_bytes: CODE_BYTES * self.examples.div_ceil(shards) as u64,
            ..Sizes::of(self.examples, 1)
        };
        let program = Program::build(&recipe, sizes, Variant::Fused(self.tiling));
        let program = program.expect("a program");
        let plan = if self.compute_gradient {
            &program.training
        } else {
            &program.evaluate_train
        };
        let dispatch = &plan.dispatches[shard];
        let params = program.params(dispatch).expect("its uniform");
        let mut setup = Setup::default();
        give(&mut setup, &set, params, &parameters);
        if shard == 0 {
            let state = PROGRESS.map(f64::from).to_vec();
            setup.expect_all("step_state", state, Number::U32, Tolerance::EXACT);
        }
        let rows = dispatch.workgroups[0] as usize;
        let sums = self.sums(set.clone(), params, rows, &parameters);
        for (row, sums) in sums.iter().enumerate() {
            self.expect(&mut setup, params.first_row as usize + row, sums);
        }
        let words = params.words(&recipe, set.denominator());
        Ready::of(self.to_string(), &program, dispatch, words, setup)
    }

    /// Sums of each workgroup, which takes every `rows`-th tile.
    fn sums(
        &self,
        set: Dataset,
        params: &StepParams,
        rows: usize,
        parameters: &Parameters,
    ) -> Vec<Sums> {
        let labels = set.labels().to_vec();
        let digits = Digits {
            train: set.clone(),
            test: set,
            source: "random".into(),
        };
        let mut recipe = self.recipe();
        if !params.purpose.learns() {
            (recipe.shift, recipe.dropout) = (0, 0.0);
        }
        let mut reference =
            Reference::<f64>::new(digits, recipe, parameters).expect("a valid recipe");
        let mut state = State::start(parameters.clone());
        state.step = PROGRESS[0];
        reference.restore(&state).expect("any state");
        let mut all: Vec<Sums> = (0..rows).map(|_| Sums::default()).collect();
        for within in 0..params.examples as usize {
            let example = params.first as usize + within;
            let sums = &mut all[within / self.tiling.tile as usize % rows];
            let (values, loss) = reference.forward_backward(example, 1.0 / f64::from(params.batch));
            values.add_gradient(&mut sums.gradient);
            let mut unused = vec![0.0; CLASSES];
            let (_, missed) = twin::loss(
                &values.out,
                labels[example],
                self.activation,
                self.loss,
                1.0,
                &mut unused,
            );
            sums.loss += loss;
            sums.missed += u32::from(missed);
        }
        all
    }

    fn expect(&self, setup: &mut Setup, row: usize, sums: &Sums) {
        let first = row * 4 * (PACKED_VECTORS + 1);
        if self.compute_gradient {
            let mut spare = vec![true; 4 * PACKED_VECTORS];
            let indices = packed_indices();
            for &index in &indices {
                spare[index as usize] = false;
            }
            let spare = (0..spare.len()).filter(|&index| spare[index]);
            let spare = spare.map(|index| first + index).collect();
            if self.data == Data::Broken {
                // NaN times a weight of zero.
                setup.leave_unchecked("partial", spare);
            } else {
                setup.expect_zeros("partial", spare);
            }
            for tensor in &PARAMETERS {
                let at = indices[tensor.range()].iter();
                let expected = Expected {
                    name: format!("{} of row {row}", tensor.name),
                    at: at.map(|&index| first + index as usize).collect(),
                    values: sums.gradient.tensor(tensor).to_vec(),
                    number: Number::F32,
                    tolerance: PARTIAL,
                };
                setup.expect("partial", expected);
            }
        }
        let last = first + 4 * PACKED_VECTORS;
        let name = format!("losses of row {row}");
        setup.expect_one("partial", &name, last, sums.loss, (Number::F32, PARTIAL));
        let name = format!("misses of row {row}");
        let exact = (Number::F32, Tolerance::EXACT);
        setup.expect_one("partial", &name, last + 1, sums.missed.into(), exact);
        setup.expect_zeros("partial", vec![last + 2, last + 3]);
    }
}

/// Sums that a workgroup writes.
struct Sums {
    gradient: Parameters<f64>,
    loss: f64,
    missed: u32,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            gradient: Parameters::zeros(),
            loss: 0.0,
            missed: 0,
        }
    }
}

fn give(setup: &mut Setup, set: &Dataset, params: &StepParams, parameters: &Parameters) {
    setup.give("weights", &pack(parameters));
    let examples = params.first as usize..(params.first + params.examples) as usize;
    let labels = set.labels()[examples.clone()].iter();
    setup.give_words("labels", labels.map(|&label| label.into()).collect());
    // [pair of pixels][example]
    let mut words = Vec::with_capacity(PIXELS / 2 * examples.len());
    for pair in 0..PIXELS / 2 {
        words.extend(examples.clone().map(|example| {
            let codes = &set.image_codes(example)[2 * pair..];
            u32::from(codes[0]) | u32::from(codes[1]) << 16
        }));
    }
    setup.give_words("codes", words);
    setup.give_words("progress", PROGRESS.to_vec());
}

/// Two shapes at sizes around a tile, around all workgroups' first tiles and beyond; both activations and losses; no
/// draws and other ones; a shard of a set; saturated data.
pub fn forward_backward_cases() -> Vec<ForwardBackwardCase> {
    let usual = ForwardBackwardCase::default();
    let small = ForwardBackwardCase {
        tiling: Tiling {
            tile: 2,
            weights: WeightPath::Storage,
            keep_x: false,
            ..usual.tiling
        },
        ..usual
    };
    let mut cases = Vec::new();
    for case in [usual, small] {
        cases.extend([1, 5, 63, 64, 65, 1_757].map(|examples| case.of(examples)));
        cases.push(ForwardBackwardCase {
            shard: (1, 3),
            ..case
        });
    }
    // Of ReLU, f32 and f64 disagree there on the sign of a sum next to 0.
    cases.push(ForwardBackwardCase {
        activation: Activation::Tanh,
        ..usual.of(7_291)
    });
    let evaluation = ForwardBackwardCase {
        compute_gradient: false,
        ..usual
    };
    cases.extend([evaluation, evaluation.of(1)]);
    for (shift, dropout) in [(0, 0.0), (2, 0.5)] {
        cases.push(ForwardBackwardCase {
            shift,
            dropout,
            ..usual
        });
    }
    for (activation, loss) in [
        (Activation::Tanh, Loss::Mse),
        (Activation::Tanh, Loss::CrossEntropy),
        (Activation::Relu, Loss::Mse),
        (Activation::ScaledTanh, Loss::Mse),
    ] {
        cases.push(ForwardBackwardCase {
            activation,
            loss,
            ..usual
        });
    }
    for data in [Data::Saturated, Data::Constant, Data::Broken] {
        let case = ForwardBackwardCase { data, ..usual };
        cases.extend([case, case.with_tanh()]);
    }
    cases
}

/// A case of each other tile and number of lanes that have room in 32 KiB, with both ways for weights and images.
pub fn other_shapes() -> Vec<ForwardBackwardCase> {
    use WeightPath::{Storage, Uniform};
    let shapes = [
        (2, 192, Uniform, true),
        (4, 128, Storage, true),
        (4, 256, Uniform, false),
        (6, 96, Storage, false),
        (8, 128, Storage, false),
        (10, 128, Uniform, false),
    ];
    let case = ForwardBackwardCase::default();
    let of = |(tile, lanes, weights, keep_x)| ForwardBackwardCase {
        tiling: Tiling {
            tile,
            lanes,
            weights,
            keep_x,
            ..case.tiling
        },
        ..case
    };
    shapes.map(of).to_vec()
}
