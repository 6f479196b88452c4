//! The essay's training, one example an update, on one core, as fast as we can make it: the baseline a GPU must beat.
//!
//! Everything is blocked four by four. A vector is sixteen products, four of one thing by four of another (a *quad*
//! of each), so that one layout of the weights serves the forward pass, the way back and the update, and sums across
//! a vector's lanes stand only at the ends of loops:
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
//! H1's activations lie as `column × map`, so that four maps at one position can be tiled; its sums come as
//! `map × column`, one transposition away. H1's weights lie in four lanes each, all updated alike.
//!
//! 30 units are padded to 32 and 10 classes to 12; the padding's weights, activations and gradients are exactly 0
//! throughout: its sums are 0, both nonlinearities keep 0, and no rule moves a 0 whose gradient is 0.

// The loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

mod activation;
mod curvature;
mod dense;
mod h1;
mod h2;
mod input;
mod kernel;
mod layout;
mod loss;
mod pass;
mod rule;

use crate::cpu::simd::Level;
use crate::data::Digits;
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::Parameters;
use crate::recipe::{Batch, Optimizer, Recipe};

use curvature::Curvature;
use input::Images;
use kernel::{Evaluate, Gradient, Set, Train};
use layout::Packed;
use pass::{KEEP_ALL, Moments, Pass};
use rule::{AdamWSchedule, DiagonalNewtonSchedule, MomentumSchedule, SgdSchedule};

/// Writes the body once for each literal: an array of vectors stays in registers only where its indices are
/// constants, and the compiler leaves some nested loops rolled.
macro_rules! unrolled {
    ($index:ident in [$($value:literal)*] $body:block) => {
        $({
            let $index: usize = $value;
            $body
        })*
    };
}
use unrolled;

/// Batch-1 training on one core.
pub struct PerExample {
    digits: Digits,
    recipe: Recipe,
    level: Level,
    train: Images,
    test: Images,
    pass: Box<Pass>,
    moments: Moments,
    step: u32,
}

impl PerExample {
    /// An engine at the start of a run from these parameters, at the processor's fastest level.
    ///
    /// Keeps a copy of the images in f32, 1 KiB an example.
    ///
    /// # Panics
    /// If the recipe's batch is not one example, or its optimizer is Muon.
    pub fn new(digits: Digits, recipe: Recipe, parameters: &Parameters) -> Self {
        Self::with_level(digits, recipe, parameters, Level::best())
    }

    /// The same at a given level.
    ///
    /// # Panics
    /// As [`PerExample::new`].
    pub fn with_level(
        digits: Digits,
        recipe: Recipe,
        parameters: &Parameters,
        level: Level,
    ) -> Self {
        assert_eq!(recipe.batch, Batch::PerExample, "one example an update");
        assert_ne!(recipe.optimizer, Optimizer::Muon, "no rule of one example");
        Self {
            train: Images::new(&digits.train),
            test: Images::new(&digits.test),
            pass: Box::new(Pass::new(recipe.activation, recipe.loss)),
            moments: Moments::start(parameters),
            step: 0,
            digits,
            recipe,
            level,
        }
    }

    /// Updates with the recipe's rule until `losses` is full.
    fn train_into(&mut self, losses: &mut [f32]) {
        if self.recipe.optimizer != Optimizer::DiagonalNewton {
            return self.train_within_pass(losses);
        }
        let examples = self.digits.train.len();
        let mut rest = losses;
        while !rest.is_empty() {
            let example = self.step as usize % examples;
            if example == 0 {
                self.level.run(Curvature {
                    set: Set {
                        images: &self.train,
                        labels: self.digits.train.labels(),
                    },
                    sample: examples.min(self.recipe.curvature_sample as usize),
                    damping: self.recipe.damping as f32,
                    pass: &mut self.pass,
                    moments: &mut self.moments,
                });
            }
            let (now, later) = rest.split_at_mut(rest.len().min(examples - example));
            self.train_within_pass(now);
            rest = later;
        }
    }

    /// The same; with diagonal Newton, no further than the end of a pass, and with the steps as they are.
    fn train_within_pass(&mut self, losses: &mut [f32]) {
        /// The same loop, compiled for each rule.
        macro_rules! train {
            ($schedule:expr) => {
                self.level.run(Train {
                    set: Set {
                        images: &self.train,
                        labels: self.digits.train.labels(),
                    },
                    recipe: &self.recipe,
                    schedule: $schedule,
                    pass: &mut self.pass,
                    moments: &mut self.moments,
                    step: self.step,
                    losses,
                })
            };
        }
        match self.recipe.optimizer {
            // Without momentum the buffer is never read, and not written either.
            Optimizer::Sgd if self.recipe.momentum == 0.0 && self.recipe.weight_decay == 0.0 => {
                train!(SgdSchedule);
            }
            Optimizer::Sgd => train!(MomentumSchedule::new(&self.recipe)),
            Optimizer::AdamW => train!(AdamWSchedule::new(&self.recipe)),
            Optimizer::Muon => unreachable!("refused at the start"),
            Optimizer::DiagonalNewton => train!(DiagonalNewtonSchedule),
        }
        self.step += losses.len() as u32;
    }
}

impl Moments {
    /// These parameters, and moments of zero.
    fn start(parameters: &Parameters) -> Self {
        Self {
            weights: Packed::pack(parameters),
            first: Box::new(Packed::ZERO),
            second: Box::new(Packed::ZERO),
        }
    }
}

impl Engine for PerExample {
    fn kind(&self) -> EngineKind {
        EngineKind::PerExample
    }

    fn device(&self) -> String {
        format!("{}, 1 thread, {}", super::processor(), self.level.name())
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
        let mut sums = Moments {
            weights: self.moments.weights.clone(),
            first: Box::new(Packed::ZERO),
            second: Box::new(Packed::ZERO),
        };
        let value = self.level.run(Gradient {
            set: Set {
                images: &self.train,
                labels: self.digits.train.labels(),
            },
            recipe: &self.recipe,
            pass: &mut self.pass,
            moments: &mut sums,
            step: self.step,
        });
        Ok((value, sums.first.unpack()))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let (images, set) = match split {
            Split::Train => (&self.train, &self.digits.train),
            Split::Test => (&self.test, &self.digits.test),
        };
        self.pass.factors = KEEP_ALL;
        let (sum, misses) = self.level.run(Evaluate {
            set: Set {
                images,
                labels: set.labels(),
            },
            pass: &mut self.pass,
            moments: &self.moments,
        });
        Ok(Evaluation {
            loss: sum / set.len() as f64,
            misses,
            examples: set.len() as u32,
        })
    }
}
