//! Products of a row with a kernel's row.
//!
//! The columns inside are known at compile time, so the loops over taps are unrolled by hand, and the accumulators stay
//! in registers.

use crate::cpu::simd::{Lanes, Simd};
use crate::cpu::taps::below;
use crate::net::{KERNEL, STRIDE};

/// `acc[m][c] += Σ w[m][kc] · row[2(first + c) + kc − 2]` over the taps inside the row.
///
/// - `row`: one row of one input map; `w`: one kernel row for each of `M` maps
/// - `acc`: `C` columns of those maps, from column `first`
#[inline(always)]
pub fn row_forward<S: Simd, const M: usize, const C: usize, const SIDE: usize>(
    s: S,
    row: &[Lanes; SIDE],
    w: [&[f32; KERNEL]; M],
    first: usize,
    acc: &mut [[S::V; C]; M],
) {
    unrolled!(tap in [0 1 2 3 4] {
        let mut values = [s.splat(0.0); C];
        for c in 0..C {
            if let Some(at) = below(first + c, tap, SIDE) {
                values[c] = s.load(&row[at]);
            }
        }
        for m in 0..M {
            let weight = s.splat(w[m][tap]);
            for c in 0..C {
                if below(first + c, tap, SIDE).is_some() {
                    acc[m][c] = s.mul_add(weight, values[c], acc[m][c]);
                }
            }
        }
    });
}

/// `acc[m][2c + kc − 2 − first] += w[m][kc] · d_above[c]` for the `C` columns from `first`.
///
/// - `d_above`: one row of one output map's gradient; `w`: its kernel row for each of `M` input maps
/// - `acc`: the input maps' gradients
#[inline(always)]
pub fn row_backward<S: Simd, const M: usize, const C: usize, const ABOVE: usize>(
    s: S,
    d_above: &[Lanes; ABOVE],
    w: [&[f32; KERNEL]; M],
    first: usize,
    acc: &mut [[S::V; C]; M],
) {
    let mut gradients = [s.splat(0.0); ABOVE];
    for c in 0..ABOVE {
        gradients[c] = s.load(&d_above[c]);
    }
    unrolled!(tap in [0 1 2 3 4] {
        for m in 0..M {
            let weight = s.splat(w[m][tap]);
            for c in 0..ABOVE {
                if let Some(at) = below(c, tap, STRIDE * ABOVE)
                    && at >= first
                    && at < first + C
                {
                    acc[m][at - first] = s.mul_add(weight, gradients[c], acc[m][at - first]);
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
    unrolled!(c in [0 1 2 3 4 5 6 7] {
        if c < ABOVE {
            let mut gradients = [s.splat(0.0); M];
            for m in 0..M {
                gradients[m] = s.load(&d_above[m][c]);
            }
            for tap in 0..KERNEL {
                if let Some(at) = below(c, tap, SIDE) {
                    let value = s.load(&row[at]);
                    for m in 0..M {
                        acc[m][tap] = s.mul_add(value, gradients[m], acc[m][tap]);
                    }
                }
            }
        }
    });
}
