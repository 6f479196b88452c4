//! Pixel codes to padded, shifted values.

use super::Real;
use crate::net::{PADDED_PIXELS, PADDED_SIDE, PADDING, PADDING_VALUE, SIDE};

/// Value of each pixel, shifted and padded.
///
/// - `codes`: `[16][16]`, value `code / denominator − 1`
/// - `shift`: rows down and columns right; what is uncovered is background
/// - returns `[20][20]`, the outermost two rows and columns being padding
pub fn input<T: Real>(codes: &[u16], denominator: u16, shift: (i32, i32)) -> Vec<T> {
    let mut padded = vec![T::of(f64::from(PADDING_VALUE)); PADDED_PIXELS];
    for row in 0..SIDE {
        for column in 0..SIDE {
            let from_row = row as i32 - shift.0;
            let from_column = column as i32 - shift.1;
            let inside = 0..SIDE as i32;
            if inside.contains(&from_row) && inside.contains(&from_column) {
                let code = codes[from_row as usize * SIDE + from_column as usize];
                let value = f64::from(code) / f64::from(denominator) - 1.0;
                padded[(row + PADDING) * PADDED_SIDE + column + PADDING] = T::of(value);
            }
        }
    }
    padded
}
