//! Sixteen lanes in two AVX2 registers; a quad is a 128-bit lane, two to a register.

use std::arch::x86_64::*;

use super::vector::{LANES, Lanes, Simd, WithSimd, by_intrinsics};

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

type V = (__m256, __m256);

impl Simd for Avx2 {
    type V = V;
    const REGISTERS: usize = 8;

    by_intrinsics! {
        fn splat(self, value: f32) -> V { (_mm256_set1_ps(value), _mm256_set1_ps(value)) }
        fn load(self, from: &Lanes) -> V {
            let low = from.0.as_ptr();
            (_mm256_load_ps(low), _mm256_load_ps(low.add(8)))
        }
        fn load_whole(self, from: &[u16; LANES]) -> V {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().add(8).cast()));
            (_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
        fn prefetch(self, from: &Lanes) { _mm_prefetch::<_MM_HINT_T0>(from.0.as_ptr().cast()) }
        fn store(self, to: &mut Lanes, value: V) {
            let low = to.0.as_mut_ptr();
            _mm256_store_ps(low, value.0);
            _mm256_store_ps(low.add(8), value.1);
        }
        fn add(self, a: V, b: V) -> V { (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
        fn sub(self, a: V, b: V) -> V { (_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)) }
        fn mul(self, a: V, b: V) -> V { (_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
        fn div(self, a: V, b: V) -> V { (_mm256_div_ps(a.0, b.0), _mm256_div_ps(a.1, b.1)) }
        fn mul_add(self, a: V, b: V, c: V) -> V {
            (_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1))
        }
        fn neg_mul_add(self, a: V, b: V, c: V) -> V {
            (_mm256_fnmadd_ps(a.0, b.0, c.0), _mm256_fnmadd_ps(a.1, b.1, c.1))
        }
        fn min(self, a: V, b: V) -> V { (_mm256_min_ps(a.0, b.0), _mm256_min_ps(a.1, b.1)) }
        fn max(self, a: V, b: V) -> V { (_mm256_max_ps(a.0, b.0), _mm256_max_ps(a.1, b.1)) }
        fn sqrt(self, a: V) -> V { (_mm256_sqrt_ps(a.0), _mm256_sqrt_ps(a.1)) }
        fn where_positive(self, gate: V, value: V) -> V {
            let zero = _mm256_setzero_ps();
            let low = _mm256_cmp_ps::<_CMP_GT_OQ>(gate.0, zero);
            let high = _mm256_cmp_ps::<_CMP_GT_OQ>(gate.1, zero);
            (_mm256_and_ps(low, value.0), _mm256_and_ps(high, value.1))
        }
        fn sum(self, a: V) -> f32 {
            let b = _mm256_add_ps(a.0, a.1);
            let c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps::<1>(b));
            let d = _mm_add_ps(c, _mm_movehl_ps(c, c));
            _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)))
        }
        fn power_of_two(self, n: V) -> V {
            let power = |n| {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            };
            (power(n.0), power(n.1))
        }

        fn tile(self, from: &[f32; 4]) -> V {
            let quad = _mm_loadu_ps(from.as_ptr());
            let both = _mm256_set_m128(quad, quad);
            (both, both)
        }
        fn repeat(self, from: &[f32; 4]) -> V {
            let (both, _) = self.tile(from);
            let low = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
            let high = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
            (_mm256_permutevar_ps(both, low), _mm256_permutevar_ps(both, high))
        }
        fn sum_within_quads(self, [a, b, c, d]: [V; 4]) -> V {
            // Each register's two quads: a, b, c and d's sums in the four lanes.
            let sums = |a, b, c, d| {
                let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                let low = _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd);
                _mm256_add_ps(low, _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd))
            };
            self.transpose((sums(a.0, b.0, c.0, d.0), sums(a.1, b.1, c.1, d.1)))
        }
        fn sum_of_quads(self, [a, b, c, d]: [V; 4]) -> V {
            // Simd 0 + 2 and 1 + 3 of two vectors, then the first's sum and the second's.
            let sums = |a: V, b: V| {
                let (a, b) = (_mm256_add_ps(a.0, a.1), _mm256_add_ps(b.0, b.1));
                let even = _mm256_permute2f128_ps::<0x20>(a, b);
                _mm256_add_ps(even, _mm256_permute2f128_ps::<0x31>(a, b))
            };
            (sums(a, b), sums(c, d))
        }
        fn spread_quad_sums(self, vector: V) -> V {
            let spread = |v| {
                let halves = _mm256_add_ps(v, _mm256_permute_ps::<0b01_00_11_10>(v));
                _mm256_add_ps(halves, _mm256_permute_ps::<0b10_11_00_01>(halves))
            };
            (spread(vector.0), spread(vector.1))
        }
        fn transpose(self, (low, high): V) -> V {
            let (a, b) = (_mm256_castps256_ps128(low), _mm256_extractf128_ps::<1>(low));
            let (c, d) = (_mm256_castps256_ps128(high), _mm256_extractf128_ps::<1>(high));
            let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            (
                _mm256_set_m128(_mm_movehl_ps(cd_low, ab_low), _mm_movelh_ps(ab_low, cd_low)),
                _mm256_set_m128(_mm_movehl_ps(cd_high, ab_high), _mm_movelh_ps(ab_high, cd_high)),
            )
        }
        fn turn(self, rows: [V; LANES]) -> [V; LANES] {
            let mut columns = rows;
            for i in 0..2 {
                for half in 0..2 {
                    let mut row = [rows[0].0; 8];
                    for at in 0..8 {
                        let both = rows[8 * i + at];
                        row[at] = if half == 0 { both.0 } else { both.1 };
                    }
                    // Four rows at a time: quad q of vector j is column 4q + j of theirs.
                    let mut quads = [[rows[0].0; 4]; 2];
                    for k in 0..2 {
                        let [a, b, c, d] = [row[4 * k], row[4 * k + 1], row[4 * k + 2], row[4 * k + 3]];
                        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                        quads[k] = [
                            _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
                            _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
                            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
                            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
                        ];
                    }
                    for j in 0..4 {
                        let (a, b) = (quads[0][j], quads[1][j]);
                        let low = _mm256_permute2f128_ps::<0x20>(a, b);
                        let high = _mm256_permute2f128_ps::<0x31>(a, b);
                        for (quad, value) in [low, high].into_iter().enumerate() {
                            let column = &mut columns[8 * half + 4 * quad + j];
                            *(if i == 0 { &mut column.0 } else { &mut column.1 }) = value;
                        }
                    }
                }
            }
            columns
        }
    }
}
