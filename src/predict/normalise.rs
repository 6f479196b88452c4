//! Normalisation of a picture of any size to the input of the net: first to MNIST's form, then to 16×16.
//!
//! MNIST's digits are fitted into a box of 20×20 pixels with their proportions kept. They are placed so that their centre of
//! mass is at pixel (14, 14) of 28×28, counted from 0, to the nearest whole pixel. (Measured on MNIST's files: the centres of
//! the digits are distributed evenly between 14.0 and 15.0 along both axes.)
//!
//! ```
//! use gpu_train::predict::Grey;
//! use gpu_train::predict::normalise::normalise;
//!
//! let stroke = |side: usize| {
//!     let ink = |at: usize| (side / 4..side / 4 * 3).contains(&(at / side)) && at % side / (side / 8) == 3;
//!     let levels = (0..side * side).map(|at| if ink(at) { 0 } else { u16::MAX });
//!     Grey::new(side, side, levels.collect())
//! };
//! // The size of the picture is of no consequence.
//! assert_eq!(normalise(&stroke(80)), normalise(&stroke(160)));
//! assert!(normalise(&Grey::new(2, 2, vec![9; 4])).is_err());
//! ```

use super::Grey;
use super::ink::Ink;
use crate::data::resize::{SOURCE_PIXELS, SOURCE_SIDE, resize};
use crate::net::PIXELS;

/// Side of the box around MNIST's digits.
const BOX_SIDE: usize = 20;
/// Centre of mass of a digit: the middle of the pixel after the middle of the image.
const CENTRE: f64 = SOURCE_SIDE as f64 / 2.0 + 0.5;
/// Amount of ink below which a pixel does not extend the digit's box: blurred corners, JPEG ringing.
const FAINT: f32 = 0.05;

/// Pixel codes of a picture of one digit, `[row][column]`, over [`crate::data::mnist1989::DENOMINATOR`].
///
/// # Errors
/// A message, `found …, expected …`, if the picture has only one colour.
pub fn normalise(grey: &Grey) -> Result<[u16; PIXELS], String> {
    Ok(resize(&mnist_form(grey)?))
}

/// Converts the digit to MNIST's form, `[row][column]`, ink bright, 0 to 255.
///
/// # Errors
/// As [`normalise`].
pub fn mnist_form(grey: &Grey) -> Result<[u8; SOURCE_PIXELS], String> {
    let ink = Ink::of(grey)?;
    let rows = Axis::of(&profile(&ink, |row, _| row, ink.height));
    let columns = Axis::of(&profile(&ink, |_, column| column, ink.width));
    let scale = BOX_SIDE as f64 / rows.length().max(columns.length()) as f64;
    let (down, right) = (rows.taps(scale), columns.taps(scale));
    let mut fitted = [0f64; SOURCE_PIXELS];
    // Rows first, one row of the target at a time: [source column].
    let mut narrow = vec![0f64; ink.width];
    for (row, taps) in down.iter().enumerate() {
        narrow.fill(0.0);
        for &(source, weight) in taps {
            let amounts = &ink.amounts[source * ink.width..][..ink.width];
            for (sum, &amount) in narrow.iter_mut().zip(amounts) {
                *sum += weight * f64::from(amount);
            }
        }
        for (column, taps) in right.iter().enumerate() {
            let sum: f64 = taps.iter().map(|&(at, weight)| weight * narrow[at]).sum();
            fitted[row * SOURCE_SIDE + column] = sum;
        }
    }
    // Lines thinner than a pixel of the target become as dark as thick ones.
    let darkest = fitted.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    Ok(fitted.map(|amount| (255.0 * amount / darkest).round() as u8))
}

/// Ink along an axis: (maximum of a pixel, sum) at each position.
fn profile(ink: &Ink, place: fn(usize, usize) -> usize, length: usize) -> Vec<(f32, f64)> {
    let mut profile = vec![(0f32, 0f64); length];
    for (index, &amount) in ink.amounts.iter().enumerate() {
        let (most, sum) = &mut profile[place(index / ink.width, index % ink.width)];
        *most = most.max(amount);
        *sum += f64::from(amount);
    }
    profile
}

/// Extent of the digit along an axis.
struct Axis {
    /// First position of the box.
    start: usize,
    /// End of the box (exclusive).
    end: usize,
    /// Centre of mass; the middle of the first position is ½.
    centre: f64,
    /// Length of the picture.
    places: usize,
}

impl Axis {
    fn of(profile: &[(f32, f64)]) -> Self {
        let inked = |&(most, _): &(f32, f64)| most > FAINT;
        // Some pixel has full ink, so both are found.
        let start = profile.iter().position(inked).unwrap_or(0);
        let end = profile.iter().rposition(inked).map_or(1, |last| last + 1);
        let (moment, mass) = profile
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |(moment, mass), (at, &(_, sum))| {
                (moment + (at as f64 + 0.5) * sum, mass + sum)
            });
        Self {
            start,
            end,
            centre: moment / mass,
            places: profile.len(),
        }
    }

    fn length(&self) -> usize {
        self.end - self.start
    }

    /// Source positions and their weights for each target position. The weights form a triangle that is two positions of the
    /// coarser grid wide. They sum to one if all positions are inside the picture.
    fn taps(&self, scale: f64) -> Vec<Vec<(usize, f64)>> {
        let box_length = self.length() as f64 * scale;
        // Whole pixels, so that a digit of MNIST's size is moved without blur.
        let wanted = CENTRE - (self.centre - self.start as f64) * scale;
        let start = wanted
            .round()
            .clamp(0.0, (SOURCE_SIDE as f64 - box_length).floor());
        let reach = (1.0 / scale).max(1.0);
        let taps = |target: usize| {
            let middle = (target as f64 + 0.5 - start) / scale + self.start as f64 - 0.5;
            let weight = |at: i64| (1.0 - (at as f64 - middle).abs() / reach).max(0.0);
            let reached = (middle - reach).floor() as i64..=(middle + reach).ceil() as i64;
            // Outside the picture there is paper: it adds no ink but counts in the total.
            let total: f64 = reached.clone().map(weight).sum();
            reached
                .filter(|at| (0..self.places as i64).contains(at) && weight(*at) > 0.0)
                .map(|at| (at as usize, weight(at) / total))
                .collect()
        };
        (0..SOURCE_SIDE).map(taps).collect()
    }
}
