//! Pixel codes to values, sixteen images at a time.

use crate::cpu::simd::{LANES, Lanes, Simd};
use crate::data::examples::{Examples, copy_shifted};
use crate::net::{PIXELS, SIDE};

/// Writes the images of sixteen examples from `first`, each shifted by its (rows down, columns right); what is
/// uncovered is background, and so are examples past the last.
///
/// - `x`: `[16][16]`, without the padding
#[inline(always)]
pub fn input<S: Simd>(
    s: S,
    set: &dyn Examples,
    first: usize,
    shifts: impl Fn(usize) -> (i32, i32),
    x: &mut [[Lanes; SIDE]; SIDE],
) {
    let blank = [0; PIXELS]; // background, as codes
    let (mut room, mut shifted) = (blank, blank);
    let denominator = s.splat(f32::from(set.denominator()));
    for lane in 0..LANES {
        let example = first + lane;
        let codes = if example >= set.count() {
            &blank
        } else {
            let codes = set.image(example, &mut room);
            match shifts(example) {
                (0, 0) => codes,
                shift => {
                    copy_shifted(codes, shift, &mut shifted);
                    &shifted
                }
            }
        };
        // A row of one image, to be turned.
        for (rows, codes) in x.iter_mut().zip(codes.as_chunks::<SIDE>().0) {
            s.store(&mut rows[lane], s.sub(s.load_whole(codes), denominator));
        }
    }
    // code / denominator − 1 = (code − denominator) / denominator, rounded once: the quotient by the reciprocal,
    // corrected by its remainder, costs a fraction of a division.
    let reciprocal = s.splat(1.0 / f32::from(set.denominator()));
    for row in x {
        let mut numerators = [denominator; LANES];
        for lane in 0..LANES {
            numerators[lane] = s.load(&row[lane]);
        }
        let numerators = s.turn(numerators);
        for column in 0..SIDE {
            let quotient = s.mul(numerators[column], reciprocal);
            let remainder = s.neg_mul_add(quotient, denominator, numerators[column]);
            s.store(&mut row[column], s.mul_add(remainder, reciprocal, quotient));
        }
    }
}

/// A row of an image fills a vector.
const _: () = assert!(SIDE == LANES);
