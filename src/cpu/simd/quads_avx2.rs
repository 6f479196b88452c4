//! Quads in two AVX2 registers: a quad is a 128-bit lane, two to a register.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::quads::Quads;

/// The four quads of two registers, and back.
#[inline(always)]
unsafe fn split((low, high): (__m256, __m256)) -> [__m128; 4] {
    // SAFETY: called with proof of AVX2 only.
    unsafe {
        [
            _mm256_castps256_ps128(low),
            _mm256_extractf128_ps::<1>(low),
            _mm256_castps256_ps128(high),
            _mm256_extractf128_ps::<1>(high),
        ]
    }
}

impl Quads for Avx2 {
    #[inline(always)]
    fn tile(self, from: &[f32; 4]) -> Self::V {
        // SAFETY: the level is proof of the features; `from` holds four floats.
        unsafe {
            let quad = _mm_loadu_ps(from.as_ptr());
            let both = _mm256_set_m128(quad, quad);
            (both, both)
        }
    }
    #[inline(always)]
    fn repeat(self, from: &[f32; 4]) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let quad = _mm_loadu_ps(from.as_ptr());
            let both = _mm256_set_m128(quad, quad);
            let low = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
            let high = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
            (
                _mm256_permutevar_ps(both, low),
                _mm256_permutevar_ps(both, high),
            )
        }
    }
    #[inline(always)]
    fn sum_within_quads(self, [a, b, c, d]: [Self::V; 4]) -> Self::V {
        // SAFETY: the level is proof of the features.
        unsafe {
            // Each register's two quads: a, b, c and d's sums in the four lanes.
            let sums = |a, b, c, d| {
                let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                let low = _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd);
                _mm256_add_ps(low, _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd))
            };
            self.transpose((sums(a.0, b.0, c.0, d.0), sums(a.1, b.1, c.1, d.1)))
        }
    }
    #[inline(always)]
    fn sum_of_quads(self, [a, b, c, d]: [Self::V; 4]) -> Self::V {
        // SAFETY: as above.
        unsafe {
            // Quads 0 + 2 and 1 + 3 of two vectors, then the first's sum and the second's.
            let sums = |a: Self::V, b: Self::V| {
                let (a, b) = (_mm256_add_ps(a.0, a.1), _mm256_add_ps(b.0, b.1));
                let even = _mm256_permute2f128_ps::<0x20>(a, b);
                _mm256_add_ps(even, _mm256_permute2f128_ps::<0x31>(a, b))
            };
            (sums(a, b), sums(c, d))
        }
    }
    #[inline(always)]
    fn spread_quad_sums(self, vector: Self::V) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let spread = |v| {
                let halves = _mm256_add_ps(v, _mm256_permute_ps::<0b01_00_11_10>(v));
                _mm256_add_ps(halves, _mm256_permute_ps::<0b10_11_00_01>(halves))
            };
            (spread(vector.0), spread(vector.1))
        }
    }
    #[inline(always)]
    fn transpose(self, vector: Self::V) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let [a, b, c, d] = split(vector);
            let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            (
                _mm256_set_m128(_mm_movehl_ps(cd_low, ab_low), _mm_movelh_ps(ab_low, cd_low)),
                _mm256_set_m128(
                    _mm_movehl_ps(cd_high, ab_high),
                    _mm_movelh_ps(ab_high, cd_high),
                ),
            )
        }
    }
}
