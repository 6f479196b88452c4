//! The settings in which every kernel is checked, and the random data they are made of.

use gpu_train::gpu::wgsl::kernels::LAYERED;
use gpu_train::net::{H1B, H2B, H3B, OUTB, PADDED_PIXELS, Parameters};
use gpu_train::recipe::{Activation, Length, Loss, Optimizer, Recipe, RecipeName};

use crate::common::{Noise, random_parameters};

/// The kind of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// Noise of both signs.
    Noise,
    /// Biases, logits and gradients up to ±1e4, activations at their ends; a matrix with one singular value far above the
    /// others.
    Saturated,
    /// Each image all background, all ink, or all grey.
    Constant,
    /// NaN in some places, which must come out as NaN.
    Broken,
}

/// One kernel in one setting.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub kernel: &'static str,
    pub activation: Activation,
    pub loss: Loss,
    pub shift: u32,
    pub dropout: f64,
    /// True for a training step, which is counted.
    pub is_training: bool,
    /// True where `adamw` leaves the matrices to `muon`.
    pub with_muon: bool,
    pub data: Data,
    pub examples: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}::", self.kernel)?;
        match self.kernel {
            "input" => write!(f, "shift_{}_", self.shift)?,
            "dropout" => write!(f, "p_{}_", self.dropout)?,
            "h1_forward" | "h2_forward" | "h3_forward" | "out_backward" | "h3_backward"
            | "h2_backward" => write!(f, "{:?}_", self.activation)?,
            "out_forward" | "loss" if self.activation == Activation::ScaledTanh => {
                write!(f, "ScaledTanh_{:?}_", self.loss)?;
            }
            "out_forward" | "loss" => write!(f, "{:?}_", self.loss)?,
            "adamw" if self.with_muon => write!(f, "with_muon_")?,
            "tally" if !self.is_training => write!(f, "evaluation_")?,
            _ => {}
        }
        if self.data != Data::Noise {
            write!(f, "{:?}_", self.data)?;
        }
        write!(f, "{}", self.examples)
    }
}

impl Case {
    fn new(kernel: &'static str) -> Self {
        Self {
            kernel,
            activation: Activation::Relu,
            loss: Loss::CrossEntropy,
            shift: 1,
            dropout: 0.25,
            is_training: true,
            with_muon: false,
            data: Data::Noise,
            examples: 65,
        }
    }

    pub fn of(self, examples: usize) -> Self {
        Self { examples, ..self }
    }

    pub fn recipe(&self) -> Recipe {
        Recipe {
            length: Length::Steps(20),
            activation: self.activation,
            loss: self.loss,
            optimizer: match self.kernel {
                "sgd" => Optimizer::Sgd,
                "muon" => Optimizer::Muon,
                "whiten" | "orthogonal" | "unwhiten" => Optimizer::WhitenedMuon,
                "adamw" if self.with_muon => Optimizer::Muon,
                _ => Optimizer::AdamW,
            },
            weight_decay: 0.02,
            momentum: 0.9,
            shift: self.shift,
            dropout: self.dropout,
            // Above 2³², so that both words of the seed count.
            seed: 0x0123_4567_89ab_cdef,
            ..Recipe::named(RecipeName::FullBatchMuon)
        }
    }

    /// The embedded digits' without shift, the real zip codes' with it.
    pub fn denominator(&self) -> u16 {
        if self.shift == 0 { 8_160 } else { 1_000 }
    }

    /// Another stream of numbers for each kernel and size.
    pub fn noise(&self) -> Noise {
        let place = LAYERED.iter().position(|kernel| kernel.name == self.kernel);
        Noise(((place.unwrap_or(0) as u64) << 32) + self.examples as u64)
    }

    /// A layer's values after its activation.
    pub fn activations(&self, noise: &mut Noise, count: usize) -> Vec<f32> {
        let mut one = || {
            if self.data == Data::Broken && noise.bits().is_multiple_of(1_000) {
                return f32::NAN;
            }
            let end = self.data == Data::Saturated && noise.bits() & 3 > 0;
            match (self.activation, end) {
                (Activation::Tanh, false) => noise.signed(),
                (Activation::ScaledTanh, false) => 1.7159 * noise.signed(),
                (Activation::Tanh, true) => 1f32.copysign(noise.signed()),
                (Activation::ScaledTanh, true) => 1.7159f32.copysign(noise.signed()),
                (Activation::Relu, false) => (2.0 * noise.signed()).max(0.0),
                (Activation::Relu, true) => large(noise).max(0.0),
            }
        };
        (0..count).map(|_| one()).collect()
    }

    /// A gradient from above.
    pub fn gradients(&self, noise: &mut Noise, count: usize) -> Vec<f32> {
        let mut one = || match self.data {
            Data::Saturated => large(noise),
            _ => 0.1 * noise.signed(),
        };
        (0..count).map(|_| one()).collect()
    }

    /// Padded images. Their padding is random too: `input` decides what is in it.
    pub fn images(&self, noise: &mut Noise) -> Vec<f32> {
        let mut images = Vec::with_capacity(self.examples * PADDED_PIXELS);
        for _ in 0..self.examples {
            let grey = [-1.0, 1.0, 0.25][noise.bits() as usize % 3];
            let constant = self.data == Data::Constant;
            let mut pixel = || if constant { grey } else { noise.signed() };
            images.extend((0..PADDED_PIXELS).map(|_| pixel()));
            if self.data == Data::Broken && noise.bits() & 1 == 0 {
                let first = images.len() - PADDED_PIXELS;
                images[first + noise.bits() as usize % PADDED_PIXELS] = f32::NAN;
            }
        }
        images
    }

    /// Dropout's factors for a quarter dropped.
    pub fn factors(&self, noise: &mut Noise, count: usize) -> Vec<f32> {
        let mut one = || {
            if noise.bits() & 3 == 0 {
                0.0
            } else {
                4.0 / 3.0
            }
        };
        (0..count).map(|_| one()).collect()
    }

    /// Parameters for the kind of data: [`parameters`].
    pub fn parameters(&self, noise: &mut Noise) -> Parameters {
        parameters(self.data, noise)
    }
}

/// Weights of the initial distribution, biases of both signs; saturated, three in four biases are large, so that most
/// sums are far from zero.
pub fn parameters(data: Data, noise: &mut Noise) -> Parameters {
    let mut parameters = random_parameters(noise.bits());
    if data == Data::Saturated {
        for tensor in [H1B, H2B, H3B, OUTB] {
            for value in parameters.tensor_mut(&tensor) {
                if noise.bits() & 3 > 0 {
                    *value = large(noise);
                }
            }
        }
    }
    parameters
}

/// 16 to 10,000, of either sign.
fn large(noise: &mut Noise) -> f32 {
    10f32
        .powf(2.6 + 1.4 * noise.signed())
        .copysign(noise.signed())
}

/// Each kernel in each variant that a recipe can ask for, on noise.
pub fn variants() -> Vec<Case> {
    let mut variants = Vec::new();
    for kernel in LAYERED {
        let case = Case::new(kernel.name);
        let tanh = Case {
            activation: Activation::Tanh,
            ..case
        };
        let mse = Case {
            loss: Loss::Mse,
            ..case
        };
        let scaled = Case {
            activation: Activation::ScaledTanh,
            ..mse
        };
        match kernel.name {
            "input" => variants.extend([0, 1, 2].map(|shift| Case { shift, ..case })),
            "dropout" => {
                variants.extend([0.25, 0.5].map(|dropout| Case { dropout, ..case }));
            }
            // Its two constants are used in one shared file: one kernel for each of its functions.
            "h1_forward" | "out_backward" => variants.extend([scaled, tanh, case]),
            "h2_forward" | "h3_backward" | "h2_backward" => variants.extend([tanh, case]),
            // Without dropout it reads H2 itself.
            "h3_forward" => variants.extend([
                Case {
                    dropout: 0.0,
                    ..tanh
                },
                case,
            ]),
            "out_forward" | "loss" => variants.extend([scaled, mse, case]),
            "adamw" => {
                let with_muon = true;
                variants.extend([case, Case { with_muon, ..case }]);
            }
            "tally" => {
                let is_training = false;
                variants.extend([
                    case,
                    Case {
                        is_training,
                        ..case
                    },
                ]);
            }
            _ => variants.push(case),
        }
    }
    variants
}

/// Sizes around a workgroup's, one of several chunks, and for each kernel that of the real set; saturated and constant
/// data where they matter.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut last = "";
    for case in variants() {
        cases.extend([1, 63, 64, 65, 1_757].map(|examples| case.of(examples)));
        if case.kernel != last {
            cases.push(case.of(7_291));
        }
        last = case.kernel;
        let special: &[Data] = match case.kernel {
            "input" => &[Data::Constant],
            "h1_forward" => &[Data::Saturated, Data::Constant, Data::Broken],
            "h2_forward" => &[Data::Saturated, Data::Broken],
            "h1_gradient" => &[Data::Saturated, Data::Constant],
            "dropout" | "reduce_gradient" | "sgd" | "adamw" | "muon" | "whiten" | "unwhiten"
            | "tally" => &[],
            _ => &[Data::Saturated],
        };
        cases.extend(special.iter().map(|&data| Case { data, ..case }));
    }
    cases
}
