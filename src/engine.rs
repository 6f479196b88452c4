//! The trait of every trainer of the net. The loop, the evaluation and the reports are written against this trait.
//!
//! ```
//! use gpu_train::cpu::FullBatch;
//! use gpu_train::data::embedded;
//! use gpu_train::engine::{Engine, Split};
//! use gpu_train::recipe::{RecipeName, Recipe};
//! use gpu_train::reference::Reference;
//!
//! let mut digits = embedded::digits();
//! (digits.train, digits.test) = (digits.train.truncated(50), digits.test.truncated(50));
//! let recipe = Recipe::named(RecipeName::FullBatchMuon);
//! let start = recipe.initial_parameters();
//! let mut fast = FullBatch::new(digits.clone(), recipe.clone(), &start)?;
//! let mut plain = Reference::<f64>::new(digits, recipe, &start)?;
//!
//! // Losses before each of two updates.
//! let (ours, theirs) = (fast.train(2)?, plain.train(2)?);
//! assert!((ours[1] - theirs[1]).abs() < 1e-4);
//! assert_eq!(fast.evaluate(Split::Test)?.misses, plain.evaluate(Split::Test)?.misses);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Result;
use crate::named::named;
use crate::net::Parameters;
use crate::whitening::Whitening;

named! {
    /// The implementations of [`Engine`].
    pub enum EngineKind {
        /// The full batch on all CPU cores.
        Cpu = "cpu",
        /// Batch 1 on one CPU core.
        PerExample = "per-example",
        /// The full batch on a GPU.
        Gpu = "gpu",
        /// The scalar reference on one core, slow.
        Reference = "reference",
    }
}

/// Half of the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The examples trained on.
    Train,
    /// The examples held out.
    Test,
}

/// Loss and misses of the net on one split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The recipe's loss, without shift and dropout. JSON has no infinity: `null` there, which is read as not a number.
    #[serde(deserialize_with = "number_or_null")]
    pub loss: f64,
    /// Examples whose largest output is not their label's (the first of equal ones counts).
    pub misses: u32,
    /// Examples looked at.
    pub examples: u32,
}

/// A number; JSON's `null` is not a number.
pub(crate) fn number_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl Evaluation {
    /// Share of examples missed, 0 to 1.
    pub fn error(&self) -> f64 {
        f64::from(self.misses) / f64::from(self.examples)
    }
}

/// All that a run carries from one step to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Updates done so far.
    pub step: u32,
    /// The net's weights and biases.
    pub parameters: Parameters,
    /// AdamW's first moment, or SGD's momentum buffer.
    pub first_moment: Parameters,
    /// AdamW's second moment; diagonal Newton's 1/(μ + h) as of the start of the epoch; the weights of whitened Muon's
    /// statistics; zeros for SGD.
    pub second_moment: Parameters,
}

impl State {
    /// The start of a run from these parameters.
    pub fn start(parameters: Parameters) -> Self {
        Self {
            step: 0,
            parameters,
            first_moment: Parameters::zeros(),
            second_moment: Parameters::zeros(),
        }
    }

    /// Tells whether every weight and every moment is a finite number.
    pub fn is_finite(&self) -> bool {
        [&self.parameters, &self.first_moment, &self.second_moment]
            .into_iter()
            .all(|values| values.flat().iter().all(|value| value.is_finite()))
    }
}

/// Peak rates of a device, measured with small programs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Multiply-adds in f32, in FLOP a second (one counts as two).
    pub flop_per_second: f64,
    /// Bytes a second that copying reads and writes, together.
    pub copy_bytes_per_second: f64,
}

/// A trainer: it owns the digits, the recipe and the state of one run.
pub trait Engine {
    /// The implementation.
    fn kind(&self) -> EngineKind;

    /// Human-readable device: processor and instruction set, or adapter and backend.
    fn device(&self) -> String;

    /// Replaces the state.
    ///
    /// # Errors
    /// If the device fails.
    fn restore(&mut self, state: &State) -> Result<()>;

    /// Takes whitened Muon's statistics at the present weights, where computing these gave them. Engines of other update
    /// rules have no use for them.
    ///
    /// # Errors
    /// If the device fails.
    fn take_whitening(&mut self, _whitening: Whitening) -> Result<()> {
        Ok(())
    }

    /// The present state, once all submitted steps have run.
    ///
    /// # Errors
    /// If the device fails, or did not run all the steps it was given.
    fn state(&mut self) -> Result<State>;

    /// Does `steps` updates and returns the training loss before each one (of what the update saw: the whole set, or
    /// one example; with the step's shift and dropout).
    ///
    /// # Errors
    /// If the device fails, or did not run all the steps it was given.
    fn train(&mut self, steps: u32) -> Result<Vec<f32>>;

    /// Loss and gradient over the whole training set at the present weights, with the shift and dropout of the next
    /// step, changing nothing.
    ///
    /// # Errors
    /// If the device fails.
    fn gradient(&mut self) -> Result<(f64, Parameters)>;

    /// Evaluates the present weights, without shift and dropout.
    ///
    /// # Errors
    /// If the device fails.
    fn evaluate(&mut self, split: Split) -> Result<Evaluation>;
}
