//! The essay's picture of the remaining errors: every test digit that the net misses, as it sees it.

use std::fmt::Write as _;

use super::axis::plain;
use super::canvas::{Anchor, Area, Stroke, TextStyle};
use super::sheet::{MARGIN, SMALL, Sheet};
use super::theme::Role;
use super::{Drawing, WIDTH};
use gpu_train::net::{PIXELS, SIDE};

const COLUMNS: usize = 12;
/// User units of a pixel: whole, so that its edges are sharp.
const PIXEL: f64 = 3.0;
/// Height of a digit with its words below.
const PITCH: f64 = 76.0;
/// Shades of ink; more would not be seen and make the file larger.
const SHADES: usize = 24;
/// Digits drawn at most: twenty-five lines. A net that misses more has other problems.
const MOST: usize = 25 * COLUMNS;

/// A missed test digit.
#[derive(Debug, Clone, PartialEq)]
pub struct MissedDigit {
    /// 16×16 pixels, `[row][column]`, 0 for background to 1 for full ink.
    pub ink: Vec<f32>,
    /// What it is.
    pub label: u8,
    /// What the net takes it for.
    pub guess: u8,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Misses {
    /// Name of the row whose net it is, with its seed.
    pub net: String,
    /// Test digits in all.
    pub examples: u32,
    /// The missed ones.
    pub digits: Vec<MissedDigit>,
    /// Device, date.
    pub caption: String,
}

impl Misses {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let count = self.digits.len();
        let examples = plain(f64::from(self.examples));
        let title = format!("The {count} test digits missed of {examples}");
        let title = match count {
            0 => format!("No test digit missed of {examples}"),
            1 => format!("The one test digit missed of {examples}"),
            _ => title,
        };
        let mut subtitle = format!(
            "{}. Below each: what it is → what the net takes it for.",
            self.net
        );
        if count > MOST {
            write!(subtitle, " The first {MOST}.").expect("a string takes all");
        }
        let mut sheet = Sheet::new("misses", &title, &subtitle);
        if count == 0 {
            sheet.nothing("Nothing to see here.");
        }
        let top = sheet.y + 10.0;
        let pitch = (WIDTH - 2.0 * MARGIN) / COLUMNS as f64;
        let side = SIDE as f64 * PIXEL;
        for (index, digit) in self.digits.iter().take(MOST).enumerate() {
            let column = MARGIN + (index % COLUMNS) as f64 * pitch;
            let x = (column + (pitch - side) / 2.0).round();
            let y = (top + (index / COLUMNS) as f64 * PITCH).round();
            let area = Area {
                x: x - 1.0,
                y: y - 1.0,
                width: side + 2.0,
                height: side + 2.0,
            };
            sheet.canvas.frame(area, Stroke::new(Role::Grid, 1.0));
            for (opacity, d) in shades(&digit.ink) {
                sheet.canvas.pixels((x, y), PIXEL, &d, Role::Ink, opacity);
            }
            let words = format!("{} → {}", digit.label, digit.guess);
            let style = TextStyle::new(SMALL).anchor(Anchor::Middle);
            sheet
                .canvas
                .text((x + side / 2.0, y + side + 15.0), &words, style);
            sheet.y = y + PITCH - 8.0;
        }
        sheet.finish(&self.caption, self.description())
    }

    fn description(&self) -> String {
        let mut pairs = String::new();
        for digit in self.digits.iter().take(MOST) {
            let separator = if pairs.is_empty() { "" } else { ", " };
            write!(pairs, "{separator}{}→{}", digit.label, digit.guess)
                .expect("a string takes all");
        }
        format!(
            "{} misses {} of {} test digits: {pairs}.",
            self.net,
            self.digits.len(),
            self.examples
        )
    }
}

/// For each shade that occurs its opacity and a path of the pixels that have it, neighbours in a row as one.
fn shades(ink: &[f32]) -> Vec<(f64, String)> {
    let mut paths = vec![String::new(); SHADES + 1];
    let shade = |value: f32| (value.clamp(0.0, 1.0) * SHADES as f32).round() as usize;
    for (row, pixels) in ink[..PIXELS.min(ink.len())].chunks(SIDE).enumerate() {
        let mut column = 0;
        for run in pixels.chunk_by(|a, b| shade(*a) == shade(*b)) {
            let width = run.len();
            let path = &mut paths[shade(run[0])];
            write!(path, "M{column} {row}h{width}v1h-{width}z").expect("a string takes all");
            column += width;
        }
    }
    let shades = paths.into_iter().enumerate().skip(1);
    shades
        .filter(|(_, path)| !path.is_empty())
        .map(|(shade, path)| (shade as f64 / SHADES as f64, path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_shape_and_background_is_none() {
        let mut ink = vec![0.0; PIXELS];
        ink[SIDE + 3..SIDE + 6].fill(1.0);
        ink[2 * SIDE] = 0.5;
        // Not a number is background.
        ink[0] = f32::NAN;
        assert_eq!(
            shades(&ink),
            [
                (0.5, "M0 2h1v1h-1z".to_owned()),
                (1.0, "M3 1h3v1h-3z".to_owned())
            ]
        );
    }
}
