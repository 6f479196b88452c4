//! Training and test error of one row against updates.

use super::axis::{Scale, plain};
use super::canvas::{Anchor, Area, Stroke, TextStyle};
use super::curves::{band, means};
use super::sheet::{MARGIN, Plot, SMALL, Sheet, TEXT};
use super::theme::Role;
use super::{BandPoint, Drawing, WIDTH};

const LEFT: f64 = 56.0;
/// Room for the curves' names behind their ends.
const RIGHT: f64 = 130.0;
const HEIGHT: f64 = 300.0;

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorByStep {
    /// Name of the row.
    pub row: String,
    /// What lines and bands are.
    pub subtitle: String,
    /// Training error in percent by updates, in rising order of x.
    pub train: Vec<BandPoint>,
    /// Test error in percent by updates.
    pub test: Vec<BandPoint>,
    /// Test error in percent published for it.
    pub published: Option<f64>,
    /// Device, date.
    pub caption: String,
}

impl ErrorByStep {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let title = format!("Error by updates: {}", self.row);
        let mut sheet = Sheet::new("error-by-step", &title, &self.subtitle);
        if self.train.is_empty() && self.test.is_empty() {
            sheet.nothing("No run of this row ended.");
            return sheet.finish(&self.caption, self.description());
        }
        let area = Area {
            x: MARGIN + LEFT,
            y: sheet.y + 8.0,
            width: WIDTH - 2.0 * MARGIN - LEFT - RIGHT,
            height: HEIGHT,
        };
        let x = Scale::log(self.points().map(|point| point.x));
        let (y, y_ticks) = self.vertical();
        let plot = Plot {
            area,
            x,
            y,
            beside: false,
        };
        let x_ticks: Vec<_> = x.ticks(12).into_iter().map(|v| (v, plain(v))).collect();
        plot.vertical(&mut sheet.canvas, &x_ticks, true);
        plot.horizontal(&mut sheet.canvas, &y_ticks, true);
        sheet.canvas.frame(area, Stroke::new(Role::Grid, 1.0));
        self.curves(&mut sheet, plot);
        let style = TextStyle::new(SMALL).role(Role::Muted);
        let below = (area.x + area.width / 2.0, area.bottom() + 36.0);
        sheet
            .canvas
            .text(below, "updates (log)", style.anchor(Anchor::Middle));
        let left = (MARGIN + 10.0, area.y + area.height / 2.0);
        let zero = y_ticks.first().is_some_and(|(_, label)| label == "0");
        let foot = if zero { "; 0 at the foot" } else { "" };
        let name = format!("examples missed, % (log{foot})");
        sheet.canvas.upward(left, &name, style);
        sheet.y = area.bottom() + 40.0;
        sheet.finish(&self.caption, self.description())
    }

    fn points(&self) -> impl Iterator<Item = &BandPoint> {
        self.train.iter().chain(&self.test)
    }

    /// The y axis and its ticks. Zero has no place on a log axis: where there is one, it stands on the ground line, below
    /// everything, and the tick there says 0.
    fn vertical(&self) -> (Scale, Vec<(f64, String)>) {
        let values = || {
            let edges = self
                .points()
                .flat_map(|point| [point.low, point.mean, point.high]);
            edges.chain(self.published)
        };
        let scale = match Scale::log(values()) {
            // Nobody misses more than all.
            Scale::Log { low, high } if high > 100.0 && low < 100.0 => {
                Scale::Log { low, high: 100.0 }
            }
            scale => scale,
        };
        let ticks = |scale: Scale| {
            scale
                .ticks(9)
                .into_iter()
                .map(|v| (v, format!("{}%", plain(v))))
        };
        match scale {
            Scale::Log { low, high } if values().any(|value| value == 0.0) => {
                let low = low / 2.0;
                let scale = Scale::Log { low, high };
                let above = ticks(scale).filter(|(value, _)| *value > 1.2 * low);
                (
                    scale,
                    std::iter::once((low, "0".to_owned()))
                        .chain(above)
                        .collect(),
                )
            }
            _ => (scale, ticks(scale).collect()),
        }
    }

    fn curves(&self, sheet: &mut Sheet, plot: Plot) {
        let canvas = &mut sheet.canvas;
        let mut names: Vec<(f64, String, Role)> = Vec::new();
        if let Some(published) = self.published {
            let y = plot.at_y(published);
            let stroke = Stroke::new(Role::Published, 1.5).dashed(5.0);
            canvas.line((plot.area.x, y), (plot.area.right(), y), stroke);
            names.push((
                y,
                format!("published {}%", plain(published)),
                Role::Published,
            ));
        }
        let curves = [
            (&self.train, Role::Train, 4.0, "training"),
            (&self.test, Role::Measured, 0.0, "test"),
        ];
        for (points, role, dash, name) in curves {
            let Some(last) = points.last() else { continue };
            band(canvas, plot, points, role);
            let stroke = Stroke::new(role, 2.0).dashed(dash);
            canvas.polyline(&means(plot, points), stroke);
            canvas.dot(plot.at(last.x, last.mean), 3.5, role, 1.0);
            let label = format!("{name} {}%", percent(last.mean));
            names.push((plot.at_y(last.mean), label, role));
        }
        apart(&mut names, 17.0, plot.area.bottom());
        for (y, name, role) in names {
            let style = TextStyle::new(TEXT).role(role).bold();
            canvas.text((plot.area.right() + 8.0, y + 4.0), &name, style);
        }
    }

    fn description(&self) -> String {
        let end = |points: &[BandPoint]| match points.last() {
            Some(last) => format!("{}% after {} updates", percent(last.mean), plain(last.x)),
            None => "unknown".into(),
        };
        format!(
            "Error of {}: training error {}; test error {}.",
            self.row,
            end(&self.train),
            end(&self.test)
        )
    }
}

fn percent(value: f64) -> String {
    match value.is_finite() && value < 1e3 {
        true => format!("{value:.2}"),
        false => plain(value),
    }
}

/// Moves labels apart, in their order, until none is nearer than `least` to the next, and none below `bottom`.
fn apart(labels: &mut [(f64, String, Role)], least: f64, bottom: f64) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    for index in 1..labels.len() {
        labels[index].0 = labels[index].0.max(labels[index - 1].0 + least);
    }
    let mut limit = bottom;
    for label in labels.iter_mut().rev() {
        label.0 = label.0.min(limit);
        limit = label.0 - least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_above_the_ground() {
        let mut labels = [300.0, 299.0, 100.0, 298.0].map(|y| (y, String::new(), Role::Ink));
        apart(&mut labels, 17.0, 300.0);
        assert_eq!(labels.map(|label| label.0), [100.0, 266.0, 283.0, 300.0]);
    }
}
