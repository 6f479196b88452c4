//! Sixteen lanes in one AVX-512 register; a quad is a 128-bit lane.

use std::arch::x86_64::*;

use super::vector::{LANES, Lanes, Simd, WithSimd, by_intrinsics};

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

type V = __m512;

impl Simd for Avx512 {
    type V = V;
    const REGISTERS: usize = 32;

    by_intrinsics! {
        fn splat(self, value: f32) -> V { _mm512_set1_ps(value) }
        fn load(self, from: &Lanes) -> V { _mm512_load_ps(from.0.as_ptr()) }
        fn load_whole(self, from: &[u16; LANES]) -> V {
            _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(from.as_ptr().cast())))
        }
        fn prefetch(self, from: &Lanes) { _mm_prefetch::<_MM_HINT_T0>(from.0.as_ptr().cast()) }
        fn store(self, to: &mut Lanes, value: V) { _mm512_store_ps(to.0.as_mut_ptr(), value) }
        fn add(self, a: V, b: V) -> V { _mm512_add_ps(a, b) }
        fn sub(self, a: V, b: V) -> V { _mm512_sub_ps(a, b) }
        fn mul(self, a: V, b: V) -> V { _mm512_mul_ps(a, b) }
        fn div(self, a: V, b: V) -> V { _mm512_div_ps(a, b) }
        fn mul_add(self, a: V, b: V, c: V) -> V { _mm512_fmadd_ps(a, b, c) }
        fn neg_mul_add(self, a: V, b: V, c: V) -> V { _mm512_fnmadd_ps(a, b, c) }
        fn min(self, a: V, b: V) -> V { _mm512_min_ps(a, b) }
        fn max(self, a: V, b: V) -> V { _mm512_max_ps(a, b) }
        fn sqrt(self, a: V) -> V { _mm512_sqrt_ps(a) }
        fn where_positive(self, gate: V, value: V) -> V {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(positive, value)
        }
        fn sum(self, a: V) -> f32 {
            let b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps::<1>(b));
            let d = _mm_add_ps(c, _mm_movehl_ps(c, c));
            _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)))
        }
        fn power_of_two(self, n: V) -> V { _mm512_scalef_ps(_mm512_set1_ps(1.0), n) }

        fn tile(self, from: &[f32; 4]) -> V {
            _mm512_broadcast_f32x4(_mm_loadu_ps(from.as_ptr()))
        }
        fn repeat(self, from: &[f32; 4]) -> V {
            let lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(_mm_loadu_ps(from.as_ptr())))
        }
        fn sum_within_quads(self, [a, b, c, d]: [V; 4]) -> V {
            // Quad by quad: a0 + a2, b0 + b2, a1 + a3, b1 + b3.
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let low = _mm512_shuffle_ps::<0b01_00_01_00>(ab, cd);
            let high = _mm512_shuffle_ps::<0b11_10_11_10>(ab, cd);
            self.transpose(_mm512_add_ps(low, high))
        }
        fn sum_of_quads(self, [a, b, c, d]: [V; 4]) -> V {
            // Simd: a0 + a2, a1 + a3, b0 + b2, b1 + b3.
            let fold = |a, b| {
                let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b);
                _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b))
            };
            let (ab, cd) = (fold(a, b), fold(c, d));
            let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd);
            _mm512_add_ps(even, _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd))
        }
        fn spread_quad_sums(self, vector: V) -> V {
            let halves = _mm512_add_ps(vector, _mm512_permute_ps::<0b01_00_11_10>(vector));
            _mm512_add_ps(halves, _mm512_permute_ps::<0b10_11_00_01>(halves))
        }
        fn transpose(self, vector: V) -> V {
            let lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_permutexvar_ps(lanes, vector)
        }
        fn turn(self, rows: [V; LANES]) -> [V; LANES] {
            // Four rows at a time: quad q of vector j is column 4q + j of theirs.
            let mut quads = [[rows[0]; 4]; 4];
            for i in 0..4 {
                let [a, b, c, d] = [rows[4 * i], rows[4 * i + 1], rows[4 * i + 2], rows[4 * i + 3]];
                let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                quads[i] = [
                    _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
                    _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
                    _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
                    _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
                ];
            }
            let mut columns = rows;
            for j in 0..4 {
                let [a, b, c, d] = [quads[0][j], quads[1][j], quads[2][j], quads[3][j]];
                let ab_even = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                let cd_even = _mm512_shuffle_f32x4::<0b10_00_10_00>(c, d);
                let ab_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
                let cd_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d);
                columns[j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_even, cd_even);
                columns[4 + j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_odd, cd_odd);
                columns[8 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_even, cd_even);
                columns[12 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_odd, cd_odd);
            }
            columns
        }
    }
}
