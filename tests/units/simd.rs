//! The vector operations of every instruction set that the processor has.

use gpu_train::cpu::simd::{LANES, Lanes, Level, Simd, WithSimd, exp, tanh};

/// Every operation of one level against scalar arithmetic.
struct Arithmetic;

impl WithSimd for Arithmetic {
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
        let fused: [fn(f32, f32, f32) -> f32; 2] = if S::FUSED {
            [f32::mul_add, |a, b, c| (-a).mul_add(b, c)]
        } else {
            [|a, b, c| a * b + c, |a, b, c| c - a * b]
        };
        is("mul_add", s.mul_add(va, vb, vc), fused[0]);
        is("neg_mul_add", s.neg_mul_add(va, vb, vc), fused[1]);
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

/// The same of the operations on quads.
struct Quads;

impl WithSimd for Quads {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let quad = [1.25, -3.0, 0.1, 7.7];
        let v: [[f32; LANES]; 4] = std::array::from_fn(|v| {
            std::array::from_fn(|i| ((v * 29 + i * 13) % 31) as f32 * 0.37 - 4.1)
        });
        let vectors = v.map(|lanes| s.load(&Lanes(lanes)));
        let sum = |of: &dyn Fn(usize) -> f32| (of(0) + of(2)) + (of(1) + of(3));
        let is = |what: &str, got: S::V, expected: &dyn Fn(usize, usize) -> f32| {
            let mut out = Lanes::ZERO;
            s.store(&mut out, got);
            for lane in 0..LANES {
                let want = expected(lane / 4, lane % 4);
                assert_eq!(out.0[lane], want, "{what}, lane {lane}");
            }
        };
        is("tile", s.tile(&quad), &|_, j| quad[j]);
        is("repeat", s.repeat(&quad), &|q, _| quad[q]);
        let within = s.sum_within_quads(vectors);
        is("sum_within_quads", within, &|i, q| {
            sum(&|j| v[i][4 * q + j])
        });
        let of_quads = s.sum_of_quads(vectors);
        is("sum_of_quads", of_quads, &|i, j| sum(&|q| v[i][4 * q + j]));
        let spread = s.spread_quad_sums(vectors[1]);
        is("spread_quad_sums", spread, &|q, _| {
            sum(&|j| v[1][4 * q + j])
        });
        let transposed = s.transpose(vectors[2]);
        is("transpose", transposed, &|i, j| v[2][4 * j + i]);
        let value = |row: usize, column: usize| (100 * row + column) as f32;
        let mut rows = [s.splat(0.0); LANES];
        for (row, vector) in rows.iter_mut().enumerate() {
            *vector = s.load(&Lanes(std::array::from_fn(|column| value(row, column))));
        }
        for (column, turned) in s.turn(rows).into_iter().enumerate() {
            is("turn", turned, &|q, j| value(4 * q + j, column));
        }
    }
}

#[test]
fn every_level_computes_what_scalars_do() {
    for level in Level::available() {
        println!("{}", level.name());
        level.run(Arithmetic);
        level.run(Quads);
    }
}

/// One lane of eˣ and of tanh x.
struct Elementary(f32);

impl WithSimd for Elementary {
    type Output = (f32, f32);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, f32) {
        let (mut e, mut t) = (Lanes::ZERO, Lanes::ZERO);
        s.store(&mut e, exp(s, s.splat(self.0)));
        s.store(&mut t, tanh(s, s.splat(self.0)));
        (e.0[11], t.0[5])
    }
}

/// The largest difference from f64's, in units of the last place.
fn worst(xs: impl Iterator<Item = f32>, got: impl Fn(f32) -> f32, want: fn(f64) -> f64) -> u32 {
    let units = |x: f32| (want(x.into()) as f32).to_bits().abs_diff(got(x).to_bits());
    xs.map(units).max().expect("some")
}

#[test]
fn exp_is_within_three_units_and_bounded() {
    for level in Level::available() {
        let exp = |x| level.run(Elementary(x)).0;
        let worst = worst((-86_900..88_000).map(|i| i as f32 / 1e3), exp, f64::exp);
        assert!(worst <= 3, "{}: {worst} units", level.name());
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 2e-38);
        assert!(exp(f32::INFINITY) > 1e38);
        assert!(exp(f32::NAN).is_nan(), "{}", level.name());
    }
}

#[test]
fn tanh_is_within_a_few_units_and_saturates() {
    for level in Level::available() {
        let tanh = |x| level.run(Elementary(x)).1;
        let worst = worst(
            (-120_000..120_000).map(|i| i as f32 * 1e-4),
            tanh,
            f64::tanh,
        );
        // Without fused multiply-adds each coefficient rounds twice.
        let allowed = if level.name() == "portable" { 8 } else { 5 };
        assert!(worst <= allowed, "{}: {worst} units", level.name());
        for x in [20.0, 1e4, f32::MAX, f32::INFINITY] {
            assert_eq!((tanh(x), tanh(-x)), (1.0, -1.0));
        }
        for x in [1e-5f32, 1e-10, 1e-30] {
            assert!((tanh(x) / x - 1.0).abs() < 1e-6);
        }
        assert!(tanh(f32::NAN).is_nan(), "{}", level.name());
    }
}
