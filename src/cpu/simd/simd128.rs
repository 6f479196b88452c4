//! Sixteen lanes in four vectors of WebAssembly; a quad is one of them. Bit for bit as the portable level on x86-64.

use std::arch::wasm32::*;
use std::array::from_fn;

use bytemuck::{must_cast, must_cast_mut, must_cast_ref};

use super::vector::{LANES, Lanes, Simd};

/// The baseline level of a module built with simd128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Simd128;

type V = [v128; 4];

/// Operations quad by quad.
macro_rules! quadwise {
    ($($name:ident($($operand:ident),*) = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: V),*) -> V {
            from_fn(|quad| {
                $(let $operand = $operand[quad];)*
                $value
            })
        }
    )*};
}

/// Lane j of vector i to lane i of vector j.
#[inline(always)]
fn transposed([a, b, c, d]: V) -> V {
    let (ab_low, ab_high) = (
        i32x4_shuffle::<0, 4, 1, 5>(a, b),
        i32x4_shuffle::<2, 6, 3, 7>(a, b),
    );
    let (cd_low, cd_high) = (
        i32x4_shuffle::<0, 4, 1, 5>(c, d),
        i32x4_shuffle::<2, 6, 3, 7>(c, d),
    );
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// The order of every level's sums, lane by lane.
#[inline(always)]
fn sum_of_four([a, b, c, d]: V) -> v128 {
    f32x4_add(f32x4_add(a, c), f32x4_add(b, d))
}

impl Simd for Simd128 {
    type V = V;
    const REGISTERS: usize = 4;
    const FUSED: bool = false;

    #[inline(always)]
    fn splat(self, value: f32) -> V {
        [f32x4_splat(value); 4]
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> V {
        *must_cast_ref(from)
    }
    #[inline(always)]
    fn load_whole(self, from: &[u16; LANES]) -> V {
        let [low, high]: [v128; 2] = must_cast(*from);
        [
            f32x4_convert_u32x4(u32x4_extend_low_u16x8(low)),
            f32x4_convert_u32x4(u32x4_extend_high_u16x8(low)),
            f32x4_convert_u32x4(u32x4_extend_low_u16x8(high)),
            f32x4_convert_u32x4(u32x4_extend_high_u16x8(high)),
        ]
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, value: V) {
        *must_cast_mut(to) = value;
    }
    quadwise! {
        add(a, b) = f32x4_add(a, b);
        sub(a, b) = f32x4_sub(a, b);
        mul(a, b) = f32x4_mul(a, b);
        div(a, b) = f32x4_div(a, b);
        mul_add(a, b, c) = f32x4_add(f32x4_mul(a, b), c);
        neg_mul_add(a, b, c) = f32x4_sub(c, f32x4_mul(a, b));
        // The first operand, unless the second is smaller, or larger.
        min(a, b) = f32x4_pmin(b, a);
        max(a, b) = f32x4_pmax(b, a);
        sqrt(a) = f32x4_sqrt(a);
        where_positive(gate, value) = v128_and(f32x4_gt(gate, f32x4_splat(0.0)), value);
        power_of_two(n) = i32x4_shl(i32x4_add(i32x4_trunc_sat_f32x4(n), i32x4_splat(127)), 23);
    }
    #[inline(always)]
    fn sum(self, vector: V) -> f32 {
        let [w, x, y, z]: [f32; 4] = must_cast(sum_of_four(vector));
        (w + y) + (x + z)
    }
    #[inline(always)]
    fn tile(self, from: &[f32; 4]) -> V {
        [must_cast(*from); 4]
    }
    #[inline(always)]
    fn repeat(self, from: &[f32; 4]) -> V {
        from.map(|value| f32x4_splat(value))
    }
    #[inline(always)]
    fn sum_within_quads(self, vectors: [V; 4]) -> V {
        vectors.map(|vector| sum_of_four(transposed(vector)))
    }
    #[inline(always)]
    fn sum_of_quads(self, vectors: [V; 4]) -> V {
        vectors.map(sum_of_four)
    }
    #[inline(always)]
    fn spread_quad_sums(self, vector: V) -> V {
        vector.map(|quad| {
            let halves = f32x4_add(quad, i32x4_shuffle::<2, 3, 0, 1>(quad, quad));
            f32x4_add(halves, i32x4_shuffle::<1, 0, 3, 2>(halves, halves))
        })
    }
    #[inline(always)]
    fn transpose(self, vector: V) -> V {
        transposed(vector)
    }
    #[inline(always)]
    fn turn(self, vectors: [V; LANES]) -> [V; LANES] {
        // Block by block: quad a of four vectors in a row.
        let mut turned = [[f32x4_splat(0.0); 4]; LANES];
        for a in 0..4 {
            for c in 0..4 {
                let block = transposed(from_fn(|d| vectors[4 * c + d][a]));
                for (b, quad) in block.into_iter().enumerate() {
                    turned[4 * a + b][c] = quad;
                }
            }
        }
        turned
    }
}
