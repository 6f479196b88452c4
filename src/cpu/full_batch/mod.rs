//! The full-batch engine: every step sees the whole training set, on all the processor's cores and vector lanes.
//!
//! Sixteen examples go side by side through the net, one a lane, so every kernel is plain arithmetic on vectors
//! without a shuffle; sixty-four make a tile, whose activations stay in the cache between forward and backward. Tiles
//! are dealt out in chunks that depend on the number of examples alone, and the chunks' gradients are added in their
//! order: any number of threads computes the same bytes.
//!
//! One file a kernel: `input`, `h1`, `h2`, `dropout`, `dense` (H3 and output), `loss`, `update`, `muon`;
//! `rows` is the inner loop of both convolutions, `pass` puts them together, [`alone`] runs one for benches.

// The kernels' loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

pub mod alone;
mod dense;
mod dropout;
mod h1;
mod h2;
mod input;
mod loss;
mod muon;
mod pass;
mod rows;
mod sums;
mod tile;
mod update;
mod weights;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use rayon::ThreadPool;
use rayon::prelude::*;

use self::pass::{Chunk, Scratch, Share};
use self::tile::TILE;
use self::weights::Weights;
use super::simd::Level;
use crate::data::{Digits, Examples};
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::{Batch, Optimizer, Recipe};

/// Chunks the tiles are dealt out in, where there are as many: so many that sixty-four cores have one each, and so
/// few that adding their gradients takes no time.
const CHUNKS: usize = 64;
/// Tiles of a chunk at most: its sums are f32, a lane adding one example a vector.
const TILES_OF_A_CHUNK: usize = 64;

/// The whole training set at once, on the CPU.
pub struct FullBatch {
    train: Arc<dyn Examples>,
    test: Arc<dyn Examples>,
    recipe: Recipe,
    level: Level,
    pool: Arc<ThreadPool>,
    state: State,
    weights: Box<Weights>,
    /// One a thread.
    scratch: Vec<Mutex<Scratch>>,
    /// One a chunk.
    shares: Vec<Share>,
}

impl FullBatch {
    /// An engine at the start of a run from these parameters, on the best instruction set and all processors.
    ///
    /// # Panics
    /// If the recipe's batch is not the whole set, its optimizer is diagonal Newton, or the system refuses to start threads.
    pub fn new(digits: Digits, recipe: Recipe, parameters: &Parameters) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_level_and_threads(digits, recipe, parameters, Level::best(), threads)
    }

    /// The same on this instruction set and so many threads (at least one); the threads change no bit of what is
    /// computed.
    ///
    /// # Panics
    /// As [`FullBatch::new`].
    pub fn with_level_and_threads(
        digits: Digits,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
        threads: usize,
    ) -> Self {
        let (train, test) = (Arc::new(digits.train), Arc::new(digits.test));
        Self::over(train, test, recipe, parameters, level, threads)
    }

    /// The same over sets that need not lie in memory: each step asks for each example once.
    ///
    /// # Panics
    /// As [`FullBatch::new`].
    pub fn over(
        train: Arc<dyn Examples>,
        test: Arc<dyn Examples>,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
        threads: usize,
    ) -> Self {
        assert_eq!(recipe.batch, Batch::Full, "a recipe for the whole set");
        let newton = recipe.optimizer == Optimizer::DiagonalNewton;
        assert!(!newton, "diagonal Newton takes one example an update");
        let threads = threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("full-batch {index}"))
            .build()
            .expect("threads to compute on");
        Self {
            train,
            test,
            recipe,
            level,
            pool: Arc::new(pool),
            state: State::start(parameters.clone()),
            weights: Box::new(Weights::ZERO),
            scratch: (0..threads).map(|_| Mutex::new(Scratch::new())).collect(),
            shares: Vec::new(),
        }
    }

    /// Runs all chunks of a split at the present parameters: sum of the losses, and misses. With a step, its shift
    /// and dropout are drawn and the chunks' gradients left in `shares`. Must be called on the pool.
    fn run_chunks(&mut self, split: Split, step: Option<u32>) -> (f64, u32) {
        self.weights.set(&self.state.parameters);
        let set = self.set(split);
        let chunks = chunks(set.count());
        let empty = || Share {
            loss: 0.0,
            misses: 0,
            gradient: Parameters::zeros(),
        };
        self.shares.resize_with(chunks.len(), empty);
        let run = |(examples, share): (Range<usize>, &mut Share)| {
            let thread = rayon::current_thread_index().expect("a thread of the pool");
            let mut scratch = self.scratch[thread]
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            self.level.run(Chunk {
                set: &*set,
                examples,
                weights: &self.weights,
                recipe: &self.recipe,
                step,
                scratch: &mut scratch,
                share,
            });
        };
        chunks
            .into_par_iter()
            .zip(&mut self.shares)
            .with_max_len(1)
            .for_each(run);
        let totals = (0.0, 0);
        self.shares.iter().fold(totals, |(loss, misses), share| {
            (loss + share.loss, misses + share.misses)
        })
    }

    /// Mean loss over the training set at the present step, and its gradient.
    fn loss_and_gradient(&mut self) -> (f64, Vec<f32>) {
        let (sum, _) = self.run_chunks(Split::Train, Some(self.state.step));
        let mut total = Box::new([0f64; PARAMETER_COUNT]);
        for share in &self.shares {
            for (sum, &part) in total.iter_mut().zip(share.gradient.flat()) {
                *sum += f64::from(part);
            }
        }
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

    fn step(&mut self) -> f32 {
        let (loss, gradient) = self.loss_and_gradient();
        let step = u64::from(self.state.step);
        let scalars = self.recipe.step_scalars(step, self.train.count());
        update::update(&mut self.state, &self.recipe, scalars, &gradient);
        loss as f32
    }
}

/// The chunks of so many examples: whole tiles (but for the last), as even as can be.
fn chunks(examples: usize) -> Vec<Range<usize>> {
    let tiles = examples.div_ceil(TILE);
    let chunks = tiles.min(CHUNKS.max(tiles.div_ceil(TILES_OF_A_CHUNK)));
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
        let threads = self.scratch.len();
        let plural = if threads == 1 { "" } else { "s" };
        let processor = super::processor();
        let level = self.level.name();
        format!("{processor}, {threads} thread{plural}, {level}")
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.state = state.clone();
        Ok(())
    }

    fn state(&mut self) -> Result<State> {
        Ok(self.state.clone())
    }

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        // Entered once: the threads need not be woken for every step.
        let pool = Arc::clone(&self.pool);
        Ok(pool.install(|| (0..steps).map(|_| self.step()).collect()))
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        let pool = Arc::clone(&self.pool);
        let (loss, gradient) = pool.install(|| self.loss_and_gradient());
        Ok((loss, Parameters::from_flat(gradient)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let pool = Arc::clone(&self.pool);
        let (sum, misses) = pool.install(|| self.run_chunks(split, None));
        let examples = self.set(split).count();
        Ok(Evaluation {
            loss: sum / examples as f64,
            misses,
            examples: examples as u32,
        })
    }
}
