//! Exponential and hyperbolic tangent on sixteen lanes.

use super::vector::Simd;

/// ln 2 in two parts, the first with so few digits that its product with a whole number below 128 is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: added and subtracted, it rounds to a whole number.
const ROUNDER: f32 = 12_582_912.0;
/// The coefficients of eʳ's Taylor polynomial.
const TAYLOR: [f32; 8] = [
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

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
    let shifted = s.mul_add(x, s.splat(std::f32::consts::LOG2_E), rounder);
    let n = s.sub(shifted, rounder);
    let r = s.neg_mul_add(n, s.splat(LN_2_HIGH), x);
    let r = s.neg_mul_add(n, s.splat(LN_2_LOW), r);
    s.mul(horner(s, r, TAYLOR), s.power_of_two(n))
}

/// Past this |x| the f32 nearest tanh x is ±1.
const SATURATED: f32 = 9.01;
/// The coefficients of P and Q.
const NUMERATOR: [f32; 7] = [
    -2.760_768_4e-16,
    2.000_188e-13,
    -8.604_672e-11,
    5.122_297_1e-8,
    1.485_722_4e-5,
    6.372_619_3e-4,
    4.893_525e-3,
];
const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];

/// Hyperbolic tangent, within 5 units in the last place (8 where `mul_add` is not fused).
///
/// x·P(x²)/Q(x²), odd degree 13 over even degree 6, fitted to ±9: the minimax rational that Eigen's
/// `generic_fast_tanh_float` uses, checked against f64 on a grid in `tests/units/simd.rs`.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    // The bound comes first so that a NaN in x, as the second operand, comes through.
    let x = s.max(s.splat(-SATURATED), s.min(s.splat(SATURATED), x));
    let square = s.mul(x, x);
    let numerator = s.mul(x, horner(s, square, NUMERATOR));
    let ratio = s.div(numerator, horner(s, square, DENOMINATOR));
    // The fit oversteps ±1 by a unit near its ends.
    s.max(s.splat(-1.0), s.min(s.splat(1.0), ratio))
}

/// The polynomial with these coefficients, the highest first, at x. (A loop: in a closure the operations would be
/// compiled without the level's instructions until it is inlined.)
#[inline(always)]
fn horner<S: Simd, const N: usize>(s: S, x: S::V, coefficients: [f32; N]) -> S::V {
    let mut sum = s.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = s.mul_add(sum, x, s.splat(coefficient));
    }
    sum
}
