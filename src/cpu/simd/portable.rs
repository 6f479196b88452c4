//! Sixteen lanes as an array, vectorised by the compiler for the target's baseline.

use std::array::from_fn;

use super::vector::{LANES, Lanes, Simd};

/// The baseline level, which every processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portable;

/// a · b + c: fused where the target has an instruction for it; elsewhere fusing would be a call into the C library, a
/// hundred times slower.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if Portable::FUSED {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// The order of every level's sums.
#[inline(always)]
fn sum_of_four(x: [f32; 4]) -> f32 {
    (x[0] + x[2]) + (x[1] + x[3])
}

/// Operations lane by lane.
macro_rules! lanewise {
    ($($name:ident($($operand:ident),*) = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: Self::V),*) -> Self::V {
            from_fn(|i| {
                $(let $operand = $operand[i];)*
                $value
            })
        }
    )*};
}

impl Simd for Portable {
    type V = [f32; LANES];
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> Self::V {
        from.0
    }
    #[inline(always)]
    fn load_whole(self, from: &[u16; LANES]) -> Self::V {
        from.map(f32::from)
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, value: Self::V) {
        to.0 = value;
    }
    lanewise! {
        add(a, b) = a + b;
        sub(a, b) = a - b;
        mul(a, b) = a * b;
        div(a, b) = a / b;
        mul_add(a, b, c) = multiply_add(a, b, c);
        neg_mul_add(a, b, c) = multiply_add(-a, b, c);
        min(a, b) = if a < b { a } else { b };
        max(a, b) = if a > b { a } else { b };
        sqrt(a) = a.sqrt();
        where_positive(gate, value) = if gate > 0.0 { value } else { 0.0 };
        power_of_two(n) = f32::from_bits(((n as i32).wrapping_add(127) as u32) << 23);
    }
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        let b: [f32; 8] = from_fn(|i| a[i] + a[i + 8]);
        sum_of_four(from_fn(|i| b[i] + b[i + 4]))
    }

    #[inline(always)]
    fn tile(self, from: &[f32; 4]) -> Self::V {
        from_fn(|i| from[i % 4])
    }
    #[inline(always)]
    fn repeat(self, from: &[f32; 4]) -> Self::V {
        from_fn(|i| from[i / 4])
    }
    #[inline(always)]
    fn sum_within_quads(self, vectors: [Self::V; 4]) -> Self::V {
        from_fn(|i| sum_of_four(from_fn(|j| vectors[i / 4][4 * (i % 4) + j])))
    }
    #[inline(always)]
    fn sum_of_quads(self, vectors: [Self::V; 4]) -> Self::V {
        from_fn(|i| sum_of_four(from_fn(|quad| vectors[i / 4][4 * quad + i % 4])))
    }
    #[inline(always)]
    fn spread_quad_sums(self, vector: Self::V) -> Self::V {
        let sums: [f32; 4] = from_fn(|quad| sum_of_four(from_fn(|j| vector[4 * quad + j])));
        self.repeat(&sums)
    }
    #[inline(always)]
    fn transpose(self, vector: Self::V) -> Self::V {
        from_fn(|i| vector[4 * (i % 4) + i / 4])
    }
    #[inline(always)]
    fn turn(self, vectors: [Self::V; LANES]) -> [Self::V; LANES] {
        from_fn(|i| from_fn(|j| vectors[j][i]))
    }
}
