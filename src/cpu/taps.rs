//! Taps of a kernel and the rows (or columns) that they fall on.

use std::ops::Range;

use crate::net::{H2_SIDE, KERNEL, PADDING, STRIDE};

/// The taps of a kernel, along one axis, that fall inside an input of `side` for the unit at `above`.
#[inline(always)]
pub fn taps_inside(above: usize, side: usize) -> Range<usize> {
    let first = PADDING.saturating_sub(STRIDE * above);
    first..KERNEL.min(side + PADDING - STRIDE * above)
}

/// Index in a row (or column) of `side` under tap `tap` of the unit at `above`; `None` in the padding.
#[inline(always)]
pub fn below(above: usize, tap: usize, side: usize) -> Option<usize> {
    let padded = STRIDE * above + tap;
    if padded >= PADDING && padded < PADDING + side {
        Some(padded - PADDING)
    } else {
        None
    }
}

/// The row (or column) of H2 that sees this one of H1 through this tap, if one does.
#[inline(always)]
pub const fn above(below: usize, tap: usize) -> Option<usize> {
    let ahead = below + PADDING;
    if ahead >= tap && (ahead - tap).is_multiple_of(STRIDE) && (ahead - tap) / STRIDE < H2_SIDE {
        Some((ahead - tap) / STRIDE)
    } else {
        None
    }
}
