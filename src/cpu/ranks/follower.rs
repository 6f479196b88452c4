//! A rank that computes what rank 0 orders.

use std::sync::Arc;

use super::agreement::Host;
use super::exchange::{Shares, exchange};
use super::gather_peak;
use super::order::Order;
use crate::cpu::full_batch::blocks::Blocks;
use crate::data::Examples;
use crate::engine::Split;
use crate::error::{Error, Result};
use crate::file::quoted;
use crate::recipe::{Recipe, differing_field};
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
        let shares = Shares::of(set.count(), world.count());
        blocks.run(set, shares.blocks(world.rank()), &parameters, step);
        exchange(world, blocks, &shares, step.is_some());
    }
}

/// Rank 0's recipe.
fn recipe(world: &dyn World, length: usize, expected: Option<&Recipe>) -> Result<Recipe> {
    let mut json = vec![0; length];
    world.broadcast(&mut json);
    let recipe: Recipe = serde_json::from_slice(&json).expect("rank 0 has written it");
    let value = |recipe| serde_json::to_value(recipe).expect("a recipe has only plain fields");
    if let Some(own) = expected
        && let Some((name, own, of_rank_0)) = differing_field(&value(own), &value(&recipe))
    {
        let [own, of_rank_0] = [own, of_rank_0].map(|value| quoted(&value.to_string()));
        return Err(Error::Usage(format!(
            "recipe: found {name} {own}, expected {of_rank_0} as on rank 0: every rank takes the same command"
        )));
    }
    Ok(recipe)
}
