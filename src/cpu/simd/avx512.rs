//! Sixteen lanes in one AVX-512 register.

use std::arch::x86_64::*;

use super::quads::WithSimd;
use super::vector::{Lanes, Simd};

/// Proof that the processor has AVX-512 F, VL and DQ: made only by [`Avx512::detect`], which makes every intrinsic below
/// safe to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The level, if the processor has it.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel compiled for this level.
    #[inline]
    pub fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
        fn compiled<K: WithSimd>(simd: Avx512, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves that the processor has the features.
        unsafe { compiled(self, kernel) }
    }
}

/// Operations of one intrinsic.
macro_rules! lanewise {
    ($($name:ident($($operand:ident),*) = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: Self::V),*) -> Self::V {
            // SAFETY: see the type.
            unsafe { $intrinsic($($operand),*) }
        }
    )*};
}

impl Simd for Avx512 {
    type V = __m512;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        // SAFETY: see the type.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> Self::V {
        // SAFETY: see the type.
        unsafe { _mm512_load_ps(from.0.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, value: Self::V) {
        // SAFETY: see the type; `Lanes` is aligned to 64 bytes.
        unsafe { _mm512_store_ps(to.0.as_mut_ptr(), value) }
    }
    lanewise! {
        add(a, b) = _mm512_add_ps;
        sub(a, b) = _mm512_sub_ps;
        mul(a, b) = _mm512_mul_ps;
        div(a, b) = _mm512_div_ps;
        min(a, b) = _mm512_min_ps;
        max(a, b) = _mm512_max_ps;
        mul_add(a, b, c) = _mm512_fmadd_ps;
        neg_mul_add(a, b, c) = _mm512_fnmadd_ps;
        sqrt(a) = _mm512_sqrt_ps;
    }
    #[inline(always)]
    fn where_positive(self, gate: Self::V, value: Self::V) -> Self::V {
        // SAFETY: see the type.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(positive, value)
        }
    }
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        // SAFETY: see the type.
        unsafe {
            let b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps::<1>(b));
            let d = _mm_add_ps(c, _mm_movehl_ps(c, c));
            _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)))
        }
    }
    #[inline(always)]
    fn power_of_two(self, n: Self::V) -> Self::V {
        // SAFETY: see the type.
        unsafe { _mm512_scalef_ps(_mm512_set1_ps(1.0), n) }
    }
}
