//! What both convolutions do with one row of their input, forward, back and for the kernels' gradients.
//!
//! A row is sixteen examples wide: each element is a vector. The padding is never touched: a tap that falls on it is
//! left out here, and enters through the biases instead (see [`super::weights`]). Which taps those are in a row is
//! known at compile time, so the loops over taps are unrolled by hand, and the accumulators stay in registers.

use crate::cpu::simd::{Lanes, Simd};
use crate::net::{KERNEL, PADDING, STRIDE};

/// Repeats a block for each value of a constant.
macro_rules! unroll {
    ($i:ident < 4 => $body:block) => {
        unroll!(@ $i $body 0 1 2 3)
    };
    ($i:ident < 5 => $body:block) => {
        unroll!(@ $i $body 0 1 2 3 4)
    };
    ($i:ident < 8 => $body:block) => {
        unroll!(@ $i $body 0 1 2 3 4 5 6 7)
    };
    (@ $i:ident $body:block $($value:literal)*) => {
        $({
            const $i: usize = $value;
            $body
        })*
    };
}

/// Where the unit at `above` sees its tap `tap` in a row (or column) of `side`; `None` in the padding.
#[inline(always)]
pub const fn below(above: usize, tap: usize, side: usize) -> Option<usize> {
    let padded = STRIDE * above + tap;
    if padded >= PADDING && padded < PADDING + side {
        Some(padded - PADDING)
    } else {
        None
    }
}

/// `acc[m][c] += Σ w[m][kc] · row[2(first + c) + kc − 2]` over the taps inside the row.
///
/// - `row`: one row of one input map; `w`: one kernel row for each of `M` maps
/// - `acc`: `C` columns of those maps, from column `FIRST`
#[inline(always)]
pub fn row_forward<
    S: Simd,
    const M: usize,
    const FIRST: usize,
    const C: usize,
    const SIDE: usize,
>(
    s: S,
    row: &[Lanes; SIDE],
    w: [&[f32; KERNEL]; M],
    acc: &mut [[S::V; C]; M],
) {
    unroll!(TAP < 5 => {
        let mut values = [s.splat(0.0); C];
        for (c, value) in values.iter_mut().enumerate() {
            if let Some(at) = below(FIRST + c, TAP, SIDE) {
                *value = s.load(&row[at]);
            }
        }
        for m in 0..M {
            let weight = s.splat(w[m][TAP]);
            for c in 0..C {
                if below(FIRST + c, TAP, SIDE).is_some() {
                    acc[m][c] = s.mul_add(weight, values[c], acc[m][c]);
                }
            }
        }
    });
}

/// `acc[m][2(c) + kc − 2 − first] += w[m][kc] · d_above[c]` for what lies in the `C` columns from `FIRST`.
///
/// - `d_above`: one row of one output map's gradient; `w`: its kernel row for each of `M` input maps
/// - `acc`: the input maps' gradients
#[inline(always)]
pub fn row_backward<
    S: Simd,
    const M: usize,
    const FIRST: usize,
    const C: usize,
    const ABOVE: usize,
>(
    s: S,
    d_above: &[Lanes; ABOVE],
    w: [&[f32; KERNEL]; M],
    acc: &mut [[S::V; C]; M],
) {
    let d_above: [S::V; ABOVE] = std::array::from_fn(|c| s.load(&d_above[c]));
    unroll!(TAP < 5 => {
        for m in 0..M {
            let weight = s.splat(w[m][TAP]);
            for (c, &gradient) in d_above.iter().enumerate() {
                if let Some(at) = below(c, TAP, STRIDE * ABOVE)
                    && at >= FIRST
                    && at < FIRST + C
                {
                    acc[m][at - FIRST] = s.mul_add(weight, gradient, acc[m][at - FIRST]);
                }
            }
        }
    });
}

/// `acc[m][kc] += Σ row[2c + kc − 2] · d_above[m][c]` over the taps inside the row.
///
/// - `row`: one row of one input map; `d_above`: one row of the gradient of each of `M` output maps (4 or 8 columns)
/// - `acc`: those maps' kernel rows, a partial sum a lane
#[inline(always)]
pub fn row_gradient<S: Simd, const M: usize, const SIDE: usize, const ABOVE: usize>(
    s: S,
    row: &[Lanes; SIDE],
    d_above: [&[Lanes; ABOVE]; M],
    acc: &mut [[S::V; KERNEL]; M],
) {
    const { assert!(ABOVE <= 8 && SIDE == STRIDE * ABOVE) };
    unroll!(C < 8 => {
        if C < ABOVE {
            let gradients: [S::V; M] = std::array::from_fn(|m| s.load(&d_above[m][C]));
            for tap in 0..KERNEL {
                if let Some(at) = below(C, tap, SIDE) {
                    let value = s.load(&row[at]);
                    for m in 0..M {
                        acc[m][tap] = s.mul_add(value, gradients[m], acc[m][tap]);
                    }
                }
            }
        }
    });
}
