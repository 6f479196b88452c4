//! The full-batch engine: every step sees the whole training set, on all the processor's cores and vector lanes.
//!
//! Sixteen examples go through the net together, one per lane, so every kernel is plain arithmetic on vectors
//! without a shuffle; sixty-four make a tile, whose activations stay in the cache between forward and backward. Tiles
//! are dealt out in blocks that depend on the number of examples alone, and the blocks' gradients are added in their
//! order: any number of threads computes the same bytes, and so does any number of processes that share the blocks.
//!
//! The kernels are in `input`, `convolution` (H1 and H2), `dropout`, `dense` (H3 and output), `loss`, `update` and `muon`,
//! their memory in `tile`, `weights` and `sums`; [`stages`] puts them together, and `blocks` runs them.
//!
//! ```
//! use gpu_train::cpu::FullBatch;
//! use gpu_train::cpu::simd::Level;
//! use gpu_train::data::embedded;
//! use gpu_train::engine::Engine;
//! use gpu_train::recipe::{Recipe, RecipeName};
//!
//! let mut digits = embedded::digits();
//! digits.train = digits.train.truncated(200);
//! let recipe = Recipe::named(RecipeName::FullBatchModern);
//! let start = recipe.initial_parameters();
//! let after_two_steps = |threads| {
//!     let (digits, recipe) = (digits.clone(), recipe.clone());
//!     let mut engine = FullBatch::with_level_and_threads(digits, recipe, &start, Level::best(), threads)?;
//!     engine.train(2)?;
//!     engine.state()
//! };
//! // The same bytes on any number of threads.
//! assert_eq!(after_two_steps(1)?, after_two_steps(2)?);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

// The kernels' loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

pub(in crate::cpu) mod blocks;
mod convolution;
mod dense;
mod dropout;
mod input;
mod loss;
mod muon;
mod rows;
pub mod stages;
mod sums;
mod tile;
mod update;
mod weights;
mod whitened_muon;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::blocks::{Blocks, TotalGradient, blocks};
use self::stages::Stage;
pub use self::tile::TILE;
use super::processor;
use super::ranks::Ranks;
use super::simd::Level;
use crate::data::{Digits, Examples};
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::{Batch, Optimizer, Recipe};
use crate::threads::{Threads, cores};
use crate::whitening::{Sample, Whitening};

/// The sums over a set: of the losses, of the misses, and in training of the gradients, without the padding's part.
pub(in crate::cpu) struct Sums {
    pub loss: f64,
    pub misses: u32,
    pub gradient: Option<Box<TotalGradient>>,
}

/// The whole training set at once, on the CPU.
pub struct FullBatch {
    train: Arc<dyn Examples>,
    test: Arc<dyn Examples>,
    recipe: Recipe,
    state: State,
    blocks: Blocks,
    /// The processes that share the blocks, this one among them; without, this one has all of them.
    ranks: Option<Arc<Ranks>>,
    /// Whitened Muon's examples, from the first estimate on.
    sample: Option<Sample>,
    /// Of the weights in the state's second moment.
    whitening: Option<Whitening>,
}

impl FullBatch {
    /// An engine at the start of a run from these parameters, on the best instruction set and all processors.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) if the recipe's batch is not the whole set, or its optimizer is
    /// diagonal Newton.
    pub fn new(digits: Digits, recipe: Recipe, parameters: &Parameters) -> Result<Self> {
        Self::with_level_and_threads(digits, recipe, parameters, Level::best(), cores())
    }

    /// The same on this instruction set and up to this number of threads: one where the system refuses to start them.
    /// They change no bit of what is computed.
    ///
    /// # Errors
    /// As [`FullBatch::new`].
    pub fn with_level_and_threads(
        digits: Digits,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
        threads: usize,
    ) -> Result<Self> {
        let (train, test) = (Arc::new(digits.train), Arc::new(digits.test));
        Self::over(train, test, recipe, parameters, level, threads)
    }

    /// The same over sets that need not be in memory: each step asks for each example once.
    ///
    /// # Errors
    /// As [`FullBatch::new`].
    pub fn over(
        train: Arc<dyn Examples>,
        test: Arc<dyn Examples>,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
        threads: usize,
    ) -> Result<Self> {
        recipe.validate_for("cpu", Batch::Full)?;
        let mut blocks = Blocks::new(recipe.clone(), level, Threads::start(threads));
        blocks.set_weights(parameters);
        Ok(Self {
            train,
            test,
            recipe,
            state: State::start(parameters.clone()),
            blocks,
            ranks: None,
            sample: None,
            whitening: None,
        })
    }

    /// Shares the blocks with other processes, on their common instruction set. No process but this one has a state; each
    /// step gives them the weights.
    #[must_use]
    pub fn shared_with(mut self, ranks: Arc<Ranks>) -> Self {
        ranks.open(&self.recipe);
        self.ranks = Some(ranks);
        self
    }

    /// Sums over a split at the present parameters. With a step, its shift and dropout are drawn and the gradient is
    /// computed.
    fn sums(&mut self, split: Split, step: Option<u32>) -> Result<Sums> {
        let set = self.set(split);
        let (own, parameters) = (&mut self.blocks, &self.state.parameters);
        if let Some(ranks) = &self.ranks {
            return ranks.run(own, &*set, parameters, (split, step));
        }
        own.run(&*set, &blocks(set.count()), parameters, step);
        let partials = own.partials();
        let gradient = step.map(|_| {
            let parts: Vec<&[f32]> = partials.iter().map(|one| one.gradient.flat()).collect();
            let mut total = Box::new([0f64; PARAMETER_COUNT]);
            own.add(&parts, &mut total[..]);
            total
        });
        Ok(Sums {
            loss: partials.iter().fold(0.0, |sum, one| sum + one.loss),
            misses: partials.iter().map(|one| one.misses).sum(),
            gradient,
        })
    }

    /// Runs stages on the first [`TILE`] examples and on what the stages before have left, without shift and dropout:
    /// for benches. After the loss each overwrites activations with gradients and adds to sums: run often, the numbers
    /// mean nothing.
    pub fn run_first_tile(&mut self, stages: &[Stage]) {
        self.blocks.run_first_tile(&*self.train, stages);
    }

    /// Mean loss over the training set at the present step, and its gradient.
    fn loss_and_gradient(&mut self) -> Result<(f64, Vec<f32>)> {
        let sums = self.sums(Split::Train, Some(self.state.step))?;
        let mut total = sums.gradient.expect("of a step");
        weights::add_padding_gradient(&mut total);
        let gradient = total.iter().map(|&sum| sum as f32).collect();
        Ok((sums.loss / self.train.count() as f64, gradient))
    }

    fn set(&self, split: Split) -> Arc<dyn Examples> {
        match split {
            Split::Train => Arc::clone(&self.train),
            Split::Test => Arc::clone(&self.test),
        }
    }

    fn step(&mut self) -> Result<f32> {
        let (loss, gradient) = self.loss_and_gradient()?;
        let step = u64::from(self.state.step);
        let scalars = self.recipe.step_scalars(step, self.train.count());
        if self.recipe.optimizer == Optimizer::WhitenedMuon {
            self.estimate_whitening()?;
        }
        let whitening = self.whitening.as_ref();
        let on = (self.blocks.level(), self.blocks.threads());
        let (state, recipe) = (&mut self.state, &self.recipe);
        update::update(state, recipe, scalars, &gradient, whitening, on);
        Ok(loss as f32)
    }

    /// Sees to the whitening of the present step: a new one if it is due, else that of the weights in the second moment.
    fn estimate_whitening(&mut self) -> Result<()> {
        let is_due = self.recipe.statistics_are_due(self.state.step);
        let are_present = || self.state.second_moment == self.state.parameters;
        if self.whitening.is_some() && (!is_due || are_present()) {
            return Ok(());
        }
        if is_due {
            self.state.second_moment = self.state.parameters.clone();
        }
        let (recipe, of) = (&self.recipe, &self.state.second_moment);
        let threads = self.blocks.threads();
        let found = Whitening::estimate(&mut self.sample, &*self.train, recipe, of, threads)?;
        self.whitening = Some(found);
        Ok(())
    }
}

impl Engine for FullBatch {
    fn kind(&self) -> EngineKind {
        EngineKind::Cpu
    }

    fn device(&self) -> String {
        let ranks = self.ranks.as_ref().map_or(1, |ranks| ranks.count());
        processor::device(ranks, self.blocks.threads().count(), self.blocks.level())
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.state = state.clone();
        self.whitening = None;
        Ok(())
    }

    fn take_whitening(&mut self, whitening: Whitening) -> Result<()> {
        self.state.second_moment = self.state.parameters.clone();
        self.whitening = Some(whitening);
        Ok(())
    }

    fn state(&mut self) -> Result<State> {
        Ok(self.state.clone())
    }

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        (0..steps).map(|_| self.step()).collect()
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        let (loss, gradient) = self.loss_and_gradient()?;
        Ok((loss, Parameters::from_flat(gradient)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let sums = self.sums(split, None)?;
        let examples = self.set(split).count();
        Ok(Evaluation {
            loss: sums.loss / examples as f64,
            misses: sums.misses,
            examples: examples as u32,
        })
    }
}
