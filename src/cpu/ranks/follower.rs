//! A rank that computes what rank 0 orders.

use std::sync::Arc;

use super::agreement::Host;
use super::exchange::answer;
use super::gather_peak;
use super::order::Order;
use crate::cpu::full_batch::blocks::Blocks;
use crate::data::Examples;
use crate::engine::Split;
use crate::error::{Error, Result};
use crate::recipe::{Recipe, difference};
use crate::threads::Threads;
use crate::world::World;

/// Computes this rank's blocks of the training set and the test set until rank 0 lets it go. `expected` is the recipe of this
/// rank's command line, if it gives one.
///
/// # Errors
/// [`Error::Usage`] if rank 0 has another recipe. The other ranks wait for this one then: it has to end them.
pub fn follow(
    world: &dyn World,
    host: Host,
    [train, test]: [Arc<dyn Examples>; 2],
    expected: Option<&Recipe>,
) -> Result<()> {
    let mut blocks = None;
    loop {
        let (order, parameters) = Order::take(world);
        let (set, step) = match order {
            Order::End => return Ok(()),
            Order::Open(length) => {
                let recipe = recipe(world, length as usize, expected)?;
                blocks = Some(Blocks::new(
                    recipe,
                    host.level,
                    Threads::start(host.threads),
                ));
                continue;
            }
            Order::Peak => {
                gather_peak(world, host);
                continue;
            }
            Order::Train(step) => (&*train, Some(step)),
            Order::Evaluate(Split::Train) => (&*train, None),
            Order::Evaluate(Split::Test) => (&*test, None),
        };
        let blocks = blocks.as_mut().expect("rank 0 opens before it runs");
        answer(world, blocks, set, &parameters, step);
    }
}

/// Rank 0's recipe.
fn recipe(world: &dyn World, length: usize, expected: Option<&Recipe>) -> Result<Recipe> {
    let mut json = vec![0; length];
    world.broadcast(&mut json);
    let recipe: Recipe = serde_json::from_slice(&json).expect("rank 0 has written it");
    match expected.and_then(|own| difference(own, &recipe)) {
        None => Ok(recipe),
        Some(difference) => Err(Error::Usage(format!(
            "recipe: found {difference} as on rank 0: every rank takes the same command"
        ))),
    }
}
