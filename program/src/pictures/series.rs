//! From records to the plain data that pictures are drawn from.

use super::plot::axis::plain;
use super::plot::curves::CurveRow;
use super::plot::intervals::IntervalRow;
use super::plot::misses::MissedDigit;
use super::plot::race::Bar;
use super::plot::{BandPoint, Curves, ErrorByStep, Intervals, Kernels, Misses, Race};
use gpu_train::data::Dataset;
use gpu_train::experiment::record::Machine;
use gpu_train::experiment::record::{
    Contestant, CurvePoint, PublishedTime, RaceRecord, RunRecord, Table, TableRow,
};
use gpu_train::experiment::verdict::{ESSAY_CLAIM, ESSAY_SECONDS};
use gpu_train::net::{PARAMETERS, Parameters};

/// Machine, date and program, as all captions have them.
pub fn caption(machine: &Machine, date: &str, version: &str) -> String {
    let Machine {
        processor, cores, ..
    } = machine;
    let s = if *cores == 1 { "" } else { "s" };
    format!("{processor}, {cores} core{s} · {date} · gpu-train {version}")
}

/// The caption of a table's pictures, with what restricts it.
fn of_table(table: &Table) -> String {
    restricted(
        caption(&table.machine, &table.date, &table.version),
        &table.restrictions,
    )
}

fn restricted(caption: String, restrictions: &[String]) -> String {
    match restrictions {
        [] => caption,
        some => format!(
            "{caption} · RESTRICTED, not comparable: {}",
            some.join("; ")
        ),
    }
}

fn seeds(table: &Table) -> String {
    match table.seeds.len() {
        1 => "one seed".into(),
        count => format!("{count} seeds"),
    }
}

/// What the lines of several runs are.
fn lines(table: &Table) -> String {
    match table.seeds.len() {
        1 => "One run each".into(),
        count => format!("Lines: mean of {count} seeds; bands: from the best to the worst"),
    }
}

/// The mean of a value over a row's runs, with the lowest and the highest, at the steps that all of them have.
fn over_seeds(
    runs: &[&RunRecord],
    x: impl Fn(&CurvePoint) -> f64,
    value: impl Fn(&CurvePoint) -> f64,
) -> Vec<BandPoint> {
    let Some((first, others)) = runs.split_first() else {
        return Vec::new();
    };
    let at = |run: &RunRecord, step: u32| {
        run.curve
            .iter()
            .find(|point| point.step == step)
            .map(&value)
    };
    let points = first.curve.iter().filter_map(|point| {
        let others: Option<Vec<f64>> = others.iter().map(|run| at(run, point.step)).collect();
        let mut values = others?;
        values.push(value(point));
        Some(BandPoint {
            x: x(point),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    });
    points.collect()
}

/// A row's runs that ended.
fn ended<'a>(runs: &'a [RunRecord], row: &str) -> Vec<&'a RunRecord> {
    let of_row = runs.iter().filter(|run| run.identity.row == row);
    of_row.filter(|run| run.last().is_some()).collect()
}

fn published(row: &TableRow) -> Option<f64> {
    row.published
        .as_ref()
        .map(|figure| f64::from(figure.misses))
}

/// "82.1 ± 3.5" misses, or what is known of it.
fn mean(row: &TableRow) -> String {
    match &row.statistics {
        None => "no run ended".into(),
        Some(found) => match found.mean_interval {
            Some([low, high]) => format!("{:.1} ± {:.1}", found.mean, (high - low) / 2.0),
            None => format!("{:.1}", found.mean),
        },
    }
}

/// The learning curves of all rows that have one.
pub fn curves(table: &Table, runs: &[RunRecord]) -> Curves {
    let rows = table.rows.iter().map(|row| CurveRow {
        title: row.row.clone(),
        note: format!("{} after {} passes", mean(row), plain(row.passes)),
        points: over_seeds(
            &ended(runs, &row.row),
            |point| point.passes,
            |point| f64::from(point.test.misses),
        ),
        published: published(row),
    });
    Curves {
        subtitle: format!(
            "Misses of {} test digits. {}.",
            plain(f64::from(table.digits.test_examples)),
            lines(table)
        ),
        x_label: "passes over the training set (log)".into(),
        y_label: "test misses (log)".into(),
        rows: rows.filter(|row| !row.points.is_empty()).collect(),
        caption: of_table(table),
    }
}

/// Errors of one row by updates: the full batch's own recipe where it was run, else the first row with curves.
pub fn error_by_step(table: &Table, runs: &[RunRecord]) -> Option<ErrorByStep> {
    let has_curves = |row: &&TableRow| !ended(runs, &row.row).is_empty();
    let rows = || table.rows.iter().filter(has_curves);
    let row = rows()
        .find(|row| row.row == "full-batch")
        .or(rows().next())?;
    let of_row = ended(runs, &row.row);
    let by_step =
        |value: fn(&CurvePoint) -> f64| over_seeds(&of_row, |point| f64::from(point.step), value);
    Some(ErrorByStep {
        row: row.row.clone(),
        subtitle: format!("{}. {}.", row.title, lines(table)),
        train: by_step(|point| 100.0 * point.train.error),
        test: by_step(|point| 100.0 * point.test.error),
        published: row.published.as_ref().map(|figure| figure.percent),
        caption: of_table(table),
    })
}

/// The table as dots and intervals.
pub fn intervals(table: &Table) -> Intervals {
    let rows = table.rows.iter().map(|row| {
        let found = row.statistics.as_ref();
        IntervalRow {
            name: row.row.clone(),
            note: row.title.clone(),
            mean: found.map(|found| found.mean),
            mean_interval: found.and_then(|found| found.mean_interval),
            prediction_interval: found.and_then(|found| found.prediction_interval),
            runs: row
                .test_misses
                .iter()
                .map(|&misses| f64::from(misses))
                .collect(),
            published: published(row),
        }
    });
    Intervals {
        subtitle: format!(
            "Of {} test digits, {} a row",
            plain(f64::from(table.digits.test_examples)),
            seeds(table)
        ),
        rows: rows.collect(),
        caption: of_table(table),
    }
}

fn net(run: &RunRecord) -> String {
    format!("{}, seed {}", run.identity.row, run.identity.seed)
}

/// What a run's net misses of this test set.
pub fn misses(table: &Table, run: &RunRecord, test: &Dataset) -> Misses {
    let full = 2.0 * f32::from(test.denominator());
    let missed = run.missed.iter().flatten();
    // An index beyond the set can only come from a record that was edited.
    let digits = missed
        .filter(|missed| (missed.index as usize) < test.len())
        .map(|missed| MissedDigit {
            ink: test
                .image_codes(missed.index as usize)
                .iter()
                .map(|&code| f32::from(code) / full)
                .collect(),
            label: missed.label,
            guess: missed.guess,
        });
    let mut digits: Vec<_> = digits.collect();
    digits.sort_by_key(|digit| (digit.label, digit.guess));
    Misses {
        net: net(run),
        examples: run.identity.digits.test_examples,
        digits,
        caption: of_table(table),
    }
}

/// H1's kernels of a run's net.
pub fn kernels(table: &Table, run: &RunRecord, parameters: &Parameters) -> Kernels {
    let h1 = PARAMETERS.iter().find(|tensor| tensor.name == "H1w");
    let weights = h1.map_or(&[][..], |tensor| parameters.tensor(tensor));
    Kernels {
        net: net(run),
        kernels: weights.as_chunks().0.to_vec(),
        caption: of_table(table),
    }
}

/// The race as bars: published times from the longest to the shortest, contestants in their order.
pub fn race_bars(race: &RaceRecord) -> Race {
    let mut published: Vec<Bar> = race.published.iter().map(published_bar).collect();
    published.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let rule = &race.rule;
    let rounds = rule.seeds.len();
    Race {
        subtitle: format!(
            "To at most {} misses of {} test digits on average. Median of {rounds} round{}, a seed each.",
            rule.target_misses,
            plain(f64::from(rule.test_examples)),
            if rounds == 1 { "" } else { "s" },
        ),
        reference: (ESSAY_SECONDS, "90 s".into()),
        claim: Some((
            ESSAY_SECONDS / ESSAY_CLAIM,
            format!("“another ~{ESSAY_CLAIM:.0}X”"),
        )),
        published,
        measured: race.contestants.iter().filter_map(bar).collect(),
        caption: restricted(
            caption(&race.machine, &race.date, &race.version),
            &race.restrictions,
        ),
    }
}

fn published_bar(time: &PublishedTime) -> Bar {
    Bar {
        name: time.name.clone(),
        note: if time.about { "about" } else { "" }.into(),
        seconds: time.seconds,
        spread: None,
        cold: None,
        qualifies: true,
    }
}

fn bar(one: &Contestant) -> Option<Bar> {
    let found = one.standing.as_ref()?;
    Some(Bar {
        name: one.name.clone(),
        note: format!("{:.1} misses · {}", found.misses.mean, one.device),
        seconds: found.train.median,
        spread: (one.runs.len() > 1).then_some([found.train.min, found.train.max]),
        cold: Some(found.cold_total),
        qualifies: found.qualifies,
    })
}
