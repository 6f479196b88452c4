//! Exponential on sixteen lanes.

use super::tanh::horner;
use super::vector::Simd;

/// ln 2 in two parts, the first with so few digits that its product with a whole number below 128 is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: added and subtracted, it rounds to a whole number.
const ROUNDER: f32 = 12_582_912.0;

/// eˣ, within 3 units in the last place; below e⁻⁸⁷ it gives e⁻⁸⁷, above e⁸⁸ e⁸⁸.
///
/// eˣ = 2ⁿ · eʳ, n = round(x / ln 2), |r| ≤ ln 2 / 2, eʳ by its Taylor polynomial of degree 7 (whose first term left
/// out is below 6·10⁻⁹).
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // The range in which 2ⁿ is a normal number. The bound comes first so that a NaN in x, as the second operand, comes
    // through.
    let x = s.max(s.splat(-87.0), s.min(s.splat(88.0), x));
    let rounder = s.splat(ROUNDER);
    let n = s.sub(
        s.mul_add(x, s.splat(std::f32::consts::LOG2_E), rounder),
        rounder,
    );
    let r = s.neg_mul_add(n, s.splat(LN_2_HIGH), x);
    let r = s.neg_mul_add(n, s.splat(LN_2_LOW), r);
    let polynomial = horner(
        s,
        r,
        [
            1.0 / 5040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
            1.0,
            1.0,
        ],
    );
    s.mul(polynomial, s.power_of_two(n))
}
