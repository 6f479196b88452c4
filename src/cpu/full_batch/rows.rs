//! Inner loops of both convolutions over one row of their input, forward, back and for the kernels' gradients.
//!
//! A row is sixteen examples wide: each element is a vector. The padding is never touched: a tap that falls on it is
//! left out here, and enters through the biases instead (see [`super::weights`]). Which taps those are in a row is
//! known at compile time, so the loops over taps are unrolled by hand, and the accumulators stay in registers.
//!
//! Here and in all kernels no vector operation is inside a closure: a closure is compiled without the level's
//! instructions unless the optimizer chooses to inline it, and until then every operation in it is a call.

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

/// Index in a row (or column) of `side` under tap `tap` of the unit at `above`; `None` in the padding.
#[inline(always)]
pub const fn below(above: usize, tap: usize, side: usize) -> Option<usize> {
    let padded = STRIDE * above + tap;
    if padded >= PADDING && padded < PADDING + side {
        Some(padded - PADDING)
    } else {
        None
    }
}

/// The taps of a kernel, along one axis, that fall inside an input of `side` for the unit at `above`.
#[inline(always)]
pub fn taps_inside(above: usize, side: usize) -> std::ops::Range<usize> {
    let first = PADDING.saturating_sub(STRIDE * above);
    first..KERNEL.min(side + PADDING - STRIDE * above)
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
        for c in 0..C {
            if let Some(at) = below(FIRST + c, TAP, SIDE) {
                values[c] = s.load(&row[at]);
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

/// `acc[m][2(c) + kc − 2 − first] += w[m][kc] · d_above[c]` for the `C` columns from `FIRST`.
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
    let mut gradients = [s.splat(0.0); ABOVE];
    for c in 0..ABOVE {
        gradients[c] = s.load(&d_above[c]);
    }
    unroll!(TAP < 5 => {
        for m in 0..M {
            let weight = s.splat(w[m][TAP]);
            for c in 0..ABOVE {
                if let Some(at) = below(c, TAP, STRIDE * ABOVE)
                    && at >= FIRST
                    && at < FIRST + C
                {
                    acc[m][at - FIRST] = s.mul_add(weight, gradients[c], acc[m][at - FIRST]);
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
            let mut gradients = [s.splat(0.0); M];
            for m in 0..M {
                gradients[m] = s.load(&d_above[m][C]);
            }
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

/// Reads the sums of one kernel row of each of `M` maps.
#[inline(always)]
pub fn load_sums<S: Simd, const M: usize>(
    s: S,
    sums: [&[Lanes; KERNEL]; M],
) -> [[S::V; KERNEL]; M] {
    let mut acc = [[s.splat(0.0); KERNEL]; M];
    for m in 0..M {
        for tap in 0..KERNEL {
            acc[m][tap] = s.load(&sums[m][tap]);
        }
    }
    acc
}

/// Writes the sums of one kernel row.
#[inline(always)]
pub fn store_sums<S: Simd>(s: S, acc: &[S::V; KERNEL], sums: &mut [Lanes; KERNEL]) {
    for tap in 0..KERNEL {
        s.store(&mut sums[tap], acc[tap]);
    }
}

/// A reference for each of `M` maps; what `std::array::from_fn` does, but sure to be inlined.
macro_rules! each_map {
    ($m:ident < $maps:ident => $of:expr) => {{
        let mut all = {
            let $m = 0;
            [$of; $maps]
        };
        for $m in 1..$maps {
            all[$m] = $of;
        }
        all
    }};
}
pub(super) use each_map;
