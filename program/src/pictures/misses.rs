//! The essay's picture of the remaining errors: every test digit that a net misses, as the net sees it.

use std::fmt::Write as _;

use gpu_train::data::Dataset;
use gpu_train::experiment::record::{MissedExample, RunRecord, Table};
use gpu_train::net::SIDE;

use super::Drawing;
use super::axis::plain;
use super::canvas::{Anchor, Area, Stroke};
use super::sheet::{INSIDE, MARGIN, SMALL, Sheet};
use super::theme::Role;

const COLUMNS: usize = 8;
/// User units of a pixel: whole, so that its edges are sharp.
const PIXEL: f64 = 3.0;
/// Height of a digit with its words below.
const PITCH: f64 = 78.0;
/// Shades of ink; more would not be seen and make the file larger.
const SHADES: usize = 24;
/// Digits drawn at most: forty lines. A net that misses more has other problems.
const MOST: usize = 40 * COLUMNS;

/// Draws what a run's net misses of this test set.
pub fn draw(table: &Table, run: &RunRecord, test: &Dataset) -> Drawing {
    // An index beyond the set can only come from a record that was edited.
    let missed = run
        .missed
        .iter()
        .flatten()
        .filter(|missed| (missed.index as usize) < test.len());
    let mut missed: Vec<&MissedExample> = missed.collect();
    missed.sort_by_key(|missed| (missed.label, missed.guess));
    let examples = plain(f64::from(run.identity.digits.test_examples));
    let title = match missed.len() {
        0 => format!("No test digit missed of {examples}"),
        1 => format!("The one test digit missed of {examples}"),
        count => format!("The {count} test digits missed of {examples}"),
    };
    let (row, seed) = (&run.identity.row, run.identity.seed);
    let mut subtitle = format!("{row}, seed {seed}. Below each: its label → the net's guess.");
    if missed.len() > MOST {
        write!(subtitle, " The first {MOST}.").expect("a string takes all");
    }
    let mut sheet = Sheet::new("misses", &title, &subtitle);
    if missed.is_empty() {
        sheet.nothing("Nothing to see here.");
    }
    let top = sheet.y + 20.0;
    let pitch = INSIDE / COLUMNS as f64;
    let side = SIDE as f64 * PIXEL;
    let mut pairs = Vec::new();
    for (index, digit) in missed.iter().take(MOST).enumerate() {
        let x = (MARGIN + (index % COLUMNS) as f64 * pitch + (pitch - side) / 2.0).round();
        let y = (top + (index / COLUMNS) as f64 * PITCH).round();
        let area = Area::at((x - 1.0, y - 1.0), (side + 2.0, side + 2.0));
        sheet.canvas.frame(area, Stroke::new(Role::Grid, 1.0));
        let full = 2.0 * f32::from(test.denominator());
        let ink = |&code: &u16| f32::from(code) / full;
        let codes = test.image_codes(digit.index as usize);
        let ink: Vec<f32> = codes.iter().map(ink).collect();
        for (opacity, d) in shades(&ink) {
            sheet.canvas.pixels((x, y), PIXEL, &d, Role::Ink, opacity);
        }
        let words = format!("{} → {}", digit.label, digit.guess);
        let at = (x + side / 2.0, y + side + 16.0);
        sheet.canvas.text(at, &words, SMALL.anchor(Anchor::Middle));
        sheet.y = y + PITCH - 10.0;
        pairs.push(format!("{}→{}", digit.label, digit.guess));
    }
    let (count, pairs) = (missed.len(), pairs.join(", "));
    let text = format!("{row}, seed {seed} misses {count} of {examples} test digits: {pairs}.");
    sheet.finish(&table.stamp, &table.restrictions, text)
}

/// Opacity of each shade that occurs, with a path of the pixels that have it, neighbours in a row as one.
fn shades(ink: &[f32]) -> Vec<(f64, String)> {
    let mut paths = vec![String::new(); SHADES + 1];
    let shade = |value: f32| (value.clamp(0.0, 1.0) * SHADES as f32).round() as usize;
    for (row, pixels) in ink.chunks(SIDE).enumerate() {
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
    use gpu_train::net::PIXELS;

    #[test]
    fn equal_neighbours_are_one_shape_and_background_is_none() {
        let mut ink = vec![0.0; PIXELS];
        ink[SIDE + 3..SIDE + 6].fill(1.0);
        ink[2 * SIDE] = 0.5;
        let expected = [
            (0.5, "M0 2h1v1h-1z".to_owned()),
            (1.0, "M3 1h3v1h-3z".to_owned()),
        ];
        assert_eq!(shades(&ink), expected);
    }
}
