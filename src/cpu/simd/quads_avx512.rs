//! Quads in one AVX-512 register: a quad is a 128-bit lane.

use std::arch::x86_64::*;

use super::avx512::Avx512;
use super::quads::Quads;

impl Quads for Avx512 {
    #[inline(always)]
    fn tile(self, from: &[f32; 4]) -> Self::V {
        // SAFETY: the level is proof of the features; `from` holds four floats.
        unsafe { _mm512_broadcast_f32x4(_mm_loadu_ps(from.as_ptr())) }
    }
    #[inline(always)]
    fn repeat(self, from: &[f32; 4]) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(_mm_loadu_ps(from.as_ptr())))
        }
    }
    #[inline(always)]
    fn sum_within_quads(self, [a, b, c, d]: [Self::V; 4]) -> Self::V {
        // SAFETY: the level is proof of the features.
        unsafe {
            // Quad by quad: a0 + a2, b0 + b2, a1 + a3, b1 + b3.
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let low = _mm512_shuffle_ps::<0b01_00_01_00>(ab, cd);
            let high = _mm512_shuffle_ps::<0b11_10_11_10>(ab, cd);
            self.transpose(_mm512_add_ps(low, high))
        }
    }
    #[inline(always)]
    fn sum_of_quads(self, [a, b, c, d]: [Self::V; 4]) -> Self::V {
        // SAFETY: as above.
        unsafe {
            // Quads: a0 + a2, a1 + a3, b0 + b2, b1 + b3.
            let fold = |a, b| {
                let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b);
                _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b))
            };
            let (ab, cd) = (fold(a, b), fold(c, d));
            let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd);
            _mm512_add_ps(even, _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd))
        }
    }
    #[inline(always)]
    fn spread_quad_sums(self, vector: Self::V) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let halves = _mm512_add_ps(vector, _mm512_permute_ps::<0b01_00_11_10>(vector));
            _mm512_add_ps(halves, _mm512_permute_ps::<0b10_11_00_01>(halves))
        }
    }
    #[inline(always)]
    fn transpose(self, vector: Self::V) -> Self::V {
        // SAFETY: as above.
        unsafe {
            let lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_permutexvar_ps(lanes, vector)
        }
    }
}
