//! The full batch over several processes: rank 0 has the run and its state, and the others compute blocks for it.
//!
//! Before each step rank 0 gives all ranks the weights. Each computes the gradients of its blocks. Then each rank gets
//! one slice of the parameters from all blocks, adds them in the order of the blocks, and rank 0 gathers the slices' sums: the
//! same additions in the same order as in one process, so any number of ranks computes the same bytes. The update, whatever
//! its rule, is rank 0's.
//!
//! ```
//! use gpu_train::cpu::ranks::own_examples;
//!
//! // The examples that each of three ranks holds: whole blocks, all of them together.
//! let held: Vec<_> = (0..3).map(|rank| own_examples(7_291, rank, 3)).collect();
//! assert_eq!((held[0].start, held[2].end), (0, 7_291));
//! assert!(held.windows(2).all(|two| two[0].end == two[1].start));
//! ```

mod agreement;
mod exchange;
mod follower;
mod order;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use self::exchange::{Shares, answer};
use self::order::Order;
use super::full_batch::Sums;
use super::full_batch::blocks::Blocks;
use super::peak;
use super::simd::Level;
use crate::data::{Dataset, Examples};
use crate::engine::Split;
use crate::error::{Error, Result};
use crate::net::Parameters;
use crate::recipe::Recipe;
use crate::world::World;

pub use self::agreement::Host;
pub use self::follower::follow;

/// All ranks of a run, for rank 0. Dropped, it lets the others go.
pub struct Ranks {
    world: Arc<dyn World>,
    host: Host,
}

impl std::fmt::Debug for Ranks {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} ranks", self.world.count())
    }
}

impl Ranks {
    /// Takes the lead of these processes, each of which calls [`follow`], on what they have agreed on.
    ///
    /// # Panics
    /// If this is not rank 0.
    pub fn lead(world: Arc<dyn World>, host: Host) -> Self {
        assert_eq!(world.rank(), 0, "the rank that leads");
        Self { world, host }
    }

    /// Number of ranks.
    pub fn count(&self) -> usize {
        self.world.count()
    }

    /// Threads of this rank.
    pub fn threads(&self) -> usize {
        self.host.threads
    }

    /// Instruction set of all ranks.
    pub fn level(&self) -> Level {
        self.host.level
    }

    /// Multiply-adds of all ranks at once, in FLOP a second.
    pub fn flop_per_second(&self) -> f64 {
        Order::Peak.give(&*self.world, None);
        gather_peak(&*self.world, self.host).into_iter().sum()
    }

    /// Gives all ranks the recipe of the orders that follow.
    pub(super) fn open(&self, recipe: &Recipe) {
        let mut json = serde_json::to_vec(recipe).expect("a recipe has only plain fields");
        Order::Open(json.len() as u32).give(&*self.world, None);
        self.world.broadcast(&mut json);
    }

    /// Sums over a set at these parameters, of the training step where there is one.
    ///
    /// # Errors
    /// [`Error::Device`] if an evaluation finds that a rank has other weights.
    pub(super) fn run(
        &self,
        own: &mut Blocks,
        set: &dyn Examples,
        parameters: &Parameters,
        (split, step): (Split, Option<u32>),
    ) -> Result<Sums> {
        let order = match step {
            Some(step) => Order::Train(step),
            None => Order::Evaluate(split),
        };
        order.give(&*self.world, Some(parameters));
        let answers = answer(&*self.world, own, set, parameters, step);
        if step.is_none() {
            let other = answers.iter().position(|one| one.hash != answers[0].hash);
            if let Some(rank) = other {
                return Err(Error::Device(format!(
                    "rank {rank}: found other weights than rank 0's at an evaluation, expected the same: its memory or its \
                     network is at fault"
                )));
            }
        }
        let gradient = step.map(|_| {
            let slices: Vec<f64> = answers
                .iter()
                .flat_map(|one| &one.gradient)
                .copied()
                .collect();
            let total = slices.into_boxed_slice().try_into();
            total.expect("the slices are all parameters")
        });
        let blocks = || answers.iter().flat_map(|answer| &answer.blocks);
        Ok(Sums {
            loss: blocks().fold(0.0, |sum, (loss, _)| sum + loss),
            misses: blocks().map(|(_, misses)| misses).sum(),
            gradient,
        })
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        Order::End.give(&*self.world, None);
    }
}

/// Each rank's multiply-adds in FLOP a second, all measured at once; for rank 0.
fn gather_peak(world: &dyn World, host: Host) -> Vec<f64> {
    let own = peak::flop_per_second(host.level, host.threads).to_bits();
    let mut all = vec![0; if world.rank() == 0 { world.count() } else { 0 }];
    world.gather(&[own], &vec![1; world.count()], &mut all);
    all.into_iter().map(f64::from_bits).collect()
}

/// The examples of a rank's blocks.
pub fn own_examples(examples: usize, rank: usize, ranks: usize) -> Range<usize> {
    let shares = Shares::of(examples, ranks);
    match shares.blocks(rank) {
        [] => 0..0,
        [first, .., last] => first.start..last.end,
        [one] => one.clone(),
    }
}

/// A set of which a process holds only the examples of its blocks.
pub struct Held {
    count: usize,
    denominator: u16,
    first: usize,
    examples: Option<Dataset>,
}

impl Held {
    /// The part of a rank.
    pub fn of(set: &Dataset, rank: usize, ranks: usize) -> Self {
        let own = own_examples(set.len(), rank, ranks);
        let indices: Vec<usize> = own.clone().collect();
        Self {
            count: set.len(),
            denominator: set.denominator(),
            first: own.start,
            examples: (!indices.is_empty()).then(|| set.subset(&indices)),
        }
    }

    fn held(&self) -> &Dataset {
        self.examples.as_ref().expect("an example of an own block")
    }
}

impl Examples for Held {
    fn count(&self) -> usize {
        self.count
    }

    fn denominator(&self) -> u16 {
        self.denominator
    }

    fn label(&self, example: usize) -> u8 {
        self.held().labels()[example - self.first]
    }

    fn image<'a>(
        &'a self,
        example: usize,
        _room: &'a mut crate::data::examples::Image,
    ) -> &'a [u16] {
        self.held().image_codes(example - self.first)
    }
}
