//! Sixteen f32 lanes on whatever the processor has: one AVX-512 register, two AVX2 ones, or an array the compiler
//! vectorises for the target's baseline (NEON on 64-bit Arm, SSE2 on x86-64).
//!
//! A kernel is written once, generic over [`Simd`], and run through [`Level::run`], which compiles it for each level
//! and picks at run time. A value of a level's type proves that the processor has it, so the operations are safe.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod exp;
mod level;
mod portable;
mod quads;
#[cfg(target_arch = "x86_64")]
mod quads_avx2;
#[cfg(target_arch = "x86_64")]
mod quads_avx512;
mod quads_portable;
mod tanh;
mod vector;

pub use exp::exp;
pub use level::Level;
pub use quads::{Quads, WithSimd};
pub use tanh::tanh;
pub use vector::{LANES, Lanes, Simd};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation of one level against scalar arithmetic.
    struct Check;

    impl WithSimd for Check {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let a: [f32; LANES] = std::array::from_fn(|i| (i as f32 - 7.5) * 1.37);
            let b: [f32; LANES] = std::array::from_fn(|i| 0.3 + (i as f32 * 2.1) % 5.0);
            let c: [f32; LANES] = std::array::from_fn(|i| 10.0 - i as f32 * 0.77);
            let [va, vb, vc] = [a, b, c].map(|x| s.load(&Lanes(x)));
            let is = |what: &str, got: S::V, expected: fn(f32, f32, f32) -> f32| {
                let mut out = Lanes::ZERO;
                s.store(&mut out, got);
                for lane in 0..LANES {
                    let want = expected(a[lane], b[lane], c[lane]);
                    assert_eq!(out.0[lane], want, "{what}, lane {lane}");
                }
            };
            is("splat", s.splat(2.5), |_, _, _| 2.5);
            is("add", s.add(va, vb), |a, b, _| a + b);
            is("sub", s.sub(va, vb), |a, b, _| a - b);
            is("mul", s.mul(va, vb), |a, b, _| a * b);
            is("div", s.div(va, vb), |a, b, _| a / b);
            if S::FUSED {
                is("mul_add", s.mul_add(va, vb, vc), f32::mul_add);
                is("neg_mul_add", s.neg_mul_add(va, vb, vc), |a, b, c| {
                    (-a).mul_add(b, c)
                });
            } else {
                is("mul_add", s.mul_add(va, vb, vc), |a, b, c| a * b + c);
                is("neg_mul_add", s.neg_mul_add(va, vb, vc), |a, b, c| {
                    c - a * b
                });
            }
            is("min", s.min(va, vb), |a, b, _| a.min(b));
            is("max", s.max(va, vb), |a, b, _| a.max(b));
            is("sqrt", s.sqrt(vb), |_, b, _| b.sqrt());
            is("where_positive", s.where_positive(va, vc), |a, _, c| {
                if a > 0.0 { c } else { 0.0 }
            });
            let nan = s.splat(f32::NAN);
            is("min of NaN", s.min(nan, vb), |_, b, _| b);
            is("max of NaN", s.max(nan, vb), |_, b, _| b);
            let fold = |x: [f32; LANES]| {
                let mut x = x.to_vec();
                while x.len() > 1 {
                    let (low, high) = x.split_at(x.len() / 2);
                    x = low.iter().zip(high).map(|(l, h)| l + h).collect();
                }
                x[0]
            };
            assert_eq!(s.sum(va), fold(a));
            assert_eq!(s.sum(vc), fold(c));
        }
    }

    #[test]
    fn every_level_computes_what_scalars_do() {
        for level in Level::available() {
            println!("{}", level.name());
            level.run(Check);
        }
    }

    struct Exp(f32);

    impl WithSimd for Exp {
        type Output = f32;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> f32 {
            let mut out = Lanes::ZERO;
            s.store(&mut out, exp(s, s.splat(self.0)));
            out.0[11]
        }
    }

    #[test]
    fn exp_is_within_three_units_and_bounded() {
        for level in Level::available() {
            let mut worst = 0u32;
            for step in -86_900..88_000 {
                let x = step as f32 / 1e3;
                let (got, want) = (level.run(Exp(x)), f64::from(x).exp() as f32);
                worst = worst.max(got.to_bits().abs_diff(want.to_bits()));
            }
            assert!(worst <= 3, "{}: {worst} units", level.name());
            assert_eq!(level.run(Exp(0.0)), 1.0);
            assert!(level.run(Exp(-1e30)) < 2e-38);
            assert!(level.run(Exp(f32::INFINITY)) > 1e38);
            assert!(level.run(Exp(f32::NAN)).is_nan(), "{}", level.name());
        }
    }

    struct Tanh(f32);

    impl WithSimd for Tanh {
        type Output = f32;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> f32 {
            let mut out = Lanes::ZERO;
            s.store(&mut out, tanh(s, s.splat(self.0)));
            out.0[5]
        }
    }

    #[test]
    fn tanh_is_within_a_few_units_and_saturates() {
        for level in Level::available() {
            let mut worst = 0u32;
            for step in -120_000..120_000 {
                let x = step as f32 * 1e-4;
                let (got, want) = (level.run(Tanh(x)), f64::from(x).tanh() as f32);
                worst = worst.max(got.to_bits().abs_diff(want.to_bits()));
            }
            // Without fused multiply-adds each coefficient rounds twice.
            let allowed = if level.name() == "portable" { 8 } else { 5 };
            assert!(worst <= allowed, "{}: {worst} units", level.name());
            for x in [20.0, 1e4, f32::MAX, f32::INFINITY] {
                assert_eq!((level.run(Tanh(x)), level.run(Tanh(-x))), (1.0, -1.0));
            }
            for x in [1e-5f32, 1e-10, 1e-30] {
                assert!((level.run(Tanh(x)) / x - 1.0).abs() < 1e-6);
            }
            assert!(level.run(Tanh(f32::NAN)).is_nan(), "{}", level.name());
        }
    }
}
