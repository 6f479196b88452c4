//! The table as a picture: mean and interval of each row's test misses beside what was published.

use super::axis::{Scale, plain, tenths};
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::font::{self, Weight};
use super::sheet::{MARGIN, Plot, SMALL, Sheet, TEXT};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Room for the rows' names, and for the figures behind.
const LEFT: f64 = 230.0;
const RIGHT: f64 = 170.0;
const PITCH: f64 = 40.0;

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    /// Its name.
    pub name: String,
    /// What it is, in a few words.
    pub note: String,
    /// Mean test misses; none if no run ended.
    pub mean: Option<f64>,
    /// 95% confidence interval of the mean.
    pub mean_interval: Option<[f64; 2]>,
    /// 95% prediction interval of one more run.
    pub prediction_interval: Option<[f64; 2]>,
    /// Test misses of each run.
    pub runs: Vec<f64>,
    /// The misses published.
    pub published: Option<f64>,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// Of how many test digits, over which seeds.
    pub subtitle: String,
    /// The rows.
    pub rows: Vec<IntervalRow>,
    /// Device, date.
    pub caption: String,
}

impl Intervals {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let mut sheet = Sheet::new(
            "table",
            "Test misses, measured and published",
            &self.subtitle,
        );
        if self.rows.is_empty() {
            sheet.nothing("The table has no rows.");
            return sheet.finish(&self.caption, self.description());
        }
        let area = Area {
            x: MARGIN + LEFT,
            y: sheet.y + 24.0,
            width: WIDTH - 2.0 * MARGIN - LEFT - RIGHT,
            height: self.rows.len() as f64 * PITCH,
        };
        let plot = Plot {
            area,
            x: self.scale(),
            y: Scale::Linear {
                low: 0.0,
                high: 1.0,
            },
            beside: false,
        };
        self.heads(&mut sheet.canvas, area);
        let ticks = plot
            .x
            .ticks(8)
            .into_iter()
            .map(|value| (value, plain(value)));
        plot.vertical(&mut sheet.canvas, &ticks.collect::<Vec<_>>(), true);
        for (index, row) in self.rows.iter().enumerate() {
            let y = area.y + (index as f64 + 0.5) * PITCH;
            draw_row(&mut sheet.canvas, plot, row, y);
        }
        let style = TextStyle::new(SMALL)
            .role(Role::Muted)
            .anchor(Anchor::Middle);
        let axis = match plot.x {
            Scale::Linear { .. } => "test misses",
            Scale::Log { .. } => "test misses (log)",
        };
        sheet.canvas.text(
            (area.x + area.width / 2.0, area.bottom() + 34.0),
            axis,
            style,
        );
        sheet.y = area.bottom() + 44.0;
        legend(&mut sheet);
        sheet.finish(&self.caption, self.description())
    }

    /// From zero, unless the rows lie so far apart that the small ones could not be told from each other.
    fn scale(&self) -> Scale {
        let values = || {
            self.rows.iter().flat_map(|row| {
                let intervals = row.prediction_interval.into_iter().chain(row.mean_interval);
                let edges = intervals.flatten().chain(row.mean).chain(row.published);
                edges.chain(row.runs.iter().copied())
            })
        };
        let means = || {
            self.rows
                .iter()
                .filter_map(|row| row.mean)
                .filter(|mean| *mean > 0.0)
        };
        let (low, high) = (
            means().fold(f64::INFINITY, f64::min),
            means().fold(0.0, f64::max),
        );
        match high > 12.0 * low {
            true => Scale::log(values()),
            false => Scale::from_zero(values()),
        }
    }

    fn heads(&self, canvas: &mut Canvas, area: Area) {
        let style = TextStyle::new(SMALL).role(Role::Muted);
        let y = area.y - 10.0;
        canvas.text((MARGIN, y), "row", style);
        let end = style.anchor(Anchor::End);
        canvas.text((WIDTH - MARGIN - 70.0, y), "mean ± 95%", end);
        canvas.text((WIDTH - MARGIN, y), "published", end);
        let ends = ((MARGIN, area.y), (WIDTH - MARGIN, area.y));
        canvas.line(ends.0, ends.1, Stroke::new(Role::Muted, 1.0));
    }

    fn description(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let published = row.published.map_or("nothing".to_owned(), plain);
            text.push_str(&format!(
                "{}: {} measured, {published} published. ",
                row.name,
                mean(row)
            ));
        }
        text.trim_end().to_owned()
    }
}

fn draw_row(canvas: &mut Canvas, plot: Plot, row: &IntervalRow, y: f64) {
    let most = LEFT - 12.0;
    let name = font::fit(&row.name, TEXT, Weight::SemiBold, most);
    canvas.text((MARGIN, y - 2.0), &name, TextStyle::new(TEXT).bold());
    let note = font::fit(&row.note, SMALL, Weight::Regular, most);
    let muted = TextStyle::new(SMALL).role(Role::Muted);
    canvas.text((MARGIN, y + 13.0), &note, muted);
    let across = |[low, high]: [f64; 2]| ((plot.at_x(low), y), (plot.at_x(high), y));
    if let Some(interval) = row.prediction_interval {
        let (from, to) = across(interval);
        canvas.line(from, to, Stroke::new(Role::Measured, 1.0));
        for (x, _) in [from, to] {
            canvas.line((x, y - 4.0), (x, y + 4.0), Stroke::new(Role::Measured, 1.0));
        }
    }
    if let Some(interval) = row.mean_interval {
        let (from, to) = across(interval);
        canvas.line(from, to, Stroke::new(Role::Measured, 5.0));
    }
    for &run in &row.runs {
        canvas.dot((plot.at_x(run), y + 10.0), 1.8, Role::Measured, 0.55);
    }
    if let Some(mean) = row.mean {
        canvas.dot((plot.at_x(mean), y), 4.5, Role::Measured, 1.0);
    }
    if let Some(published) = row.published {
        let at = (plot.at_x(published), y);
        canvas.diamond(at, 6.0, Stroke::new(Role::Published, 2.0));
    }
    let end = TextStyle::new(TEXT).anchor(Anchor::End);
    canvas.text((WIDTH - MARGIN - 70.0, y + 4.0), &mean(row), end);
    let published = row.published.map_or("–".to_owned(), plain);
    let role = row.published.map_or(Role::Muted, |_| Role::Published);
    canvas.text((WIDTH - MARGIN, y + 4.0), &published, end.role(role));
    let below = y + PITCH / 2.0;
    canvas.line(
        (MARGIN, below),
        (WIDTH - MARGIN, below),
        Stroke::new(Role::Grid, 1.0),
    );
}

/// "82.1 ± 3.5", without what is not known.
fn mean(row: &IntervalRow) -> String {
    match (row.mean, row.mean_interval) {
        (Some(mean), Some([low, high])) => {
            format!("{} ± {}", tenths(mean), tenths((high - low) / 2.0))
        }
        (Some(mean), None) => tenths(mean),
        (None, _) => "no run ended".into(),
    }
}

fn legend(sheet: &mut Sheet) {
    let y = sheet.y + 14.0;
    let canvas = &mut sheet.canvas;
    let text = TextStyle::new(SMALL);
    let mut x = MARGIN;
    let mut entry = |canvas: &mut Canvas, label: &str, width: f64| {
        canvas.text((x + width + 6.0, y), label, text);
        let at = x;
        x += width + 6.0 + font::width(label, SMALL, Weight::Regular) + 22.0;
        at
    };
    let at = entry(canvas, "mean and its 95% interval", 24.0);
    canvas.line(
        (at, y - 4.0),
        (at + 24.0, y - 4.0),
        Stroke::new(Role::Measured, 5.0),
    );
    canvas.dot((at + 12.0, y - 4.0), 4.5, Role::Measured, 1.0);
    let at = entry(canvas, "95% of single runs", 24.0);
    canvas.line(
        (at, y - 4.0),
        (at + 24.0, y - 4.0),
        Stroke::new(Role::Measured, 1.0),
    );
    for end in [at, at + 24.0] {
        canvas.line((end, y - 8.0), (end, y), Stroke::new(Role::Measured, 1.0));
    }
    let at = entry(canvas, "the runs", 12.0);
    for step in 0..3 {
        canvas.dot(
            (at + 2.0 + 4.0 * f64::from(step), y - 4.0),
            1.8,
            Role::Measured,
            0.55,
        );
    }
    let at = entry(canvas, "published (one run)", 12.0);
    canvas.diamond((at + 6.0, y - 4.0), 6.0, Stroke::new(Role::Published, 2.0));
    sheet.y = y + 8.0;
}
