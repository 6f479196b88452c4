//! The essay's table of recipes over several seeds: its rows, their runs, and the table.

mod collect;
mod rows;
mod table;

use std::cmp::Reverse;

use super::record::RunRecord;
use super::run::{Evaluations, Job};
use crate::data::{Digits, DigitsRecord};
use crate::error::Result;
use crate::recipe::Recipe;
use crate::target::Target;

pub use collect::{Collected, Missing, collect};
pub use rows::{Figure, Large, ROWS, Row};
pub use table::table;

/// A row, its recipe with the first seed, and its runs in the order of their seeds.
pub type RowRuns = (&'static Row, Recipe, Vec<RunRecord>);

/// The runs of these rows over these seeds (at least one), full-batch recipes on `target`.
///
/// # Errors
/// If a recipe has too many updates.
pub fn jobs(
    rows: &[&'static Row],
    seeds: &[u64],
    (digits, record): (&Digits, &DigitsRecord),
    target: &Target,
    recipe: impl Fn(&Row, u64) -> Recipe,
) -> Result<Vec<Job>> {
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
    Ok(jobs)
}

/// The rows with their runs of these, in the order of their seeds.
pub fn by_row(
    rows: &[&'static Row],
    recipe: impl Fn(&Row) -> Recipe,
    records: &[RunRecord],
) -> Vec<RowRuns> {
    let of = |row: &&'static Row| {
        let runs = records.iter().filter(|run| run.identity.row == row.name);
        (*row, recipe(row), runs.cloned().collect())
    };
    rows.iter().map(of).collect()
}
