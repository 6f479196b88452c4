//! The table of `gpu-train reproduce`: as text, as Markdown, and as CSV; a run of it in a line.

use comfy_table::{TableStyle, presets};
use serde_json::{Value, json};

use super::grid;
use gpu_train::error::plural;
use gpu_train::experiment::record::{FailedRun, RunRecord, Statistics, Table, TableRow};

/// A column's value of a row.
pub type Show = fn(&TableRow) -> String;

/// The table's columns.
pub const COLUMNS: [(&str, Show); 12] = [
    ("row", |row| row.row.clone()),
    ("what", |row| row.title.clone()),
    ("published", published),
    ("mean ± 95%", |row| of(row, mean)),
    ("one more run, 95%", |row| {
        of(row, |found| between(found.prediction_interval?))
    }),
    ("sd", |row| {
        of(row, |found| Some(format!("{:.1}", found.sd?)))
    }),
    ("best", |row| of(row, |found| Some(found.best.to_string()))),
    ("worst", |row| {
        of(row, |found| Some(found.worst.to_string()))
    }),
    ("n", runs),
    ("passes", |row| format!("{}", row.passes)),
    ("seconds", seconds),
    ("published inside", inside),
];

fn dash() -> String {
    "-".into()
}

fn of(row: &TableRow, show: impl Fn(&Statistics) -> Option<String>) -> String {
    row.statistics.as_ref().and_then(show).unwrap_or_else(dash)
}

fn mean(found: &Statistics) -> Option<String> {
    Some(match found.mean_interval {
        Some([low, high]) => format!("{:.1} ± {:.1}", found.mean, (high - low) / 2.0),
        None => format!("{:.1}", found.mean),
    })
}

fn between([low, high]: [f64; 2]) -> Option<String> {
    Some(format!("{low:.1} to {high:.1}"))
}

fn published(row: &TableRow) -> String {
    match &row.published {
        None => dash(),
        Some(figure) if figure.misses == figure.printed_misses => {
            format!("{:.2}%, {}", figure.percent, figure.misses)
        }
        Some(figure) => format!(
            "{:.2}%, {} ({})",
            figure.percent, figure.misses, figure.printed_misses
        ),
    }
}

/// Words that tell whether the published misses are inside, and if not, on which side these runs are.
fn inside(row: &TableRow) -> String {
    let (Some(inside), Some(figure), Some(found)) =
        (row.published_inside, &row.published, &row.statistics)
    else {
        return dash();
    };
    match inside {
        true => "yes",
        false if found.mean < f64::from(figure.misses) => "no: fewer here",
        false => "no: more here",
    }
    .into()
}

fn runs(row: &TableRow) -> String {
    match row.failed.len() {
        0 => row.seeds.len().to_string(),
        failed => format!("{}, {failed} failed", row.seeds.len()),
    }
}

fn seconds(row: &TableRow) -> String {
    let shared = if row.concurrent_runs > 1 { "*" } else { "" };
    row.mean_seconds
        .map_or_else(dash, |seconds| format!("{seconds:.2}{shared}"))
}

/// A row of the CSV file, with the columns' names; what is missing is null, which CSV writes as nothing.
fn csv_cells(row: &TableRow, restrictions: &str) -> [(&'static str, Value); 28] {
    let found = json!(row.statistics);
    let published = json!(row.published);
    [
        ("row", json!(row.row)),
        ("title", json!(row.title)),
        ("recipe", json!(row.recipe_name)),
        ("engine", json!(row.engine)),
        ("device", json!(row.device)),
        ("steps", json!(row.steps)),
        ("passes", json!(row.passes)),
        ("published_misses", published["misses"].clone()),
        (
            "published_printed_misses",
            published["printed_misses"].clone(),
        ),
        ("published_percent", published["percent"].clone()),
        ("published_source", published["source"].clone()),
        ("n", json!(row.seeds.len())),
        ("mean", found["mean"].clone()),
        ("mean_low", found["mean_interval"][0].clone()),
        ("mean_high", found["mean_interval"][1].clone()),
        ("prediction_low", found["prediction_interval"][0].clone()),
        ("prediction_high", found["prediction_interval"][1].clone()),
        ("sd", found["sd"].clone()),
        ("best", found["best"].clone()),
        ("worst", found["worst"].clone()),
        ("published_inside", json!(row.published_inside)),
        ("mean_seconds", json!(row.mean_seconds)),
        ("concurrent_runs", json!(row.concurrent_runs)),
        ("failed", json!(row.failed.len())),
        ("seeds", spaced(&row.seeds)),
        ("test_misses", spaced(&row.test_misses)),
        ("train_misses", spaced(&row.train_misses)),
        ("restrictions", json!(restrictions)),
    ]
}

fn spaced(values: &[impl ToString]) -> Value {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.join(" ").into()
}

/// A finished run in a line.
pub fn line(run: &RunRecord) -> String {
    let name = format!("{} seed {}", run.identity.row, run.identity.seed);
    match run.last() {
        Some(end) => format!(
            "{name}: train loss {:.5}, misses {}; test loss {:.5}, misses {}; {:.2} s",
            end.train.loss, end.train.misses, end.test.loss, end.test.misses, run.seconds.train
        ),
        None => format!(
            "{name}: failed: {}",
            run.failed.as_deref().unwrap_or_default()
        ),
    }
}

/// As human-readable text.
pub fn text(table: &Table) -> String {
    document(table, "", presets::NOTHING, "")
}

/// As Markdown.
pub fn markdown(table: &Table) -> String {
    document(table, "# ", presets::ASCII_MARKDOWN, "- ")
}

/// As CSV: a row a line, the first line the names.
///
/// # Panics
/// Never: memory takes all rows.
pub fn csv(table: &Table) -> String {
    let restrictions = table.restrictions.join("; ");
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (index, row) in table.rows.iter().enumerate() {
        let cells = csv_cells(row, &restrictions);
        if index == 0 {
            let names = cells.each_ref().map(|(name, _)| name);
            writer.write_record(names).expect("memory takes all");
        }
        let values = cells.map(|(_, value)| value);
        writer.serialize(values).expect("memory takes all");
    }
    let bytes = writer.into_inner().expect("memory takes all rows");
    String::from_utf8(bytes).expect("UTF-8 in, UTF-8 out")
}

fn document(table: &Table, heading: &str, preset: TableStyle, bullet: &str) -> String {
    let digits = &table.digits;
    let mut parts = vec![
        format!(
            "{heading}gpu-train {}: the essay's recipes over {} ({})",
            table.stamp.version,
            plural(table.seeds.len(), "seed"),
            table.stamp.date,
        ),
        format!(
            "{}: {} training and {} test examples. {}, {} cores.",
            digits.source,
            digits.train_examples,
            digits.test_examples,
            table.stamp.machine.processor,
            table.stamp.machine.cores,
        ),
    ];
    if !table.restrictions.is_empty() {
        parts.push(format!(
            "RESTRICTED, not comparable with published figures: {}.",
            table.restrictions.join("; ")
        ));
    }
    let head = COLUMNS.map(|(name, _)| name.to_owned()).to_vec();
    let row = |row: &TableRow| COLUMNS.map(|(_, show)| show(row)).to_vec();
    parts.push(grid(preset, 2, head, table.rows.iter().map(row).collect()));
    let failed = table.rows.iter().flat_map(|row| {
        let line =
            |run: &FailedRun| format!("{} seed {} failed: {}", row.row, run.seed, run.message);
        row.failed.iter().map(line).collect::<Vec<_>>()
    });
    let notes = table.notes.iter().cloned().chain(failed);
    let notes: Vec<String> = notes.map(|note| format!("{bullet}{note}")).collect();
    parts.push(notes.join("\n"));
    parts.join("\n\n")
}
