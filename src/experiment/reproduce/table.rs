//! The table of finished runs.

use super::{Row, RowRuns};
use crate::data::{DigitsRecord, Source};
use crate::error::plural;
use crate::experiment::record::{
    FailedRun, Published, RunRecord, Stamp, Statistics, Table, TableRow,
};
use crate::recipe::{Batch, Recipe};

/// The table of these rows, with its head, its digits and their source, the seeds of each row, and the differences between
/// these runs and the published ones: of each row the recipe of its first seed, and its runs in the order of their seeds,
/// at least one.
pub fn table(
    stamp: Stamp,
    (digits, source): (DigitsRecord, Source),
    seeds: Vec<u64>,
    restrictions: Vec<String>,
    rows: &[RowRuns],
) -> Table {
    let rows = rows.iter().map(|(row, recipe, runs)| {
        let published = row.published(source).filter(|_| restrictions.is_empty());
        table_row(row, recipe, published, &digits, runs)
    });
    let rows: Vec<TableRow> = rows.collect();
    Table {
        notes: notes(digits.test_examples, source, seeds.len(), &rows),
        stamp,
        digits,
        seeds,
        restrictions,
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
    let ended = runs.iter().filter_map(|run| Some((run, run.last()?)));
    let ended: Vec<_> = ended.collect();
    let test_misses: Vec<u32> = ended.iter().map(|(_, end)| end.test.misses).collect();
    let statistics = Statistics::of(&test_misses);
    let inside = |found: &Statistics| found.predicts(published.as_ref()?.misses);
    let seconds: f64 = ended.iter().map(|(run, _)| run.seconds.train).sum();
    let concurrent_runs = ended.iter().map(|(run, _)| run.concurrent_runs);
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
        passes: steps as f64 / recipe.updates_per_epoch(examples) as f64,
        seeds: ended.iter().map(|(run, _)| run.identity.seed).collect(),
        train_misses: ended.iter().map(|(_, end)| end.train.misses).collect(),
        test_misses,
        published_inside: statistics.as_ref().and_then(inside),
        statistics,
        published,
        mean_seconds: (!ended.is_empty()).then(|| seconds / ended.len() as f64),
        concurrent_runs: concurrent_runs.max().unwrap_or(1),
        failed: runs.iter().filter_map(failed_run).collect(),
    }
}

fn failed_run(run: &RunRecord) -> Option<FailedRun> {
    Some(FailedRun {
        seed: run.identity.seed,
        message: run.failed.clone()?,
    })
}

fn notes(test_examples: u32, source: Source, seeds: usize, rows: &[TableRow]) -> Vec<String> {
    let published = || rows.iter().filter_map(|row| row.published.as_ref());
    let is_zip_code = source == Source::ZipCode;
    let compared_with_stage = |row: &TableRow| row.full_batch && row.published.is_some();
    let incomplete = rows.iter().filter(|row| row.runs() < seeds);
    let incomplete = incomplete.map(|row| format!("{} has {} of {seeds}", row.row, row.runs()));
    let incomplete: Vec<String> = incomplete.collect();
    let notes = [
        (
            true,
            format!(
                "Misses are counts of test examples, of {test_examples}, after the last step, which is fixed beforehand."
            ),
        ),
        (
            rows.iter().any(|row| row.published_inside.is_some()),
            "A published figure is one run. It is \"inside\" where it lies in the 95% prediction interval of one more \
             run, mean ± t·sd·√(1 + 1/n); the interval beside the mean is that of the mean, mean ± t·sd/√n. Both take the \
             misses as normally distributed."
                .into(),
        ),
        (
            published().any(|figure| figure.misses != figure.printed_misses),
            "The essay's script truncates a float when it prints a count: where the percentage it prints beside comes to \
             one more, that is compared, and the count as printed is in brackets."
                .into(),
        ),
        (
            rows.iter().any(compared_with_stage) && !is_zip_code,
            "The essay has no full-batch runs: a full-batch version is compared with the figure of its stage."
                .into(),
        ),
        (
            is_zip_code && published().next().is_some(),
            "The paper's figure is of one net, trained with its own Newton method: every row is compared with it."
                .into(),
        ),
        (
            rows.iter().any(|row| row.concurrent_runs > 1),
            "* These runs shared the machine with others: their seconds are not to be compared (gpu-train race is for \
             that)."
                .into(),
        ),
        (
            !incomplete.is_empty(),
            format!("Runs are missing: {}.", incomplete.join(", ")),
        ),
        (
            seeds < 20,
            format!(
                "Of {}; a table to be published has 20 (--seeds 20).",
                plural(seeds, "seed")
            ),
        ),
    ];
    let held = notes.into_iter().filter(|(holds, _)| *holds);
    held.map(|(_, note)| note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::experiment::record::SCHEMA;

    fn digits() -> Value {
        json!({"source": "test", "sha256": "00", "train_examples": 7_291, "test_examples": 2_007})
    }

    fn run(seed: u64, misses: Option<u32>) -> RunRecord {
        let split =
            |misses| json!({"loss": 0.1, "error": 0.0, "misses": misses, "examples": 2_007});
        let point = |misses| {
            json!({
                "step": 10, "passes": 10.0, "seconds": 2.0, "train": split(3), "test": split(misses),
            })
        };
        let record = json!({
            "schema": SCHEMA, "version": "0", "date": "2026-01-01", "device": "a core",
            "identity": {
                "row": "stage-0", "digits": digits(), "recipe": null, "seed": seed,
                "engine": "per-example", "adapter": null,
            },
            "concurrent_runs": seed, "steps": 10, "presentations": 10,
            "seconds": {"setup": 0.1, "tuning": 0.0, "train": seed as f64},
            "curve": misses.map(point).into_iter().collect::<Vec<_>>(),
            "failed": misses.is_none().then_some("training diverged"),
            "weights": null, "missed": null,
        });
        serde_json::from_value(record).expect("a record")
    }

    fn of(misses: &[Option<u32>], restrictions: Vec<String>) -> TableRow {
        let table = table_of(("stage-0", Source::Mnist1989), 4, misses, restrictions);
        table.rows.into_iter().next().expect("one row")
    }

    /// A table of a row over this many seeds, of which those with misses have run.
    fn table_of(
        (row, source): (&str, Source),
        seeds: u64,
        misses: &[Option<u32>],
        restrictions: Vec<String>,
    ) -> Table {
        let row = Row::named(row).expect("a row");
        let runs = misses.iter().zip(1..);
        let runs = runs.map(|(&misses, seed)| run(seed, misses)).collect();
        let recipe = row.recipe(source, 1);
        let stamp = json!({
            "schema": SCHEMA, "version": "0", "date": "2026-01-01", "command": "gpu-train reproduce",
            "machine": {"processor": "one", "cores": 2, "os": "linux"},
        });
        let stamp = serde_json::from_value(stamp).expect("a stamp");
        let digits = serde_json::from_value(digits()).expect("digits");
        let rows = [(row, recipe, runs)];
        let seeds = (1..=seeds).collect();
        table(stamp, (digits, source), seeds, restrictions, &rows)
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
    fn notes_are_those_that_hold() {
        use Source::{Mnist1989, ZipCode};
        let words = [
            "is \"inside\"",
            "truncates a float",
            "no full-batch runs",
            "The paper's figure",
            "shared the machine",
            "Runs are missing: ",
            "to be published",
        ];
        let found = |table: Table| {
            let is_there = |word: &&str| table.notes.iter().any(|note| note.contains(*word));
            let found: Vec<&str> = words.into_iter().filter(is_there).collect();
            assert_eq!(table.notes.len(), 1 + found.len());
            found
        };
        // The second run shared the machine.
        let (one, two) = (&[Some(80)][..], &[Some(80), Some(82)][..]);
        for (row, source, seeds, misses, expected) in [
            ("stage-0", Mnist1989, 1, one, &words[6..]),
            ("stage-0", Mnist1989, 2, one, &words[5..]),
            (
                "full-batch-1",
                Mnist1989,
                1,
                one,
                &[words[1], words[2], words[6]],
            ),
            ("full-batch-1", ZipCode, 1, one, &[words[3], words[6]]),
            (
                "stage-0",
                ZipCode,
                2,
                two,
                &[words[0], words[3], words[4], words[6]],
            ),
            (
                "stage-0",
                Mnist1989,
                20,
                two,
                &[words[0], words[4], words[5]],
            ),
        ] {
            let table = table_of((row, source), seeds, misses, Vec::new());
            assert_eq!(found(table), expected);
        }
        let restricted = table_of(("full-batch-1", ZipCode), 1, one, vec!["one pass".into()]);
        assert_eq!(found(restricted), [words[6]]);
        // A run that failed is there.
        let failed = table_of(("stage-0", Mnist1989), 3, &[Some(80), None], Vec::new());
        let missing = failed.notes.iter().find(|note| note.contains("missing"));
        assert_eq!(
            missing.expect("a note"),
            "Runs are missing: stage-0 has 2 of 3."
        );
    }

    #[test]
    fn restricted_runs_are_compared_with_nothing() {
        let row = of(&[Some(80), Some(82)], vec!["one pass".into()]);
        assert_eq!((row.published, row.published_inside), (None, None));
    }
}
