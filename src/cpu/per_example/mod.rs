//! The essay's training, one example per update, on one core, as fast as we can make it: the baseline for GPUs.
//!
//! Everything is blocked four by four. A vector is sixteen products, four of one thing by four of another (a *quad*
//! of each), so that one layout of the weights serves the forward pass, the way back and the update, and sums across
//! a vector's lanes occur only at the ends of loops:
//!
//! | tensor | index | lanes | forward multiplies by | and sums within | back multiplies by | and sums |
//! |---|---|---|---|---|---|---|
//! | `h1w` | map quad, tap | map × (the same four times) | pixels of four columns, tiled | – | – | – |
//! | `h1b` | map quad, row, half | map × column | | | | |
//! | `h2w` | pair of map quads, tap | map of H2 × map of H1 | H1's maps, tiled | quads | H2's maps, repeated | quads |
//! | `h2b` | map quad, row | column × map | | | | |
//! | `h3w` | input quad, unit quad | unit × input | inputs, tiled | quads | units, repeated | quads |
//! | `outw` | unit quad, class quad | class × unit | units, tiled | quads | classes, repeated | quads |
//!
//! *Tiled* is a quad four times over (`0123 0123 …`, a plain load), *repeated* each of its floats four times
//! (`0000 1111 …`). A layer's inputs tiled times its gradients repeated is the gradient of its weights, lane for lane.
//! H1's activations are stored as `column × map`, so that four maps at one position can be tiled; its sums come as
//! `map × column`, one transposition away. H1's weights occupy four lanes each, all updated alike.
//!
//! 30 units are padded to 32 and 10 classes to 12; the padding's weights, activations and gradients are exactly 0
//! throughout: its sums are 0, both nonlinearities keep 0, and no rule moves a 0 whose gradient is 0.
//!
//! ```
//! use gpu_train::cpu::PerExample;
//! use gpu_train::data::embedded;
//! use gpu_train::engine::{Engine, Split};
//! use gpu_train::recipe::{Recipe, RecipeName};
//!
//! let digits = embedded::digits();
//! let recipe = Recipe::named(RecipeName::Reproduction);
//! let start = recipe.initial_parameters();
//! let mut engine = PerExample::new(digits.clone(), recipe, &start)?;
//! // An epoch: every example once.
//! engine.train(digits.train.len() as u32)?;
//! assert!(engine.evaluate(Split::Test)?.error() < 0.15);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

// The loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

mod curvature;
mod dense;
mod forward_backward;
mod h1;
mod h2;
mod input;
mod layout;
mod loops;
mod loss;
mod rule;

use std::marker::PhantomData;

use bytemuck::zeroed_box;

use super::processor;
use super::simd::Level;
use crate::data::Digits;
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::Parameters;
use crate::recipe::{Batch, Optimizer, Recipe};

use curvature::Curvature;
use forward_backward::{KEEP_ALL, Memory};
use input::{BACKGROUND, Set};
use layout::{Moments, Packed};
use loops::{Evaluate, Gradient, Train};
use rule::{AdamW, DiagonalNewton, Momentum, Sgd, Update};

/// Batch-1 training on one core.
pub struct PerExample {
    train: Set,
    test: Set,
    recipe: Recipe,
    level: Level,
    memory: Box<Memory>,
    moments: Moments,
    step: u32,
}

impl PerExample {
    /// An engine at the start of a run from these parameters, at the processor's fastest level.
    ///
    /// Keeps a copy of the images in f32, 1 KiB per example.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) if the recipe's batch is not one example, or its optimizer does not
    /// go with that.
    pub fn new(digits: Digits, recipe: Recipe, parameters: &Parameters) -> Result<Self> {
        Self::with_level(digits, recipe, parameters, Level::best())
    }

    /// The same at a given level.
    ///
    /// # Errors
    /// As [`PerExample::new`].
    pub fn with_level(
        digits: Digits,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
    ) -> Result<Self> {
        recipe.validate_for("per-example", Batch::PerExample)?;
        let mut memory: Box<Memory> = zeroed_box();
        memory.values.inputs.x = BACKGROUND;
        memory.values.factors = KEEP_ALL;
        Ok(Self {
            train: Set::new(&digits.train),
            test: Set::new(&digits.test),
            memory,
            moments: Moments::start(Packed::pack(parameters)),
            step: 0,
            recipe,
            level,
        })
    }

    /// Updates with the recipe's rule until `losses` is full.
    fn train_into(&mut self, losses: &mut [f32]) {
        // Without momentum the buffer is never read, and not written either.
        let plain = self.recipe.momentum == 0.0 && self.recipe.weight_decay == 0.0;
        match self.recipe.optimizer {
            Optimizer::Sgd if plain => self.train_by::<Sgd>(losses),
            Optimizer::Sgd => self.train_by::<Momentum>(losses),
            Optimizer::AdamW => self.train_by::<AdamW>(losses),
            Optimizer::Muon | Optimizer::WhitenedMuon => {
                unreachable!("refused when the engine was made")
            }
            Optimizer::DiagonalNewton => {
                let examples = self.train.labels.len();
                let mut rest = losses;
                while !rest.is_empty() {
                    let example = self.step as usize % examples;
                    if example == 0 {
                        self.level.run(Curvature(self));
                    }
                    let epoch = rest.len().min(examples - example);
                    let (now, later) = rest.split_at_mut(epoch);
                    self.train_by::<DiagonalNewton>(now);
                    rest = later;
                }
            }
        }
    }

    /// Updates by one rule; with diagonal Newton, no further than the end of an epoch, and with the steps as they are.
    fn train_by<R: Update>(&mut self, losses: &mut [f32]) {
        self.level.run(Train {
            engine: self,
            losses,
            rule: PhantomData::<R>,
        });
    }
}

impl Engine for PerExample {
    fn kind(&self) -> EngineKind {
        EngineKind::PerExample
    }

    fn device(&self) -> String {
        processor::device(1, 1, self.level)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.step = state.step;
        self.moments = Moments {
            weights: Packed::pack(&state.parameters),
            first: Packed::pack(&state.first_moment),
            second: Packed::pack(&state.second_moment),
        };
        Ok(())
    }

    fn state(&mut self) -> Result<State> {
        Ok(State {
            step: self.step,
            parameters: self.moments.weights.unpack(),
            first_moment: self.moments.first.unpack(),
            second_moment: self.moments.second.unpack(),
        })
    }

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        let mut losses = vec![0.0; steps as usize];
        if steps > 0 {
            self.train_into(&mut losses);
        }
        Ok(losses)
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        Ok(self.level.run(Gradient(self)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        Ok(self.level.run(Evaluate {
            engine: self,
            split,
        }))
    }
}
