//! Sixteen lanes in two AVX2 registers.

use std::arch::x86_64::*;

use super::quads::WithSimd;
use super::vector::{Lanes, Simd};

/// Proof that the processor has AVX2 and FMA: made only by [`Avx2::detect`], which makes every intrinsic below safe to
/// call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The level, if the processor has it.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel compiled for this level.
    #[inline]
    pub fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<K: WithSimd>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves that the processor has the features.
        unsafe { compiled(self, kernel) }
    }
}

/// Operations of one intrinsic on each of the two registers.
macro_rules! lanewise {
    ($($name:ident($($operand:ident),*) = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: Self::V),*) -> Self::V {
            // SAFETY: see the type.
            unsafe { ($intrinsic($($operand.0),*), $intrinsic($($operand.1),*)) }
        }
    )*};
}

impl Simd for Avx2 {
    type V = (__m256, __m256);
    const REGISTERS: usize = 8;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        // SAFETY: see the type.
        unsafe { (_mm256_set1_ps(value), _mm256_set1_ps(value)) }
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> Self::V {
        let low = from.0.as_ptr();
        // SAFETY: see the type; `Lanes` is aligned to 64 bytes and holds sixteen floats.
        unsafe { (_mm256_load_ps(low), _mm256_load_ps(low.add(8))) }
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, value: Self::V) {
        let low = to.0.as_mut_ptr();
        // SAFETY: see the type; `Lanes` is aligned to 64 bytes and holds sixteen floats.
        unsafe {
            _mm256_store_ps(low, value.0);
            _mm256_store_ps(low.add(8), value.1);
        }
    }
    lanewise! {
        add(a, b) = _mm256_add_ps;
        sub(a, b) = _mm256_sub_ps;
        mul(a, b) = _mm256_mul_ps;
        div(a, b) = _mm256_div_ps;
        min(a, b) = _mm256_min_ps;
        max(a, b) = _mm256_max_ps;
        mul_add(a, b, c) = _mm256_fmadd_ps;
        neg_mul_add(a, b, c) = _mm256_fnmadd_ps;
        sqrt(a) = _mm256_sqrt_ps;
    }
    #[inline(always)]
    fn where_positive(self, gate: Self::V, value: Self::V) -> Self::V {
        // SAFETY: see the type.
        unsafe {
            let zero = _mm256_setzero_ps();
            let low = _mm256_cmp_ps::<_CMP_GT_OQ>(gate.0, zero);
            let high = _mm256_cmp_ps::<_CMP_GT_OQ>(gate.1, zero);
            (_mm256_and_ps(low, value.0), _mm256_and_ps(high, value.1))
        }
    }
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        // SAFETY: see the type.
        unsafe {
            let b = _mm256_add_ps(a.0, a.1);
            let c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps::<1>(b));
            let d = _mm_add_ps(c, _mm_movehl_ps(c, c));
            _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)))
        }
    }
    #[inline(always)]
    fn power_of_two(self, n: Self::V) -> Self::V {
        // SAFETY: see the type.
        unsafe {
            let bias = _mm256_set1_epi32(127);
            let low = _mm256_add_epi32(_mm256_cvtps_epi32(n.0), bias);
            let high = _mm256_add_epi32(_mm256_cvtps_epi32(n.1), bias);
            (
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(low)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(high)),
            )
        }
    }
}
