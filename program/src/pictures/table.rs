//! The table as a picture: mean and intervals of each row's test misses with the published value.

use gpu_train::experiment::record::{Table, TableRow};

use super::axis::{Scale, plain, tenths};
use super::canvas::{Anchor, Area, Canvas, Stroke};
use super::sheet::{INSIDE, MARGIN, MUTED, Plot, SAMPLE, Sheet, TEXT};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Room for "published", and for the mean before it.
const PUBLISHED: f64 = 88.0;
const MEAN: f64 = 130.0;
/// Height of a row's strip of dots and intervals.
const STRIP: f64 = 26.0;
/// Interval of single runs.
const SINGLE: Stroke = Stroke::new(Role::Measured, 1.0);

/// Draws the table.
pub fn draw(table: &Table) -> Drawing {
    let seeds = match table.seeds.len() {
        1 => "one seed".into(),
        count => format!("{count} seeds"),
    };
    let fewest = table.rows.iter().map(TableRow::runs).min();
    let missing = match fewest {
        Some(fewest) if fewest < table.seeds.len() => {
            format!(", {fewest} at least where runs are missing")
        }
        _ => String::new(),
    };
    let digits = plain(f64::from(table.digits.test_examples));
    let subtitle = format!("Of {digits} test digits, {seeds} per row{missing}.");
    let mut sheet = Sheet::new("table", "Test misses, measured and published", &subtitle);
    if table.rows.is_empty() {
        sheet.nothing("The table has no rows.");
        return sheet.finish(&table.stamp, &table.restrictions, description(table));
    }
    let mut plot = Plot {
        area: Area::at((MARGIN, sheet.y + 30.0), (INSIDE, 0.0)),
        x: scale(table),
        y: Scale::from_zero([]),
    };
    // The grid goes below the rows but needs their height.
    let mut above = Canvas::default();
    heads(&mut above, plot.area.y);
    let bottom = table
        .rows
        .iter()
        .fold(plot.area.y, |y, row| draw_row(&mut above, plot, row, y));
    plot.area.height = bottom - plot.area.y;
    plot.vertical(&mut sheet.canvas, &plot.x.labelled_ticks(8), true);
    let axis = match plot.x.is_log {
        true => "test misses (log)",
        false => "test misses",
    };
    let below = (WIDTH / 2.0, bottom + 34.0);
    sheet.canvas.text(below, axis, MUTED.anchor(Anchor::Middle));
    sheet.canvas.body += &above.body;
    sheet.y = bottom + 36.0;
    legend(&mut sheet);
    sheet.finish(&table.stamp, &table.restrictions, description(table))
}

/// Published misses.
pub fn published(row: &TableRow) -> Option<f64> {
    row.published
        .as_ref()
        .map(|figure| f64::from(figure.misses))
}

/// From zero, unless the means differ enough that the small ones would run together.
fn scale(table: &Table) -> Scale {
    let statistics = || table.rows.iter().filter_map(|row| row.statistics.as_ref());
    let values = || {
        let intervals =
            statistics().flat_map(|found| [found.prediction_interval, found.mean_interval]);
        let runs = table
            .rows
            .iter()
            .flat_map(|row| row.test_misses.iter().copied().map(f64::from));
        let published = table.rows.iter().filter_map(published);
        let edges = intervals.flatten().flatten().chain(runs).chain(published);
        edges.chain(statistics().map(|found| found.mean))
    };
    let means = statistics().map(|found| found.mean);
    let means = means.filter(|mean| *mean > 0.0);
    let low = means.clone().fold(f64::INFINITY, f64::min);
    let high = means.fold(0.0, f64::max);
    match high > 12.0 * low {
        true => Scale::log(values()),
        false => Scale::from_zero(values()),
    }
}

fn heads(canvas: &mut Canvas, y: f64) {
    let end = MUTED.anchor(Anchor::End);
    canvas.text((MARGIN, y - 8.0), "row", MUTED);
    canvas.text((WIDTH - MARGIN - PUBLISHED, y - 8.0), "mean ± 95%", end);
    canvas.text((WIDTH - MARGIN, y - 8.0), "published", end);
    let ends = [(MARGIN, y), (WIDTH - MARGIN, y)];
    canvas.polyline(&ends, Stroke::new(Role::Muted, 1.0));
}

/// Name, note and numbers above a strip of dots and intervals; returns the y below it.
fn draw_row(canvas: &mut Canvas, plot: Plot, row: &TableRow, y: f64) -> f64 {
    let first = y + 18.0;
    let end = TEXT.anchor(Anchor::End);
    canvas.text((WIDTH - MARGIN - PUBLISHED, first), &mean(row), end);
    let (figure, role) = match published(row) {
        Some(misses) => (plain(misses), Role::Published),
        None => ("–".to_owned(), Role::Muted),
    };
    canvas.text((WIDTH - MARGIN, first), &figure, end.role(role));
    let most = INSIDE - PUBLISHED - MEAN;
    let y = canvas.paragraph((MARGIN, first), &row.row, TEXT.bold(), most);
    let y = canvas.paragraph((MARGIN, y - 2.0), &row.title, MUTED, INSIDE) - 4.0;
    marks(canvas, plot, row, y);
    let below = y + STRIP;
    let ends = [(MARGIN, below), (WIDTH - MARGIN, below)];
    canvas.polyline(&ends, Stroke::new(Role::Grid, 1.0));
    below
}

/// Intervals, mean and published misses around a line, the runs below it.
fn marks(canvas: &mut Canvas, plot: Plot, row: &TableRow, y: f64) {
    let at = |misses: f64| (plot.at_x(misses), y);
    let found = row.statistics.as_ref();
    if let Some(interval) = found.and_then(|found| found.prediction_interval) {
        canvas.whisker(interval.map(|misses| plot.at_x(misses)), y, SINGLE);
    }
    if let Some(interval) = found.and_then(|found| found.mean_interval) {
        canvas.polyline(&interval.map(at), Stroke::new(Role::Measured, 5.0));
    }
    for &run in &row.test_misses {
        let (x, _) = at(f64::from(run));
        canvas.dot((x, y + 11.0), 2.0, Role::Measured, 0.55);
    }
    if let Some(found) = found {
        canvas.dot(at(found.mean), 4.5, Role::Measured, 1.0);
    }
    if let Some(published) = published(row) {
        canvas.diamond(at(published), 6.0, Role::Published);
    }
}

/// "82.1 ± 3.5", without what is not known.
pub fn mean(row: &TableRow) -> String {
    match &row.statistics {
        None => "no run ended".into(),
        Some(found) => match found.mean_interval {
            Some([low, high]) => format!("{} ± {}", tenths(found.mean), tenths((high - low) / 2.0)),
            None => tenths(found.mean),
        },
    }
}

fn legend(sheet: &mut Sheet) {
    let interval = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        canvas.polyline(&[(x, y), (x + SAMPLE, y)], Stroke::new(Role::Measured, 5.0));
        canvas.dot((x + SAMPLE / 2.0, y), 4.5, Role::Measured, 1.0);
    };
    let single =
        |canvas: &mut Canvas, (x, y): (f64, f64)| canvas.whisker([x, x + SAMPLE], y, SINGLE);
    let runs = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        for step in 1..4 {
            canvas.dot((x + 6.0 * f64::from(step), y), 2.0, Role::Measured, 0.55);
        }
    };
    let diamond = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        canvas.diamond((x + SAMPLE / 2.0, y), 6.0, Role::Published);
    };
    sheet.legend(&[
        (&interval, "mean and its 95% interval".into()),
        (&single, "95% of single runs".into()),
        (&runs, "the runs".into()),
        (&diamond, "published (one run)".into()),
    ]);
}

fn description(table: &Table) -> String {
    let rows = table.rows.iter().map(|row| {
        let published = published(row).map_or("nothing".to_owned(), plain);
        format!(
            "{}: {} measured, {published} published.",
            row.row,
            mean(row)
        )
    });
    rows.collect::<Vec<_>>().join(" ")
}
