//! Hyperbolic tangent on sixteen lanes.

use super::vector::Simd;

/// Past this |x| the f32 nearest tanh x is ±1.
const SATURATED: f32 = 9.01;

/// Hyperbolic tangent, within 5 units in the last place (8 where `mul_add` is not fused).
///
/// x·P(x²)/Q(x²), odd degree 13 over even degree 6, fitted to ±9: the minimax rational that Eigen's
/// `generic_fast_tanh_float` uses, checked against f64 on a grid in the tests of `simd`.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    // The bound comes first so that a NaN in x, as the second operand, comes through.
    let x = s.max(s.splat(-SATURATED), s.min(s.splat(SATURATED), x));
    let square = s.mul(x, x);
    let numerator = horner(
        s,
        square,
        [
            -2.760_768_4e-16,
            2.000_188e-13,
            -8.604_672e-11,
            5.122_297_1e-8,
            1.485_722_4e-5,
            6.372_619_3e-4,
            4.893_525e-3,
        ],
    );
    let denominator = horner(
        s,
        square,
        [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3],
    );
    let ratio = s.div(s.mul(x, numerator), denominator);
    // The fit oversteps ±1 by a unit near its ends.
    s.max(s.splat(-1.0), s.min(s.splat(1.0), ratio))
}

/// The polynomial with these coefficients, the highest first, at x. (A loop: in a closure the operations would be
/// compiled without the level's instructions until it is inlined.)
#[inline(always)]
pub fn horner<S: Simd, const N: usize>(s: S, x: S::V, coefficients: [f32; N]) -> S::V {
    let mut sum = s.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = s.mul_add(sum, x, s.splat(coefficient));
    }
    sum
}
