//! Learning curves of all rows: a panel a row, all on the same axes, the others' curves grey behind.

use super::axis::{Scale, plain};
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::font::{self, Weight};
use super::sheet::{MARGIN, Plot, SMALL, Sheet, TEXT};
use super::theme::Role;
use super::{BandPoint, Drawing, WIDTH};

const COLUMNS: usize = 3;
/// Room for the ticks and the title of the y axis.
const LEFT: f64 = 58.0;
const GAP: f64 = 16.0;
/// Height of a panel's head, of its axes, and of what is below the last one.
const HEAD: f64 = 40.0;
const HEIGHT: f64 = 130.0;
const FOOT: f64 = 14.0;

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveRow {
    /// Its name.
    pub title: String,
    /// Where it ends, in a few words.
    pub note: String,
    /// Test misses in the course of training, in rising order of x.
    pub points: Vec<BandPoint>,
    /// The misses published for it.
    pub published: Option<f64>,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// What line and band are.
    pub subtitle: String,
    /// Title of the x axis.
    pub x_label: String,
    /// Title of the y axis.
    pub y_label: String,
    /// The rows.
    pub rows: Vec<CurveRow>,
    /// Device, date.
    pub caption: String,
}

impl Curves {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let mut sheet = Sheet::new("learning-curves", "Learning curves", &self.subtitle);
        if self.rows.is_empty() {
            sheet.nothing("No row has a run that ended.");
            return sheet.finish(&self.caption, self.description());
        }
        let points = || self.rows.iter().flat_map(|row| &row.points);
        let x = Scale::log(points().map(|point| point.x));
        let published = self.rows.iter().filter_map(|row| row.published);
        let y = Scale::log(
            points()
                .flat_map(|point| [point.low, point.high])
                .chain(published),
        );
        let width = (WIDTH - 2.0 * MARGIN - LEFT - GAP * (COLUMNS - 1) as f64) / COLUMNS as f64;
        let top = sheet.y;
        let lines = self.rows.len().div_ceil(COLUMNS);
        for (index, row) in self.rows.iter().enumerate() {
            let (line, column) = (index / COLUMNS, index % COLUMNS);
            let area = Area {
                x: MARGIN + LEFT + column as f64 * (width + GAP),
                y: top + line as f64 * (HEAD + HEIGHT + FOOT) + HEAD,
                width,
                height: HEIGHT,
            };
            let plot = Plot {
                area,
                x,
                y,
                beside: true,
            };
            // Below the last panel of its column.
            let x_ticks = index + COLUMNS >= self.rows.len();
            self.panel(&mut sheet.canvas, plot, row, (x_ticks, column == 0));
        }
        let bottom = top + lines as f64 * (HEAD + HEIGHT + FOOT) + 8.0;
        let style = TextStyle::new(SMALL).role(Role::Muted);
        let middle = (MARGIN + LEFT + WIDTH - MARGIN) / 2.0;
        sheet.canvas.text(
            (middle, bottom + 14.0),
            &self.x_label,
            style.anchor(Anchor::Middle),
        );
        let middle = (top + HEAD + bottom - FOOT) / 2.0;
        sheet
            .canvas
            .upward((MARGIN + 10.0, middle), &self.y_label, style);
        sheet.y = bottom + 20.0;
        legend(&mut sheet);
        sheet.finish(&self.caption, self.description())
    }

    fn panel(&self, canvas: &mut Canvas, plot: Plot, row: &CurveRow, ticks: (bool, bool)) {
        let area = plot.area;
        let name = font::fit(&row.title, TEXT, Weight::SemiBold, area.width);
        canvas.text((area.x, area.y - 24.0), &name, TextStyle::new(TEXT).bold());
        let note = font::fit(&row.note, SMALL, Weight::Regular, area.width);
        let muted = TextStyle::new(SMALL).role(Role::Muted);
        canvas.text((area.x, area.y - 8.0), &note, muted);
        let marks = |scale: Scale, most| -> Vec<_> {
            let values = scale.ticks(most).into_iter();
            values.map(|value| (value, plain(value))).collect()
        };
        plot.vertical(canvas, &marks(plot.x, 5), ticks.0);
        plot.horizontal(canvas, &marks(plot.y, 7), ticks.1);
        canvas.frame(area, Stroke::new(Role::Grid, 1.0));
        for other in self.rows.iter().filter(|other| *other != row) {
            canvas.polyline(&means(plot, &other.points), Stroke::new(Role::Context, 1.0));
        }
        if let Some(published) = row.published {
            let y = plot.at_y(published);
            let stroke = Stroke::new(Role::Published, 1.5).dashed(5.0);
            canvas.line((area.x, y), (area.right(), y), stroke);
        }
        band(canvas, plot, &row.points, Role::Measured);
        canvas.polyline(&means(plot, &row.points), Stroke::new(Role::Measured, 2.0));
        if let [only] = row.points[..] {
            canvas.dot(plot.at(only.x, only.mean), 3.0, Role::Measured, 1.0);
        }
    }

    fn description(&self) -> String {
        let mut text = format!("{} against {}. ", self.y_label, self.x_label);
        for row in &self.rows {
            text.push_str(&format!("{}: {}. ", row.title, row.note));
        }
        text.trim_end().to_owned()
    }
}

/// What the lines mean, on one line.
fn legend(sheet: &mut Sheet) {
    let y = sheet.y + 12.0;
    let mut x = MARGIN + LEFT;
    let entries = [
        ("this row", Stroke::new(Role::Measured, 2.0)),
        (
            "published, at the end",
            Stroke::new(Role::Published, 1.5).dashed(5.0),
        ),
        ("the other rows", Stroke::new(Role::Context, 1.0)),
    ];
    for (label, stroke) in entries {
        sheet.canvas.line((x, y - 4.0), (x + 28.0, y - 4.0), stroke);
        sheet
            .canvas
            .text((x + 34.0, y), label, TextStyle::new(SMALL));
        x += 34.0 + font::width(label, SMALL, Weight::Regular) + 32.0;
    }
    sheet.y = y + 8.0;
}

/// A curve's places.
pub(super) fn means(plot: Plot, points: &[BandPoint]) -> Vec<(f64, f64)> {
    let place = |point: &BandPoint| plot.at(point.x, point.mean);
    points.iter().map(place).collect()
}

/// The band around a curve; nothing where it has no width anywhere.
pub(super) fn band(canvas: &mut Canvas, plot: Plot, points: &[BandPoint], role: Role) {
    if points.iter().all(|point| point.low == point.high) {
        return;
    }
    let upper = points.iter().map(|point| plot.at(point.x, point.high));
    let lower = points.iter().rev().map(|point| plot.at(point.x, point.low));
    canvas.polygon(&upper.chain(lower).collect::<Vec<_>>(), role, 0.2);
}
