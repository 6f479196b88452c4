//! Pixel codes to values, sixteen images at a time.

use crate::cpu::simd::{LANES, Lanes, Simd};
use crate::data::Dataset;
use crate::net::{PIXELS, SIDE};

/// Background, as a code.
const BACKGROUND: u16 = 0;

/// Writes the images of sixteen examples from `first`, each shifted by its (rows down, columns right); what is
/// uncovered is background, and so are examples past the last.
///
/// - `x`: `[16][16]`, without the padding
#[inline(always)]
pub fn input<S: Simd>(
    s: S,
    set: &Dataset,
    first: usize,
    shifts: impl Fn(usize) -> (i32, i32),
    x: &mut [[Lanes; SIDE]; SIDE],
) {
    let blank = [BACKGROUND; PIXELS];
    let x = x.as_flattened_mut();
    let whole = i32::from(set.denominator());
    for lane in 0..LANES {
        let example = first + lane;
        let mut shifted = blank;
        let codes: &[u16] = if example >= set.len() {
            &blank
        } else {
            match shifts(example) {
                (0, 0) => set.image_codes(example),
                shift => {
                    copy_shifted(set.image_codes(example), shift, &mut shifted);
                    &shifted
                }
            }
        };
        for (values, &code) in x.iter_mut().zip(codes) {
            values.0[lane] = (i32::from(code) - whole) as f32;
        }
    }
    // code / denominator − 1 = (code − denominator) / denominator, rounded once: the quotient by the reciprocal,
    // corrected by its remainder, costs a fraction of a division.
    let denominator = s.splat(f32::from(set.denominator()));
    let reciprocal = s.splat(1.0 / f32::from(set.denominator()));
    for values in x {
        let numerator = s.load(values);
        let quotient = s.mul(numerator, reciprocal);
        let remainder = s.neg_mul_add(quotient, denominator, numerator);
        s.store(values, s.mul_add(remainder, reciprocal, quotient));
    }
}

/// `to[r][c] = from[r − down][c − right]` where that is inside the image; the rest of `to` is left.
#[inline(always)]
fn copy_shifted(from: &[u16], (down, right): (i32, i32), to: &mut [u16; PIXELS]) {
    let side = SIDE as i32;
    let (rows, columns) = (
        down.max(0)..side.min(side + down),
        right.max(0)..side.min(side + right),
    );
    for row in rows {
        let start = row * side + columns.start;
        let source = start - down * side - right;
        let length = columns.len();
        to[start as usize..][..length].copy_from_slice(&from[source as usize..][..length]);
    }
}
