//! The table of finished runs.

use super::{Row, RowRuns};
use crate::data::{DigitsRecord, Source};
use crate::experiment::plural;
use crate::experiment::record::{
    FailedRun, Published, RunRecord, Stamp, Statistics, Table, TableRow,
};
use crate::recipe::{Batch, Recipe};

/// The contents of a table besides its rows.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Its head.
    pub stamp: Stamp,
    /// The digits.
    pub digits: DigitsRecord,
    /// Their source.
    pub source: Source,
    /// Seeds of each row.
    pub seeds: Vec<u64>,
    /// Differences between these runs and the published ones.
    pub restrictions: Vec<String>,
}

/// The table of these rows: of each the recipe of its first seed, and its runs in the order of their seeds, at least
/// one.
pub fn table(sheet: Sheet, rows: &[RowRuns]) -> Table {
    let comparable = sheet.restrictions.is_empty();
    let rows = rows.iter().map(|(row, recipe, runs)| {
        let published = row.published(sheet.source).filter(|_| comparable);
        table_row(row, recipe, published, &sheet.digits, runs)
    });
    let rows: Vec<TableRow> = rows.collect();
    Table {
        notes: notes(&sheet, &rows),
        stamp: sheet.stamp,
        digits: sheet.digits,
        seeds: sheet.seeds,
        restrictions: sheet.restrictions,
        rows,
    }
}

fn table_row(
    row: &Row,
    recipe: &Recipe,
    published: Option<Published>,
    digits: &DigitsRecord,
    runs: &[RunRecord],
) -> TableRow {
    let examples = digits.train_examples as usize;
    let ended: Vec<_> = runs
        .iter()
        .filter_map(|run| Some((run, run.last()?)))
        .collect();
    let test_misses: Vec<u32> = ended.iter().map(|(_, end)| end.test.misses).collect();
    let statistics = Statistics::of(&test_misses);
    let inside = |found: &Statistics| found.predicts(published.as_ref()?.misses);
    let seconds: f64 = ended.iter().map(|(run, _)| run.seconds.train).sum();
    let steps = recipe.updates(examples);
    TableRow {
        row: row.name.into(),
        title: row.title.into(),
        recipe_name: recipe.name.clone(),
        recipe: serde_json::to_value(recipe).expect("a recipe has only plain fields"),
        full_batch: recipe.batch == Batch::Full,
        engine: runs
            .first()
            .map_or(String::new(), |run| run.identity.engine.to_string()),
        device: ended.first().map(|(run, _)| run.device.clone()),
        steps: u32::try_from(steps).unwrap_or(u32::MAX),
        passes: steps as f64 / recipe.updates_per_pass(examples) as f64,
        seeds: ended.iter().map(|(run, _)| run.identity.seed).collect(),
        train_misses: ended.iter().map(|(_, end)| end.train.misses).collect(),
        test_misses,
        published_inside: statistics.as_ref().and_then(inside),
        statistics,
        published,
        mean_seconds: (!ended.is_empty()).then(|| seconds / ended.len() as f64),
        concurrent_runs: ended
            .iter()
            .map(|(run, _)| run.concurrent_runs)
            .max()
            .unwrap_or(1),
        failed: runs.iter().filter_map(failed_run).collect(),
    }
}

fn failed_run(run: &RunRecord) -> Option<FailedRun> {
    Some(FailedRun {
        seed: run.identity.seed,
        message: run.failed.clone()?,
    })
}

fn notes(sheet: &Sheet, rows: &[TableRow]) -> Vec<String> {
    let mut notes = vec![format!(
        "Misses are counts of test examples, of {}, after the last step, which is fixed beforehand.",
        sheet.digits.test_examples
    )];
    if rows.iter().any(|row| row.published_inside.is_some()) {
        notes.push(
            "A published figure is one run. It is \"inside\" where it lies in the 95% prediction interval of one more \
             run, mean ± t·sd·√(1 + 1/n); the interval beside the mean is that of the mean, mean ± t·sd/√n. Both take the \
             misses as normally distributed."
                .into(),
        );
    }
    let published = || rows.iter().filter_map(|row| row.published.as_ref());
    if published().any(|figure| figure.misses != figure.printed_misses) {
        notes.push(
            "The essay's script truncates a float when it prints a count: where the percentage it prints beside comes to \
             one more, that is compared, and the count as printed is in brackets."
                .into(),
        );
    }
    if rows
        .iter()
        .any(|row| row.full_batch && row.published.is_some())
        && sheet.source != Source::ZipCode
    {
        notes.push(
            "The essay has no full-batch runs: a full-batch version is compared with the figure of its stage."
                .into(),
        );
    }
    if sheet.source == Source::ZipCode && published().next().is_some() {
        notes.push(
            "The paper's figure is of one net, trained with its own Newton method: every row is compared with it."
                .into(),
        );
    }
    if rows.iter().any(|row| row.concurrent_runs > 1) {
        notes.push(
            "* These runs shared the machine with others: their seconds are not to be compared (gpu-train race is for \
             that)."
                .into(),
        );
    }
    if sheet.seeds.len() < 20 {
        notes.push(format!(
            "Of {}; a table to be published has 20 (--seeds 20).",
            plural(sheet.seeds.len(), "seed")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineKind;
    use crate::experiment::record::{CurvePoint, Identity, Machine, SCHEMA, Seconds, SplitReport};

    fn digits() -> DigitsRecord {
        DigitsRecord {
            source: "test".into(),
            sha256: "00".into(),
            train_examples: 7_291,
            test_examples: 2_007,
        }
    }

    fn run(seed: u64, misses: Option<u32>) -> RunRecord {
        let split = |misses| SplitReport {
            loss: 0.1,
            error: 0.0,
            misses,
            examples: 2_007,
        };
        let point = |misses| CurvePoint {
            step: 10,
            passes: 10.0,
            seconds: 2.0,
            train: split(3),
            test: split(misses),
        };
        RunRecord {
            schema: SCHEMA,
            identity: Identity {
                row: "stage-0".into(),
                digits: digits(),
                recipe: serde_json::Value::Null,
                seed,
                engine: EngineKind::PerExample,
                adapter: None,
            },
            version: "0".into(),
            date: "2026-01-01".into(),
            device: "a core".into(),
            kernels: None,
            concurrent_runs: seed as u32,
            seconds: Seconds {
                setup: 0.1,
                tuning: 0.0,
                train: seed as f64,
            },
            steps: 10,
            presentations: 10,
            curve: misses.map(point).into_iter().collect(),
            failed: misses.is_none().then(|| "training diverged".into()),
            weights: None,
            missed: None,
        }
    }

    fn sheet(source: Source, restrictions: Vec<String>) -> Sheet {
        Sheet {
            stamp: Stamp {
                schema: SCHEMA,
                version: "0".into(),
                date: "2026-01-01".into(),
                command: "gpu-train reproduce".into(),
                machine: Machine {
                    processor: "one".into(),
                    cores: 2,
                    os: "linux".into(),
                },
            },
            digits: digits(),
            source,
            seeds: vec![1, 2, 3, 4],
            restrictions,
        }
    }

    fn of(misses: &[Option<u32>], restrictions: Vec<String>) -> TableRow {
        let row = Row::named("stage-0").expect("a row");
        let runs = misses.iter().zip(1..);
        let runs = runs.map(|(&misses, seed)| run(seed, misses)).collect();
        let recipe = row.recipe(Source::Mnist1989, 1);
        let sheet = sheet(Source::Mnist1989, restrictions);
        let table = table(sheet, &[(row, recipe, runs)]);
        table.rows.into_iter().next().expect("one row")
    }

    /// 70, 80, 90: one more run is between 30.3 and 129.7, so 82 does.
    #[test]
    fn a_row_sums_its_runs_up() {
        let row = of(&[Some(80), Some(90), Some(70)], Vec::new());
        let statistics = row.statistics.expect("runs");
        assert_eq!((statistics.n, statistics.mean), (3, 80.0));
        assert_eq!(row.published_inside, Some(true));
        assert_eq!((row.mean_seconds, row.concurrent_runs), (Some(2.0), 3));
        assert_eq!((row.passes, row.steps), (23.0, 167_693));
        assert_eq!(row.train_misses, [3, 3, 3]);
        // 60, 61, 62: between 55.0 and 67.0.
        let better = of(&[Some(60), Some(61), Some(62)], Vec::new());
        assert_eq!(better.published_inside, Some(false));
    }

    #[test]
    fn failed_runs_are_listed_and_do_not_count() {
        let row = of(&[Some(80), None, Some(82)], Vec::new());
        assert_eq!(row.seeds, [1, 3]);
        assert_eq!(row.statistics.expect("runs").mean, 81.0);
        assert_eq!((row.failed.len(), row.failed[0].seed), (1, 2));
        let none = of(&[None], Vec::new());
        assert_eq!((none.statistics, none.mean_seconds), (None, None));
        assert_eq!(none.published_inside, None);
    }

    #[test]
    fn restricted_runs_are_compared_with_nothing() {
        let row = of(&[Some(80), Some(82)], vec!["one pass".into()]);
        assert_eq!((row.published, row.published_inside), (None, None));
    }
}
