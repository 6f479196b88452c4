//! The table of `gpu-train reproduce`: as text, as Markdown, and as CSV; a run of it in a line.

use comfy_table::{CellAlignment, TableStyle, presets};
use serde::Serialize;

use gpu_train::experiment::plural;
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

/// A row of the CSV file; what is missing is empty.
#[derive(Serialize)]
struct CsvRow<'a> {
    row: &'a str,
    title: &'a str,
    recipe: &'a str,
    engine: &'a str,
    device: Option<&'a str>,
    steps: u32,
    passes: f64,
    published_misses: Option<u32>,
    published_printed_misses: Option<u32>,
    published_percent: Option<f64>,
    published_source: Option<&'a str>,
    n: usize,
    mean: Option<f64>,
    mean_low: Option<f64>,
    mean_high: Option<f64>,
    prediction_low: Option<f64>,
    prediction_high: Option<f64>,
    sd: Option<f64>,
    best: Option<u32>,
    worst: Option<u32>,
    published_inside: Option<bool>,
    mean_seconds: Option<f64>,
    concurrent_runs: u32,
    failed: usize,
    seeds: String,
    test_misses: String,
    train_misses: String,
    restrictions: String,
}

impl<'a> CsvRow<'a> {
    fn of(row: &'a TableRow, restrictions: &str) -> Self {
        let found = row.statistics.as_ref();
        let published = row.published.as_ref();
        let end = |interval: Option<[f64; 2]>, index: usize| interval.map(|ends| ends[index]);
        let mean_interval = found.and_then(|found| found.mean_interval);
        let prediction_interval = found.and_then(|found| found.prediction_interval);
        Self {
            row: &row.row,
            title: &row.title,
            recipe: &row.recipe_name,
            engine: &row.engine,
            device: row.device.as_deref(),
            steps: row.steps,
            passes: row.passes,
            published_misses: published.map(|figure| figure.misses),
            published_printed_misses: published.map(|figure| figure.printed_misses),
            published_percent: published.map(|figure| figure.percent),
            published_source: published.map(|figure| figure.source.as_str()),
            n: row.seeds.len(),
            mean: found.map(|found| found.mean),
            mean_low: end(mean_interval, 0),
            mean_high: end(mean_interval, 1),
            prediction_low: end(prediction_interval, 0),
            prediction_high: end(prediction_interval, 1),
            sd: found.and_then(|found| found.sd),
            best: found.map(|found| found.best),
            worst: found.map(|found| found.worst),
            published_inside: row.published_inside,
            mean_seconds: row.mean_seconds,
            concurrent_runs: row.concurrent_runs,
            failed: row.failed.len(),
            seeds: spaced(&row.seeds),
            test_misses: spaced(&row.test_misses),
            train_misses: spaced(&row.train_misses),
            restrictions: restrictions.to_owned(),
        }
    }
}

fn spaced(values: &[impl ToString]) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.join(" ")
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
    for row in &table.rows {
        let written = writer.serialize(CsvRow::of(row, &restrictions));
        written.expect("rows alike, in memory");
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
    parts.push(grid(table, preset));
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

fn grid(table: &Table, preset: TableStyle) -> String {
    let mut grid = comfy_table::Table::new();
    grid.load_style(preset);
    grid.set_header(COLUMNS.map(|(name, _)| name));
    for row in &table.rows {
        grid.add_row(COLUMNS.map(|(_, show)| show(row)));
    }
    for column in grid.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    grid.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_train::data::DigitsRecord;
    use gpu_train::experiment::record::{Machine, Published, SCHEMA, Stamp, json};

    fn table() -> Table {
        let misses = [80, 90, 70];
        let row = TableRow {
            row: "stage-1".into(),
            title: "a, \"title\"".into(),
            recipe_name: "softmax".into(),
            recipe: serde_json::Value::Null,
            full_batch: false,
            engine: "per-example".into(),
            device: Some("a core".into()),
            steps: 23,
            passes: 23.0,
            published: Some(Published {
                misses: 88,
                printed_misses: 87,
                percent: 4.38,
                examples: 2_007,
                source: "essay, 2022".into(),
            }),
            seeds: vec![1, 2, 3],
            test_misses: misses.to_vec(),
            train_misses: vec![0, 1, 2],
            statistics: Statistics::of(&misses),
            published_inside: Some(true),
            mean_seconds: Some(1.5),
            concurrent_runs: 2,
            failed: vec![FailedRun {
                seed: 4,
                message: "training diverged".into(),
            }],
        };
        Table {
            stamp: Stamp {
                schema: SCHEMA,
                version: "0.1.0".into(),
                date: "2026-01-01".into(),
                command: "gpu-train reproduce".into(),
                machine: Machine {
                    processor: "one".into(),
                    cores: 2,
                    os: "linux".into(),
                },
            },
            digits: DigitsRecord {
                source: "test".into(),
                sha256: "00".into(),
                train_examples: 1,
                test_examples: 2_007,
            },
            seeds: vec![1, 2, 3, 4],
            restrictions: Vec::new(),
            rows: vec![row],
            notes: vec!["a note".into()],
        }
    }

    #[test]
    fn markdown_has_a_row_of_cells_and_the_notes() {
        let text = markdown(&table());
        let cells: Vec<&str> = text
            .lines()
            .find(|line| line.starts_with("| stage-1"))
            .expect("a row")
            .split('|')
            .map(str::trim)
            .collect();
        let expected = [
            "stage-1",
            "a, \"title\"",
            "4.38%, 88 (87)",
            "80.0 ± 24.8",
            "30.3 to 129.7",
            "10.0",
            "70",
            "90",
            "3, 1 failed",
            "23",
            "1.50*",
            "yes",
        ];
        assert_eq!(cells[1..13], expected);
        assert!(text.contains("\n- a note\n- stage-1 seed 4 failed: training diverged"));
        assert!(!text.contains("RESTRICTED"));
        let restricted = Table {
            restrictions: vec!["1 pass".into()],
            ..table()
        };
        for text in [
            super::text(&restricted),
            markdown(&restricted),
            csv(&restricted),
        ] {
            assert!(text.contains("1 pass"), "{text}");
        }
    }

    #[test]
    fn a_figure_outside_comes_with_the_side() {
        let of = |misses: &[u32]| {
            let mut row = table().rows.remove(0);
            row.statistics = Statistics::of(misses);
            row.published_inside = Some(false);
            inside(&row)
        };
        assert_eq!(of(&[60, 61, 62]), "no: fewer here");
        assert_eq!(of(&[98, 99, 100]), "no: more here");
    }

    #[test]
    fn csv_and_json_read_back() {
        let table = table();
        let csv = csv(&table);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let names = reader.headers().expect("names").clone();
        let row = reader.records().next().expect("a row").expect("cells");
        let cell = |name: &str| {
            let index = names.iter().position(|found| found == name);
            &row[index.expect("a column")]
        };
        assert_eq!(cell("title"), "a, \"title\"");
        assert_eq!(
            (cell("mean"), cell("n"), cell("failed")),
            ("80.0", "3", "1")
        );
        assert_eq!(cell("test_misses"), "80 90 70");
        assert_eq!(cell("published_inside"), "true");
        let back: Table = serde_json::from_str(&json(&table)).expect("a table");
        assert_eq!(back, table);
    }
}
