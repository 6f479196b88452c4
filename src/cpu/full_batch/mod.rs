//! The full-batch engine: every step sees the whole training set, on all the processor's cores and vector lanes.
//!
//! Sixteen examples go through the net together, one per lane, so every kernel is plain arithmetic on vectors
//! without a shuffle; sixty-four make a tile, whose activations stay in the cache between forward and backward. Tiles
//! are dealt out in chunks that depend on the number of examples alone, and the chunks' gradients are added in their
//! order: any number of threads computes the same bytes.
//!
//! The kernels are in `input`, `convolution` (H1 and H2), `dropout`, `dense` (H3 and output), `loss`, `update` and `muon`,
//! their memory in `tile`, `weights` and `sums`; [`stages`] puts them together.

// The kernels' loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

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

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::zeroed_box;

use self::stages::{Chunk, PartialGradient, Scratch, Stage, Total};
pub use self::tile::TILE;
use self::weights::Weights;
use super::processor;
use super::simd::Level;
use crate::data::{Digits, Examples};
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::{Batch, Optimizer, Recipe};
use crate::threads::{Threads, cores};
use crate::whitening::{Sample, Whitening};

/// Chunks the tiles are dealt out in, where there are as many: enough for one on each of sixty-four cores, and few
/// enough that adding their gradients takes no time.
const CHUNKS: usize = 64;
/// Most tiles of a chunk: its sums are f32, a lane adding one example per vector.
const TILES_PER_CHUNK: usize = 64;

/// Parameters whose gradients a thread adds at a time.
const PIECE: usize = 1_024;

/// The whole training set at once, on the CPU.
pub struct FullBatch {
    train: Arc<dyn Examples>,
    test: Arc<dyn Examples>,
    recipe: Recipe,
    level: Level,
    threads: Threads,
    state: State,
    weights: Box<Weights>,
    /// One per thread.
    scratch: Vec<Mutex<Box<Scratch>>>,
    /// One per chunk.
    partials: Vec<PartialGradient>,
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
        let threads = Threads::start(threads);
        let mut weights: Box<Weights> = zeroed_box();
        weights.set(parameters);
        Ok(Self {
            train,
            test,
            recipe,
            level,
            state: State::start(parameters.clone()),
            weights,
            scratch: (0..threads.count())
                .map(|_| Mutex::new(zeroed_box()))
                .collect(),
            threads,
            partials: vec![PartialGradient::zero()],
            sample: None,
            whitening: None,
        })
    }

    /// Runs all chunks of a split at the present parameters: sum of the losses, and misses. With a step, its shift
    /// and dropout are drawn and the chunks' gradients left in `partials`.
    fn run_chunks(&mut self, split: Split, step: Option<u32>) -> (f64, u32) {
        self.weights.set(&self.state.parameters);
        let set = self.set(split);
        let chunks = chunks(set.count());
        self.partials
            .resize_with(chunks.len(), PartialGradient::zero);
        let stages = step.map_or(Stage::FORWARD, |_| Stage::ALL);
        let chunks = chunks.into_iter().zip(&mut self.partials).collect();
        self.threads
            .for_each(chunks, |thread, (examples, partial)| {
                let scratch = self.scratch[thread].lock();
                self.level.run(Chunk {
                    set: &*set,
                    weights: &self.weights,
                    recipe: &self.recipe,
                    step,
                    examples,
                    is_first: true,
                    stages,
                    scratch: &mut scratch.unwrap_or_else(PoisonError::into_inner),
                    partial,
                });
            });
        let totals = (0.0, 0);
        self.partials
            .iter()
            .fold(totals, |(loss, misses), partial| {
                (loss + partial.loss, misses + partial.misses)
            })
    }

    /// Runs stages on the first [`TILE`] examples and on what the stages before have left, without shift and dropout:
    /// for benches. After the loss each overwrites activations with gradients and adds to sums: run often, the numbers
    /// mean nothing.
    pub fn run_first_tile(&mut self, stages: &[Stage]) {
        let scratch = self.scratch[0].get_mut();
        self.level.run(Chunk {
            set: &*self.train,
            weights: &self.weights,
            recipe: &self.recipe,
            step: None,
            examples: 0..TILE.min(self.train.count()),
            is_first: false,
            stages,
            scratch: scratch.unwrap_or_else(PoisonError::into_inner),
            partial: &mut self.partials[0],
        });
    }

    /// Mean loss over the training set at the present step, and its gradient.
    fn loss_and_gradient(&mut self) -> (f64, Vec<f32>) {
        let (sum, _) = self.run_chunks(Split::Train, Some(self.state.step));
        let mut total = Box::new([0f64; PARAMETER_COUNT]);
        let pieces = total.chunks_mut(PIECE).enumerate().collect();
        self.threads.for_each(pieces, |_, (piece, sums)| {
            self.level.run(Total {
                partials: &self.partials,
                first: piece * PIECE,
                sums,
            });
        });
        weights::add_padding_gradient(&mut total);
        let gradient = total.iter().map(|&sum| sum as f32).collect();
        (sum / self.train.count() as f64, gradient)
    }

    fn set(&self, split: Split) -> Arc<dyn Examples> {
        match split {
            Split::Train => Arc::clone(&self.train),
            Split::Test => Arc::clone(&self.test),
        }
    }

    fn step(&mut self) -> Result<f32> {
        let (loss, gradient) = self.loss_and_gradient();
        let step = u64::from(self.state.step);
        let scalars = self.recipe.step_scalars(step, self.train.count());
        if self.recipe.optimizer == Optimizer::WhitenedMuon {
            self.estimate_whitening()?;
        }
        let whitening = self.whitening.as_ref();
        let (state, recipe, on) = (&mut self.state, &self.recipe, (self.level, &self.threads));
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
        let (recipe, threads, of) = (&self.recipe, &self.threads, &self.state.second_moment);
        let found = Whitening::estimate(&mut self.sample, &*self.train, recipe, of, threads)?;
        self.whitening = Some(found);
        Ok(())
    }
}

/// The chunks of this number of examples: whole tiles (but for the last), as even as can be.
fn chunks(examples: usize) -> Vec<Range<usize>> {
    let tiles = examples.div_ceil(TILE);
    let chunks = tiles.min(CHUNKS.max(tiles.div_ceil(TILES_PER_CHUNK)));
    let start = |chunk: usize| (chunk * tiles / chunks * TILE).min(examples);
    (0..chunks)
        .map(|chunk| start(chunk)..start(chunk + 1))
        .collect()
}

impl Engine for FullBatch {
    fn kind(&self) -> EngineKind {
        EngineKind::Cpu
    }

    fn device(&self) -> String {
        processor::device(self.threads.count(), self.level)
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
        let (loss, gradient) = self.loss_and_gradient();
        Ok((loss, Parameters::from_flat(gradient)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let (sum, misses) = self.run_chunks(split, None);
        let examples = self.set(split).count();
        Ok(Evaluation {
            loss: sum / examples as f64,
            misses,
            examples: examples as u32,
        })
    }
}
