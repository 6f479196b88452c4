//! `pass` alone: each workgroup's share of the gradient, its losses and its misses, against the reference summed over the
//! very examples that the workgroup goes through.

use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::{Engine, State};
use gpu_train::gpu::Variant;
use gpu_train::gpu::compose::Run;
use gpu_train::gpu::fused::{Tiling, WeightPath};
use gpu_train::gpu::layout::CODE_BYTES;
use gpu_train::gpu::packing::{PACKED_VECTORS, pack, places};
use gpu_train::gpu::plan::{Program, RunSpec};
use gpu_train::net::{CLASSES, H1B, PARAMETERS, PIXELS, Parameters};
use gpu_train::recipe::{Activation, Length, Loss, Name, Recipe};
use gpu_train::reference::{self as twin, Reference};

use super::cases::{Data, parameters};
use super::forward::PROGRESS;
use super::setup::{Number, Part};
use super::{Ready, Setup};
use crate::common::compare::Tolerance;
use crate::common::{Noise, random_set};

/// As for the engine's gradients: a layer's sums are off by about 1e-6 of their largest term, each layer passes on what
/// it was given, and WGSL lets tanh and exp be off by about 1e-5 besides.
const SHARE: Tolerance = Tolerance::of(1e-5, 1e-4);

/// One dispatch of `pass`.
#[derive(Debug, Clone, Copy)]
pub struct PassCase {
    pub tiling: Tiling,
    pub activation: Activation,
    pub loss: Loss,
    pub shift: u32,
    pub dropout: f64,
    /// Whether the gradient is wanted, as in training, or only losses and misses, as in evaluation.
    pub learn: bool,
    /// Which of how many parts of the set.
    pub part: (usize, usize),
    pub data: Data,
    pub examples: usize,
}

impl Default for PassCase {
    fn default() -> Self {
        Self {
            // As the engine's tests have it: a text that is compiled once is not compiled again.
            tiling: Tiling {
                tile: 4,
                lanes: 96,
                groups: 7,
                weights: WeightPath::Uniform,
                keep_x: true,
            },
            activation: Activation::Relu,
            loss: Loss::CrossEntropy,
            shift: 1,
            dropout: 0.25,
            learn: true,
            part: (0, 1),
            data: Data::Noise,
            examples: 65,
        }
    }
}

impl std::fmt::Display for PassCase {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (part, parts) = self.part;
        write!(f, "pass::{:?}_{:?}_", self.activation, self.loss)?;
        write!(f, "shift_{}_p_{}_", self.shift, self.dropout)?;
        if !self.learn {
            write!(f, "evaluation_")?;
        }
        if parts > 1 {
            write!(f, "part_{part}_of_{parts}_")?;
        }
        if self.data != Data::Noise {
            write!(f, "{:?}_", self.data)?;
        }
        write!(f, "{}_{}", self.examples, self.tiling)
    }
}

impl PassCase {
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
            ..Recipe::named(Name::FullBatch)
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
        let (part, parts) = self.part;
        let bytes = CODE_BYTES * self.examples.div_ceil(parts) as u64;
        let variant = Variant::Fused(self.tiling);
        let program = Program::with(&recipe, self.examples, 1, variant, bytes);
        let plan = if self.learn {
            &program.training
        } else {
            &program.evaluate_train
        };
        let dispatch = &plan.dispatches[part];
        let run = program
            .runs
            .iter()
            .find(|run| run.name == dispatch.bindings[0]);
        let run = run.expect("its uniform");
        let mut setup = Setup::default();
        give(&mut setup, &set, run, &parameters);
        if part == 0 {
            let now = PROGRESS.map(f64::from).to_vec();
            setup.expect_all("now", now, Number::U32, Tolerance::EXACT);
        }
        let rows = dispatch.workgroups[0] as usize;
        for (row, share) in self
            .shares(set.clone(), run, rows, &parameters)
            .iter()
            .enumerate()
        {
            self.expect(&mut setup, run.first_row as usize + row, share);
        }
        let words = Run::of(run, set.denominator()).words(&recipe);
        Ready::of(self.to_string(), &program, dispatch, words, setup)
    }

    /// What each workgroup sums: it takes every so many tiles.
    fn shares(
        &self,
        set: Dataset,
        run: &RunSpec,
        rows: usize,
        parameters: &Parameters,
    ) -> Vec<Share> {
        let labels = set.labels().to_vec();
        let digits = Digits {
            train: set.clone(),
            test: set,
            source: "random".into(),
        };
        let mut recipe = self.recipe();
        if !run.random {
            (recipe.shift, recipe.dropout) = (0, 0.0);
        }
        let mut reference =
            Reference::<f64>::new(digits, recipe, parameters).expect("a valid recipe");
        let mut state = State::start(parameters.clone());
        state.step = PROGRESS[0];
        reference.restore(&state).expect("any state");
        let mut shares: Vec<Share> = (0..rows).map(|_| Share::default()).collect();
        for within in 0..run.examples as usize {
            let example = run.first as usize + within;
            let share = &mut shares[within / self.tiling.tile as usize % rows];
            let (values, loss) = reference.forward_backward(example, 1.0 / f64::from(run.batch));
            values.add_gradient(&mut share.gradient);
            let mut unused = vec![0.0; CLASSES];
            let (_, missed) = twin::loss(
                &values.out,
                labels[example],
                self.activation,
                self.loss,
                1.0,
                &mut unused,
            );
            share.loss += loss;
            share.missed += u32::from(missed);
        }
        shares
    }

    fn expect(&self, setup: &mut Setup, row: usize, share: &Share) {
        let first = row * 4 * (PACKED_VECTORS + 1);
        if self.learn {
            let mut spare = vec![true; 4 * PACKED_VECTORS];
            let places = places();
            places
                .iter()
                .for_each(|&place| spare[place as usize] = false);
            let spare = (0..spare.len()).filter(|&place| spare[place]);
            let spare = spare.map(|place| first + place).collect();
            if self.data == Data::Broken {
                // NaN times a weight of zero.
                setup.leave_unchecked("partial", spare);
            } else {
                setup.expect_zeros("partial", spare);
            }
            for tensor in &PARAMETERS {
                let at = places[tensor.range()].iter();
                let part = Part {
                    name: format!("{} of row {row}", tensor.name),
                    at: at.map(|&place| first + place as usize).collect(),
                    values: share.gradient.tensor(tensor).to_vec(),
                    number: Number::F32,
                    tolerance: SHARE,
                };
                setup.expect("partial", part);
            }
        }
        let last = first + 4 * PACKED_VECTORS;
        let name = format!("losses of row {row}");
        setup.expect_one("partial", &name, last, share.loss, (Number::F32, SHARE));
        let name = format!("misses of row {row}");
        let exact = (Number::F32, Tolerance::EXACT);
        setup.expect_one("partial", &name, last + 1, share.missed.into(), exact);
        setup.expect_zeros("partial", vec![last + 2, last + 3]);
    }
}

/// What a workgroup is to write.
struct Share {
    gradient: Parameters<f64>,
    loss: f64,
    missed: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            gradient: Parameters::zeros(),
            loss: 0.0,
            missed: 0,
        }
    }
}

fn give(setup: &mut Setup, set: &Dataset, run: &RunSpec, parameters: &Parameters) {
    setup.give("weights", &pack(parameters));
    let examples = run.first as usize..(run.first + run.examples) as usize;
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
/// draws and other ones; a part of a set; data at the ends.
pub fn pass_cases() -> Vec<PassCase> {
    let usual = PassCase::default();
    let small = PassCase {
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
        cases.push(PassCase {
            part: (1, 3),
            ..case
        });
    }
    let evaluation = PassCase {
        learn: false,
        ..usual
    };
    cases.extend([evaluation, evaluation.of(1)]);
    for (shift, dropout) in [(0, 0.0), (2, 0.5)] {
        cases.push(PassCase {
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
        cases.push(PassCase {
            activation,
            loss,
            ..usual
        });
    }
    for data in [Data::Saturated, Data::Constant, Data::Broken] {
        let case = PassCase { data, ..usual };
        cases.extend([case, case.with_tanh()]);
    }
    cases
}
