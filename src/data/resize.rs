//! 28×28 to 16×16, bilinearly, with half-pixel centres and no antialiasing, in exact integers.
//!
//! Target row i looks at source row (i + ½)·28/16 − ½ = (14 i + 3)/8, so each weight along an axis is a multiple of
//! 1/8 and each in the plane one of 1/64: 64 times a resized pixel is an integer, at most 64·255 = 16,320.
//!
//! ```
//! use gpu_train::data::resize::{CODES_PER_LEVEL, resize};
//!
//! // White stays white: level 255 is the code 64·255.
//! let codes = resize(&[255; 28 * 28]);
//! assert!(codes.iter().all(|&code| code == 255 * CODES_PER_LEVEL));
//! ```

use crate::net::{PIXELS, SIDE};

/// Side of MNIST's images, in pixels.
pub const SOURCE_SIDE: usize = 28;
/// Pixels of one of MNIST's images.
pub const SOURCE_PIXELS: usize = SOURCE_SIDE * SOURCE_SIDE;
/// Ratio of a resized pixel's code to its value, in the units of the source (0 to 255).
pub const CODES_PER_LEVEL: u16 = 64;

/// Weights along an axis are counted in eighths.
const EIGHTHS: usize = 8;

/// Resizes an image, `[row][column]`, to codes in 0 to 16,320, `[row][column]`.
///
/// # Panics
/// If it does not have [`SOURCE_PIXELS`] pixels.
pub fn resize(image: &[u8]) -> [u16; PIXELS] {
    assert_eq!(image.len(), SOURCE_PIXELS, "a pixel for each place");
    let mut codes = [0; PIXELS];
    for (row, target) in codes.chunks_exact_mut(SIDE).enumerate() {
        let (top, down) = source(row);
        for (column, code) in target.iter_mut().enumerate() {
            let (left, right) = source(column);
            let pixel = |row: usize, column: usize| u16::from(image[row * SOURCE_SIDE + column]);
            let blend = |row: usize| {
                (EIGHTHS as u16 - right) * pixel(row, left) + right * pixel(row, left + 1)
            };
            *code = (EIGHTHS as u16 - down) * blend(top) + down * blend(top + 1);
        }
    }
    codes
}

/// The lower of the two source positions a target position is between, and the upper one's weight in eighths.
/// The last target is at 26⅝, so there always is an upper one.
fn source(target: usize) -> (usize, u16) {
    let eighths = 14 * target + 3;
    (eighths / EIGHTHS, (eighths % EIGHTHS) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One resized pixel as a sum over the whole source, each pixel weighted by the tent of width 1 around it.
    fn tents(image: &[u8], row: usize, column: usize) -> f64 {
        let scale = SOURCE_SIDE as f64 / SIDE as f64;
        let tent = |target: usize, source: usize| {
            let position = (target as f64 + 0.5) * scale - 0.5;
            (1.0 - (position - source as f64).abs()).max(0.0)
        };
        (0..SOURCE_PIXELS)
            .map(|i| {
                let weight = tent(row, i / SOURCE_SIDE) * tent(column, i % SOURCE_SIDE);
                weight * f64::from(image[i])
            })
            .sum()
    }

    fn assert_equals_tents(image: &[u8]) {
        for (i, &code) in resize(image).iter().enumerate() {
            // Sums of multiples of 1/64 below 2⁸ are exact in f64.
            let expected = 64.0 * tents(image, i / SIDE, i % SIDE);
            assert_eq!(f64::from(code), expected, "pixel {i}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn codes_equal_a_bilinear_resize_written_as_tents(
            image in prop::collection::vec(any::<u8>(), SOURCE_PIXELS)
        ) {
            assert_equals_tents(&image);
        }
    }

    #[test]
    fn every_source_pixel_has_its_weight() {
        for lit in 0..SOURCE_PIXELS {
            let mut image = [0; SOURCE_PIXELS];
            image[lit] = 255;
            assert_equals_tents(&image);
        }
    }

    #[test]
    fn the_extremes_are_reached() {
        assert_eq!(resize(&[0; SOURCE_PIXELS]), [0; PIXELS]);
        assert_eq!(resize(&[255; SOURCE_PIXELS]), [16_320; PIXELS]);
    }
}
