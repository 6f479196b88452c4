//! Learning curves: of all rows, a panel each on the same axes, and of one row with its training error.

use gpu_train::experiment::record::{CurvePoint, RunRecord, Table, TableRow};

use super::Drawing;
use super::axis::{Scale, plain};
use super::canvas::{Anchor, Area, Canvas, Stroke};
use super::sheet::{INSIDE, MARGIN, MUTED, Plot, SAMPLE, Sample, Sheet, TEXT};
use super::table::{mean, published};
use super::theme::Role;

const COLUMNS: usize = 2;
/// Room for the ticks and the title of the y axis.
const LEFT: f64 = 64.0;
const GAP: f64 = 16.0;
/// Height of a panel's axes, and of what is below them.
const HEIGHT: f64 = 130.0;
const FOOT: f64 = 12.0;

const MEASURED: Stroke = Stroke::new(Role::Measured, 2.0);
const TRAIN: Stroke = Stroke::new(Role::Train, 2.0).dashed(4.0);
const PUBLISHED: Stroke = Stroke::new(Role::Published, 1.5).dashed(5.0);
const CONTEXT: Stroke = Stroke::new(Role::Context, 1.0);

/// Mean of a value over seeds at some place of the x axis, with the lowest and the highest.
struct Point {
    x: f64,
    mean: f64,
    low: f64,
    high: f64,
}

/// A row with its curve.
type Row<'a> = (&'a TableRow, Vec<Point>);

/// Draws the test misses of every row that has runs; none without one.
pub fn learning_curves(table: &Table, runs: &[RunRecord]) -> Option<Drawing> {
    let rows = table.rows.iter().map(|row| {
        let misses = |point: &CurvePoint| f64::from(point.test.misses);
        (
            row,
            over_seeds(runs, &row.row, |point| point.passes, misses),
        )
    });
    let rows: Vec<Row<'_>> = rows.filter(|(_, points)| !points.is_empty()).collect();
    if rows.is_empty() {
        return None;
    }
    let digits = plain(f64::from(table.digits.test_examples));
    let subtitle = format!("Misses of {digits} test digits. {}.", lines(table));
    let mut sheet = Sheet::new("learning-curves", "Learning curves", &subtitle);
    let bottom = panels(&mut sheet, &rows);
    let middle = MARGIN + LEFT + (INSIDE - LEFT) / 2.0;
    let at = (middle, bottom + 14.0);
    let style = MUTED.anchor(Anchor::Middle);
    sheet
        .canvas
        .text(at, "epochs over the training set (log)", style);
    let at = (MARGIN + 12.0, (sheet.y + bottom) / 2.0);
    sheet.canvas.upward(at, "test misses (log)", MUTED);
    sheet.y = bottom + 18.0;
    sheet.legend(&[
        (&sample(MEASURED), "this row".into()),
        (&sample(PUBLISHED), "published, at the end".into()),
        (&sample(CONTEXT), "the other rows".into()),
    ]);
    let mut text = String::from("Test misses against epochs over the training set.");
    for (row, _) in &rows {
        text.push_str(&format!(" {}: {}.", row.row, note(row)));
    }
    Some(sheet.finish(&table.stamp, &table.restrictions, text))
}

/// "82.1 ± 3.5 after 23 epochs".
fn note(row: &TableRow) -> String {
    format!("{} after {} epochs", mean(row), plain(row.passes))
}

/// Draws a panel per row; returns the y below the ticks of the last line.
fn panels(sheet: &mut Sheet, rows: &[Row<'_>]) -> f64 {
    let width = (INSIDE - LEFT - GAP * (COLUMNS - 1) as f64) / COLUMNS as f64;
    let points = || rows.iter().flat_map(|(_, points)| points);
    let x = Scale::log(points().map(|point| point.x));
    let figures = rows.iter().filter_map(|(row, _)| published(row));
    let edges = points().flat_map(|point| [point.low, point.high]);
    let y = Scale::log(edges.chain(figures));
    let top = sheet.y;
    let heads = |(row, _): &Row<'_>| {
        let name = TEXT.bold().wrap(&row.row, width).len() as f64;
        let note = MUTED.wrap(&note(row), width).len() as f64;
        name * TEXT.line_height() + note * MUTED.line_height()
    };
    let head = rows.iter().map(heads).fold(0.0, f64::max) + 14.0;
    let pitch = head + HEIGHT + FOOT;
    for (index, (row, points)) in rows.iter().enumerate() {
        let (line, column) = (index / COLUMNS, index % COLUMNS);
        let left = MARGIN + LEFT + column as f64 * (width + GAP);
        let at = (left, top + line as f64 * pitch + head);
        let area = Area::at(at, (width, HEIGHT));
        let canvas = &mut sheet.canvas;
        let name = (left, area.y - head + 24.0);
        let below = canvas.paragraph(name, &row.row, TEXT.bold(), width);
        canvas.paragraph((left, below - 1.0), &note(row), MUTED, width);
        let plot = Plot { area, x, y };
        // Below the last panel of its column.
        let last = index + COLUMNS >= rows.len();
        plot.vertical(canvas, &x.labelled_ticks(5), last);
        plot.horizontal(canvas, &y.labelled_ticks(7), column == 0);
        for (other, points) in rows {
            if other.row != row.row {
                canvas.polyline(&means(plot, points), CONTEXT);
            }
        }
        let line = (&points[..], MEASURED, Role::Measured);
        panel(canvas, plot, &[line], published(row));
    }
    top + rows.len().div_ceil(COLUMNS) as f64 * pitch + 14.0
}

/// Adds the legend with each line's last value; returns those of the training and of the test set.
fn ends(
    sheet: &mut Sheet,
    train: &[Point],
    test: &[Point],
    published: Option<f64>,
) -> (String, String) {
    let end = |points: &[Point]| points.last().map_or(f64::NAN, |last| last.mean);
    let (train, test) = (percent(end(train)), percent(end(test)));
    let [train_line, test_line, published_line] = [TRAIN, MEASURED, PUBLISHED].map(sample);
    let mut entries: Vec<(Sample<'_>, String)> = vec![
        (&train_line, format!("training: {train} at the end")),
        (&test_line, format!("test: {test} at the end")),
    ];
    if let Some(published) = published {
        let label = format!("published: {}", percent(published));
        entries.push((&published_line, label));
    }
    sheet.legend(&entries);
    (train, test)
}

/// Draws training and test error by updates: of the full batch's own recipe where it was run, else of the first row with
/// runs; none without one.
pub fn error_by_step(table: &Table, runs: &[RunRecord]) -> Option<Drawing> {
    let has_runs = |row: &&TableRow| ended(runs, &row.row).next().is_some();
    let rows = || table.rows.iter().filter(has_runs);
    let row = rows()
        .find(|row| row.row == "full-batch")
        .or(rows().next())?;
    let by_step = |value: fn(&CurvePoint) -> f64| {
        over_seeds(runs, &row.row, |point| f64::from(point.step), value)
    };
    let train = by_step(|point| 100.0 * point.train.error);
    let test = by_step(|point| 100.0 * point.test.error);
    let published = row.published.as_ref().map(|figure| figure.percent);
    let title = format!("Error by updates: {}", row.row);
    let subtitle = format!("{}. {}.", row.title, lines(table));
    let mut sheet = Sheet::new("error-by-step", &title, &subtitle);
    let at = (MARGIN + LEFT, sheet.y + 16.0);
    let area = Area::at(at, (INSIDE - LEFT, 2.0 * HEIGHT));
    let points = || train.iter().chain(&test);
    let x = Scale::log(points().map(|point| point.x));
    let edges = points().flat_map(|point| [point.low, point.mean, point.high]);
    let (y, y_ticks) = percent_axis(&edges.chain(published).collect::<Vec<_>>());
    let plot = Plot { area, x, y };
    plot.vertical(&mut sheet.canvas, &x.labelled_ticks(12), true);
    plot.horizontal(&mut sheet.canvas, &y_ticks, true);
    let lines = [
        (&train[..], TRAIN, Role::Train),
        (&test[..], MEASURED, Role::Measured),
    ];
    panel(&mut sheet.canvas, plot, &lines, published);
    let below = (area.x + area.width / 2.0, area.bottom() + 34.0);
    sheet
        .canvas
        .text(below, "updates (log)", MUTED.anchor(Anchor::Middle));
    let zero = y_ticks.first().is_some_and(|(_, label)| label == "0");
    let name = format!(
        "examples missed, % (log{})",
        if zero { "; 0 at the foot" } else { "" }
    );
    sheet
        .canvas
        .upward((MARGIN + 12.0, area.y + HEIGHT), &name, MUTED);
    sheet.y = area.bottom() + 38.0;
    let (train, test) = ends(&mut sheet, &train, &test, published);
    let updates = plain(f64::from(row.steps));
    let text = format!(
        "Error of {} after {updates} updates: training {train}, test {test}.",
        row.row
    );
    Some(sheet.finish(&table.stamp, &table.restrictions, text))
}

/// The y axis of errors and its ticks. Zero has no place on a log axis: where there is one, it is drawn on the ground line, below
/// everything, and the tick there says 0.
fn percent_axis(values: &[f64]) -> (Scale, Vec<(f64, String)>) {
    let mut scale = Scale::log(values.iter().copied());
    // Nobody misses more than all.
    if scale.low < 100.0 {
        scale.high = scale.high.min(100.0);
    }
    let mut ticks = Vec::new();
    let zero = values.contains(&0.0);
    if zero {
        scale.low /= 2.0;
        ticks.push((scale.low, "0".to_owned()));
    }
    let mut above = scale.labelled_ticks(9);
    above.retain(|(value, _)| !zero || *value > 1.2 * scale.low);
    ticks.extend(above.into_iter().map(|(value, label)| (value, label + "%")));
    (scale, ticks)
}

/// Frame, published value, bands and lines of a panel; a curve of one point is a dot.
fn panel(
    canvas: &mut Canvas,
    plot: Plot,
    lines: &[(&[Point], Stroke, Role)],
    published: Option<f64>,
) {
    let area = plot.area;
    canvas.frame(area, Stroke::new(Role::Grid, 1.0));
    if let Some(published) = published {
        let y = plot.at_y(published);
        canvas.polyline(&[(area.x, y), (area.right(), y)], PUBLISHED);
    }
    for &(points, stroke, role) in lines {
        if points.iter().any(|point| point.low != point.high) {
            let upper = points.iter().map(|point| plot.at(point.x, point.high));
            let lower = points.iter().rev().map(|point| plot.at(point.x, point.low));
            canvas.polygon(&upper.chain(lower).collect::<Vec<_>>(), role, 0.2);
        }
        canvas.polyline(&means(plot, points), stroke);
        if let Some(last) = points.last() {
            canvas.dot(plot.at(last.x, last.mean), 3.0, role, 1.0);
        }
    }
}

fn means(plot: Plot, points: &[Point]) -> Vec<(f64, f64)> {
    points
        .iter()
        .map(|point| plot.at(point.x, point.mean))
        .collect()
}

/// A legend's sample of a line.
fn sample(stroke: Stroke) -> impl Fn(&mut Canvas, (f64, f64)) {
    move |canvas, (x, y)| canvas.polyline(&[(x, y), (x + SAMPLE, y)], stroke)
}

fn percent(value: f64) -> String {
    match value.is_finite() && value < 1e3 {
        true => format!("{value:.2}%"),
        false => format!("{}%", plain(value)),
    }
}

/// Meaning of lines and bands.
fn lines(table: &Table) -> String {
    match table.seeds.len() {
        1 => "One run each".into(),
        count => format!("Lines: mean of {count} seeds; bands: from the best to the worst"),
    }
}

/// A row's runs that ended.
fn ended<'a>(runs: &'a [RunRecord], row: &str) -> impl Iterator<Item = &'a RunRecord> {
    let of_row = runs.iter().filter(move |run| run.identity.row == row);
    of_row.filter(|run| run.last().is_some())
}

/// The curve of a value over a row's runs, at the steps that all of them have.
fn over_seeds(
    runs: &[RunRecord],
    row: &str,
    x: impl Fn(&CurvePoint) -> f64,
    value: impl Fn(&CurvePoint) -> f64,
) -> Vec<Point> {
    let runs: Vec<_> = ended(runs, row).collect();
    let at = |run: &RunRecord, step: u32| {
        let mut curve = run.curve.iter();
        curve.find(|point| point.step == step).map(&value)
    };
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let points = first.curve.iter().filter_map(|point| {
        let values: Option<Vec<f64>> = runs.iter().map(|run| at(run, point.step)).collect();
        let values = values?;
        Some(Point {
            x: x(point),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    });
    points.collect()
}
