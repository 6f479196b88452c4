//! The essay's table of recipes over several seeds: its rows, their runs, and the table.

mod rows;
mod table;

use std::cmp::Reverse;

use super::queue::Queue;
use super::record::RunRecord;
use super::run::{Evaluations, Job};
use crate::data::{Digits, DigitsRecord};
use crate::error::Result;
use crate::recipe::Recipe;
use crate::target::Target;

pub use rows::{Figure, Large, ROWS, Row};
pub use table::table;

/// A row, its recipe with the first seed, and its runs in the order of their seeds.
pub type RowRuns = (&'static Row, Recipe, Vec<RunRecord>);

/// Runs these rows over these seeds (at least one), where the queue's folder lacks them: full-batch recipes on `target`,
/// up to `workers` runs at a time.
///
/// # Errors
/// If a recipe has too many updates; what the queue returns.
pub fn run(
    rows: &[&'static Row],
    seeds: &[u64],
    (digits, record): (&Digits, &DigitsRecord),
    target: &Target,
    recipe: impl Fn(&Row, u64) -> Recipe,
    (queue, workers): (&Queue, usize),
) -> Result<Vec<RowRuns>> {
    let mut jobs = Vec::new();
    for row in rows {
        for &seed in seeds {
            let recipe = recipe(row, seed);
            recipe.validate_updates(digits.train.len())?;
            let target = target.of_batch(recipe.batch);
            jobs.push(Job {
                evaluations: Evaluations::Curve,
                keeps_weights: seed == seeds[0],
                ..Job::new(row.name, (digits, record), recipe, target)
            });
        }
    }
    // Seed by seed, so that an interrupted table is even; the longest of a seed first, so that the cores end together.
    jobs.sort_by_key(|job| (job.identity.seed, Reverse(job.work())));
    let records = queue.run(&jobs, workers)?;
    let of = |row: &&'static Row| {
        let runs = records.iter().filter(|run| run.identity.row == row.name);
        (*row, recipe(row, seeds[0]), runs.cloned().collect())
    };
    Ok(rows.iter().map(of).collect())
}
