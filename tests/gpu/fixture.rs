//! Seeded digits, recipes and parameters that the checks run on.

use gpu_train::data::Digits;
use gpu_train::draw;
use gpu_train::error;
use gpu_train::gpu::layout::sizes::CODE_BYTES;
use gpu_train::gpu::{Gpu, Kernels, Options, Tiling, Variant, WeightPath};
use gpu_train::net::{Initialization, PARAMETERS, Parameters, initial_parameters};
use gpu_train::recipe::{Activation, Length, Loss, Optimizer, Recipe, RecipeName};
use gpu_train::reference::Reference;
use libtest_mimic::Failed;

use crate::common::random_set;

/// One setting to check.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub examples: usize,
    pub activation: Activation,
    pub loss: Loss,
    pub optimizer: Optimizer,
    /// Of whitened Muon.
    pub statistics_every: u32,
    /// True if images are shifted and units dropped.
    pub random: bool,
    /// The kernels.
    pub variant: Variant,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            examples: 200,
            activation: Activation::Relu,
            loss: Loss::CrossEntropy,
            optimizer: Optimizer::AdamW,
            statistics_every: 0,
            random: true,
            variant: Variant::Layered,
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let random = if self.random { "_random" } else { "" };
        let every = match self.statistics_every {
            0 => String::new(),
            steps => format!("_every_{steps}"),
        };
        write!(
            f,
            "{:?}_{:?}_{:?}{every}{random}_{}_{}",
            self.activation, self.loss, self.optimizer, self.examples, self.variant
        )
    }
}

impl Case {
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

    /// Tanh and MSE, neither shift nor dropout.
    pub fn plain(self) -> Self {
        Self {
            random: false,
            ..self.with_tanh()
        }
    }

    /// As the essay's stage 0, with momentum.
    pub fn sgd(self) -> Self {
        Self {
            optimizer: Optimizer::Sgd,
            ..self.with_tanh()
        }
    }

    /// Muon on ReLU and cross-entropy.
    pub fn muon(self) -> Self {
        Self {
            optimizer: Optimizer::Muon,
            ..self
        }
    }

    /// Whitened Muon with new statistics every N steps, or with 0 at the start alone.
    pub fn whitened(self, statistics_every: u32) -> Self {
        Self {
            optimizer: Optimizer::WhitenedMuon,
            statistics_every,
            ..self
        }
    }

    pub fn recipe(&self) -> Recipe {
        let sgd = self.optimizer == Optimizer::Sgd;
        Recipe {
            length: Length::Steps(20),
            activation: self.activation,
            loss: self.loss,
            optimizer: self.optimizer,
            learning_rate: match self.optimizer {
                Optimizer::Sgd => 0.1,
                Optimizer::WhitenedMuon => 0.02,
                _ => 0.003,
            },
            weight_decay: if sgd { 0.001 } else { 0.3 },
            momentum: if self.optimizer == Optimizer::AdamW {
                0.0
            } else {
                0.9
            },
            // AdamW divides by the gradient's own size: where that is near nothing, its rounding would decide.
            epsilon: 1e-6,
            warmup: 3,
            damping: 0.03,
            // Fewer than there are.
            curvature_sample: 60,
            statistics_every: self.statistics_every,
            shift: u32::from(self.random),
            dropout: if self.random { 0.25 } else { 0.0 },
            // Above 2³², so that both words of the seed count.
            seed: 0x0123_4567_89ab_cdef,
            ..Recipe::named(RecipeName::FullBatchMuon)
        }
    }

    pub fn digits(&self) -> Digits {
        Digits {
            train: random_set(self.examples, 1),
            test: random_set(67, 2),
            source: "random".into(),
        }
    }

    /// Initial weights, with biases that are not zero.
    pub fn parameters(&self) -> Parameters {
        let mut parameters =
            initial_parameters(5, self.recipe().output_bias(), Initialization::Sqrt);
        for tensor in PARAMETERS.iter().filter(|tensor| tensor.fan_in == 0) {
            for (index, value) in tensor.range().zip(parameters.tensor_mut(tensor)) {
                *value += uniform(6, index) * 0.2;
            }
        }
        parameters
    }

    pub fn gpu(&self, adapter: &wgpu::Adapter) -> Result<Gpu, Failed> {
        Ok(self.open(adapter, &Options::default())?)
    }

    /// An engine opened with these options, but for the kernels.
    pub fn open(&self, adapter: &wgpu::Adapter, options: &Options) -> error::Result<Gpu> {
        let options = Options {
            kernels: Kernels::Fixed(self.variant),
            ..options.clone()
        };
        let start = self.parameters();
        let opened = Gpu::open(adapter, &self.digits(), self.recipe(), &start, &options)?;
        Ok(opened.engine)
    }

    /// Options with buffers that hold a third of the training images.
    pub fn in_three_shards(&self) -> Options {
        Options {
            buffer_bytes: Some(CODE_BYTES * (self.examples as u64).div_ceil(3)),
            ..Options::default()
        }
    }

    pub fn by(self, tiling: Tiling) -> Self {
        Self {
            variant: Variant::Fused(tiling),
            ..self
        }
    }

    pub fn reference(&self) -> Reference<f64> {
        Reference::new(self.digits(), self.recipe(), &self.parameters()).expect("a valid recipe")
    }
}

/// All activations and losses at sizes around a workgroup's, and sets of several chunks up to the real one.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for examples in [1, 63, 64, 65, 200] {
        for activation in [Activation::Tanh, Activation::Relu] {
            for loss in [Loss::Mse, Loss::CrossEntropy] {
                cases.push(Case {
                    examples,
                    activation,
                    loss,
                    ..Case::default()
                });
            }
        }
    }
    // Its hidden layers, and its outputs.
    cases.push(Case {
        examples: 65,
        activation: Activation::ScaledTanh,
        loss: Loss::Mse,
        ..Case::default()
    });
    let case = Case::default();
    // On lavapipe another program's weight gradients went wrong at the size of the real set only.
    cases.extend([
        case.of(1_757),
        case.with_tanh().of(1_757),
        case.with_tanh().of(7_291),
    ]);
    cases
}

/// A shape of the fused kernel, with few workgroups, so that each goes through several tiles.
pub fn tiling(tile: u32, lanes: u32, weights: WeightPath, keep_x: bool) -> Tiling {
    Tiling {
        tile,
        lanes,
        groups: 7,
        weights,
        keep_x,
        checks: true,
    }
}

/// The shape that most checks take, without checks at run time.
pub fn unchecked() -> Tiling {
    Tiling {
        checks: false,
        ..usual()
    }
}

/// The shape that most checks take.
pub fn usual() -> Tiling {
    tiling(4, 96, WeightPath::Uniform, true)
}

/// The fused kernels: all activations and losses at sizes around a tile and around a workgroup's tiles, then every
/// number of lanes and tile that a common device has room for, and both ways for weights and images.
pub fn fused_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for layered in self::cases() {
        cases.push(layered.by(usual()));
    }
    let case = Case::default();
    cases.extend([3, 4, 5, 28, 29].map(|examples| case.of(examples).by(usual())));
    use WeightPath::{Storage, Uniform};
    let shapes = [
        tiling(2, 96, Storage, false),
        tiling(2, 192, Uniform, true),
        tiling(4, 128, Uniform, false),
        tiling(4, 256, Uniform, true),
        tiling(6, 128, Uniform, false),
        tiling(8, 96, Uniform, false),
        tiling(10, 128, Uniform, false),
    ];
    cases.extend(shapes.map(|shape| case.by(shape)));
    let unchecked = |shape| Tiling {
        checks: false,
        ..shape
    };
    cases.extend(shapes.map(|shape| case.by(unchecked(shape))));
    cases.push(Case {
        variant: Variant::Fused(Tiling {
            groups: 1,
            ..usual()
        }),
        ..case
    });
    cases
}

/// Uniform in −1..1.
pub fn uniform(seed: u64, index: usize) -> f32 {
    (f64::from(draw::initial_weight(seed, index as u32)) / 2f64.powi(31) - 1.0) as f32
}
