//! Recipes: activation, loss, optimizer, schedule, augmentation, dropout; the essay's stages by name.
//!
//! ```
//! use gpu_train::recipe::{Activation, RecipeName, Recipe};
//!
//! let recipe = Recipe {
//!     activation: Activation::Relu,
//!     learning_rate: 0.02,
//!     ..Recipe::named(RecipeName::Reproduction)
//! };
//! recipe.validate()?;
//! assert_eq!(recipe.updates(7_291), 23 * 7_291);
//!
//! let error = Recipe { dropout: 1.0, ..recipe }.validate().unwrap_err();
//! assert_eq!(error.to_string(), "--dropout: found 1, expected a number from 0 up to, but not, 1");
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

pub mod muon;
mod named;
mod rates;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::named::named;
use crate::net::{self, Initialization, Parameters};

pub use named::RecipeName;
pub use rates::StepScalars;

named! {
    /// The nonlinearity of H1, H2 and H3.
    pub enum Activation {
        /// Hyperbolic tangent, as in 1989.
        Tanh = "tanh",
        /// max(0, x).
        Relu = "relu",
        /// 1.7159·tanh(2x/3), LeCun's of that time: ±1 at ±1, where MSE's targets are. MSE's outputs use it too.
        ScaledTanh = "scaled-tanh",
    }
}

impl Activation {
    /// A and g of A·tanh(g·x), for the hidden layers unless they are ReLU's, and for MSE's outputs. The derivative is
    /// g·A − g/A·y².
    pub fn tanh_scale(self) -> (f64, f64) {
        match self {
            Self::Tanh | Self::Relu => (1.0, 1.0),
            Self::ScaledTanh => (1.7159, 2.0 / 3.0),
        }
    }
}

named! {
    /// The loss function.
    pub enum Loss {
        /// Mean squared error of tanh (or scaled tanh) outputs against +1 (class) and −1 (others), over examples and outputs.
        Mse = "mse",
        /// Softmax cross-entropy of the logits, mean over examples.
        CrossEntropy = "cross-entropy",
    }
}

named! {
    /// The update rule; weight decay and rates are fields of the [`Recipe`].
    pub enum Optimizer {
        /// Gradient descent with optional momentum; weight decay is added to the gradient (PyTorch's `SGD`).
        Sgd = "sgd",
        /// Adam with decoupled weight decay, bias correction, ε outside the root (PyTorch's `AdamW`).
        AdamW = "adamw",
        /// Muon: each layer's momentum made orthogonal as a matrix, AdamW for the biases. Full batch only.
        Muon = "muon",
        /// Muon on whitened inputs, with biases that keep the mean pre-activations. Full batch only.
        WhitenedMuon = "whitened-muon",
        /// Gradient descent with a step for each weight, η/(μ + h), h being a positive diagonal approximation of the
        /// Hessian (LeCun 1987, 1989); one example per update.
        DiagonalNewton = "diagonal-newton",
    }
}

named! {
    /// Number of examples that one update sees.
    pub enum Batch {
        /// The whole training set: one update per epoch.
        Full = "full",
        /// One example, in constant order, as in 1989.
        PerExample = "per-example",
    }
}

named! {
    /// Shape of the learning rate over the epochs, after the warm-up.
    pub enum Schedule {
        /// The peak rate throughout.
        Constant = "constant",
        /// A straight line to the final rate, reached in the last epoch.
        Linear = "linear",
        /// Half a cosine to the final rate, reached in the last epoch.
        Cosine = "cosine",
    }
}

named! {
    /// The weights that training starts from.
    pub enum Start {
        /// Drawn from the range of [`Recipe::initialization`].
        Uniform = "uniform",
        /// Computed layer by layer from the first training examples and their labels: PCA, LDA and least squares.
        ClosedForm = "closed-form",
    }
}

impl Default for Start {
    /// The start of recipes of older versions.
    fn default() -> Self {
        Self::Uniform
    }
}

/// The functions that the net applies to its sums; the weights alone do not tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Functions {
    /// Of the hidden layers.
    pub activation: Activation,
    /// Trained for; it decides what the outputs are: logits, or tanh's values.
    pub loss: Loss,
}

/// By the names of their flags' values: `tanh and mse`.
impl std::fmt::Display for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} and {}", self.activation, self.loss)
    }
}

impl From<&Recipe> for Functions {
    fn from(recipe: &Recipe) -> Self {
        Self {
            activation: recipe.activation,
            loss: recipe.loss,
        }
    }
}

/// Length of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// A number of updates.
    Steps(u64),
    /// A number of epochs.
    #[serde(rename = "passes")]
    Epochs(u64),
}

/// Everything that decides what is trained and how, but the data and the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The recipe it started from, one of [`RecipeName`]'s names.
    pub name: String,
    /// Examples an update.
    pub batch: Batch,
    /// Length of training.
    pub length: Length,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// The loss function.
    pub loss: Loss,
    /// Range of the initial weights.
    pub initialization: Initialization,
    /// The weights that training starts from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// Update rule.
    pub optimizer: Optimizer,
    /// Peak rate.
    pub learning_rate: f64,
    /// Rate of the last epoch; the constant schedule ignores it.
    pub final_learning_rate: f64,
    /// Weight decay: decoupled for AdamW, added to the gradient for SGD.
    pub weight_decay: f64,
    /// AdamW's decay rate of the first moment.
    pub beta1: f64,
    /// AdamW's decay rate of the second moment.
    pub beta2: f64,
    /// AdamW's ε, outside the root.
    pub epsilon: f64,
    /// Momentum of SGD and Muon.
    pub momentum: f64,
    /// Diagonal Newton's μ, added to each weight's curvature. Whitened Muon's δ, the share of its mean eigenvalue that is
    /// added to each layer's covariance.
    pub damping: f64,
    /// Number of first training examples on which diagonal Newton estimates the curvature before each epoch, and whitened
    /// Muon the statistics of each layer's inputs, all where there are fewer; and that the closed-form start is made of.
    pub curvature_sample: u32,
    /// Steps between two estimates of whitened Muon's statistics; 0: one estimate, at the start.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statistics_every: u32,
    /// Shape of the rate over the epochs.
    pub schedule: Schedule,
    /// Updates over which the rate rises linearly to its peak.
    pub warmup: u64,
    /// Largest shift of an image in pixels, in each direction; each example is shifted anew in every step.
    pub shift: u32,
    /// Probability of dropping a unit of H2 in front of H3.
    pub dropout: f64,
    /// Seed of the initial weights, shifts and dropout.
    pub seed: u64,
}

impl Recipe {
    /// Updates of the whole run on a training set of `examples`.
    pub fn updates(&self, examples: usize) -> u64 {
        match self.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => epochs.saturating_mul(self.updates_per_epoch(examples)),
        }
    }

    /// Updates of one epoch over a training set of `examples`.
    pub fn updates_per_epoch(&self, examples: usize) -> u64 {
        match self.batch {
            Batch::Full => 1,
            Batch::PerExample => examples as u64,
        }
    }

    /// This recipe with another update rule. Whitened Muon brings its own numbers, unless the recipe has it already.
    #[must_use]
    pub fn with_optimizer(self, optimizer: Optimizer) -> Self {
        let recipe = Self { optimizer, ..self };
        if optimizer != Optimizer::WhitenedMuon || self.optimizer == optimizer {
            return recipe;
        }
        Self {
            learning_rate: 0.18,
            final_learning_rate: 0.045,
            schedule: Schedule::Linear,
            warmup: 0,
            momentum: 0.0,
            weight_decay: 0.0,
            damping: 0.03,
            curvature_sample: 512,
            ..recipe
        }
    }

    /// Examples one update sees.
    pub fn batch_size(&self, examples: usize) -> usize {
        match self.batch {
            Batch::Full => examples,
            Batch::PerExample => 1,
        }
    }

    /// Examples shown in N updates.
    pub fn presentations(&self, updates: u32, examples: usize) -> u64 {
        u64::from(updates) * self.batch_size(examples) as u64
    }

    /// The weights and biases that a run starts from.
    pub fn initial_parameters(&self) -> Parameters {
        net::initial_parameters(self.seed, self.output_bias(), self.initialization)
    }

    /// Initial value of the output's biases: −1 where nine targets of ten are −1.
    pub fn output_bias(&self) -> f32 {
        match self.loss {
            Loss::Mse => -1.0,
            Loss::CrossEntropy => 0.0,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Usage`], naming the flag of the first field out of its range.
    pub fn validate(&self) -> Result<()> {
        let refuse = |flag: &str, found: &dyn std::fmt::Display, expected: &str| {
            Err(Error::Usage(format!(
                "{flag}: found {found}, expected {expected}"
            )))
        };
        let rates = [
            ("--learning-rate", self.learning_rate),
            ("--final-learning-rate", self.final_learning_rate),
            ("--weight-decay", self.weight_decay),
            ("--epsilon", self.epsilon),
        ];
        for (flag, value) in rates {
            if !(value.is_finite() && value >= 0.0) {
                return refuse(flag, &value, "a finite number of 0 or more");
            }
        }
        let fractions = [
            ("--beta1", self.beta1),
            ("--beta2", self.beta2),
            ("--momentum", self.momentum),
            ("--dropout", self.dropout),
        ];
        for (flag, value) in fractions {
            if !(0.0..1.0).contains(&value) {
                return refuse(flag, &value, "a number from 0 up to, but not, 1");
            }
        }
        // Smaller ones would make steps that f32 does not hold.
        if !(1e-30..=1e30).contains(&self.damping) {
            return refuse("--damping", &self.damping, "a number from 1e-30 to 1e30");
        }
        if self.curvature_sample == 0 {
            return refuse(
                "--curvature-sample or --statistics-examples",
                &0,
                "1 or more examples",
            );
        }
        self.validate_optimizer()?;
        // The image is 16 pixels wide: a shift by all of it leaves only background.
        if self.shift >= crate::net::SIDE as u32 {
            return refuse("--shift", &self.shift, "0 to 15 pixels");
        }
        match self.length {
            Length::Steps(0) => refuse("--steps", &0, "1 or more"),
            Length::Epochs(0) => refuse("--epochs", &0, "1 or more"),
            _ => Ok(()),
        }
    }

    /// Checks that the update rule goes with the rest.
    ///
    /// # Errors
    /// [`Error::Usage`] if Muon is to see one example per update, or diagonal Newton is to see the whole set per update, or has momentum or decay, which it
    /// would leave unused.
    pub fn validate_optimizer(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::Usage(text));
        let of_matrices = matches!(self.optimizer, Optimizer::Muon | Optimizer::WhitenedMuon);
        if of_matrices && self.batch == Batch::PerExample {
            return refuse(format!(
                "--optimizer: found {} with one example per update, expected the full batch",
                self.optimizer
            ));
        }
        if self.optimizer != Optimizer::DiagonalNewton {
            return Ok(());
        }
        if self.batch == Batch::Full {
            return refuse(
                "--optimizer: found diagonal-newton with the full batch, expected adamw, sgd or muon \
                 (diagonal-newton takes one example at a time: --per-example)"
                    .into(),
            );
        }
        for (flag, value) in [
            ("--momentum", self.momentum),
            ("--weight-decay", self.weight_decay),
        ] {
            if value != 0.0 {
                return refuse(format!(
                    "{flag}: found {value} with --optimizer diagonal-newton, which has none; expected 0"
                ));
            }
        }
        Ok(())
    }

    /// Checks that the start's examples are there, on a training set of `examples`.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are fewer.
    pub fn validate_start(&self, examples: usize) -> Result<()> {
        if self.start == Start::Uniform || self.curvature_sample as usize <= examples {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "--statistics-examples: found {} for --start closed-form, expected at most {examples}, the training examples",
            self.curvature_sample
        )))
    }

    /// Checks that an engine which takes only `batch` can train this.
    ///
    /// # Errors
    /// [`Error::Usage`] if the recipe's batch is another, or its update rule does not go with the rest.
    pub fn validate_for(&self, engine: &str, batch: Batch) -> Result<()> {
        if self.batch == batch {
            return self.validate_optimizer();
        }
        let words = |batch| match batch {
            Batch::Full => "the full batch",
            Batch::PerExample => "one example per update",
        };
        Err(Error::Usage(format!(
            "the {engine} engine: found recipe {} with {}, expected {}",
            self.name,
            words(self.batch),
            words(batch)
        )))
    }

    /// Checks that the run on `examples` training examples has fewer than 2³² updates, which the draws can distinguish.
    ///
    /// # Errors
    /// [`Error::Usage`] if it has more.
    pub fn validate_updates(&self, examples: usize) -> Result<u32> {
        let updates = self.updates(examples);
        u32::try_from(updates).map_err(|_| {
            Error::Usage(format!(
                "--steps or --epochs: found {updates} updates, expected fewer than 2^32"
            ))
        })
    }
}

/// Tells serde to leave a field out that files of older versions did not have.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// In what a recipe differs from another one, if it does: the first such field, by its flag.
pub fn difference(found: &Recipe, expected: &Recipe) -> Option<String> {
    let json = |recipe| serde_json::to_value(recipe).expect("a recipe has only plain fields");
    let (name, found, expected) = differing_field(&json(found), &json(expected))?;
    let name = name.replace('_', "-");
    Some(format!("{name} {found}, expected {expected}"))
}

/// The first field in which a recipe's JSON differs from another's, if one does: its name, and its value in both.
pub fn differing_field(found: &Value, expected: &Value) -> Option<(String, Value, Value)> {
    let (found, expected) = (found.as_object()?, expected.as_object()?);
    let differs = |(name, value): &(&String, &Value)| found.get(*name) != Some(value);
    let (name, value) = expected.iter().find(differs)?;
    let was = found.get(name).cloned().unwrap_or(Value::Null);
    Some((name.clone(), was, value.clone()))
}
