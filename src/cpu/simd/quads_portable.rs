//! Quads in an array.

use super::portable::Portable;
use super::quads::Quads;

#[inline(always)]
fn sum(x: [f32; 4]) -> f32 {
    (x[0] + x[2]) + (x[1] + x[3])
}

impl Quads for Portable {
    #[inline(always)]
    fn tile(self, from: &[f32; 4]) -> Self::V {
        std::array::from_fn(|i| from[i % 4])
    }
    #[inline(always)]
    fn repeat(self, from: &[f32; 4]) -> Self::V {
        std::array::from_fn(|i| from[i / 4])
    }
    #[inline(always)]
    fn sum_within_quads(self, vectors: [Self::V; 4]) -> Self::V {
        std::array::from_fn(|i| {
            let quad = 4 * (i % 4);
            let v = &vectors[i / 4];
            sum([v[quad], v[quad + 1], v[quad + 2], v[quad + 3]])
        })
    }
    #[inline(always)]
    fn sum_of_quads(self, vectors: [Self::V; 4]) -> Self::V {
        std::array::from_fn(|i| {
            let (v, j) = (&vectors[i / 4], i % 4);
            sum([v[j], v[4 + j], v[8 + j], v[12 + j]])
        })
    }
    #[inline(always)]
    fn spread_quad_sums(self, vector: Self::V) -> Self::V {
        let sums: [f32; 4] = std::array::from_fn(|quad| {
            let v = &vector[4 * quad..4 * quad + 4];
            sum([v[0], v[1], v[2], v[3]])
        });
        std::array::from_fn(|i| sums[i / 4])
    }
    #[inline(always)]
    fn transpose(self, vector: Self::V) -> Self::V {
        std::array::from_fn(|i| vector[4 * (i % 4) + i / 4])
    }
}
