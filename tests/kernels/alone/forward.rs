//! The kernels from the pixels to the loss.

use gpu_train::draw;
use gpu_train::net::{
    CLASSES, H1_UNITS, H1B, H1W, H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W, OUTB, OUTW, PADDED_PIXELS,
    PIXELS, Parameters,
};
use gpu_train::recipe::{Activation, Loss};
use gpu_train::reference as twin;

use super::setup::Number;
use super::{Case, Data, Setup};
use crate::common::Noise;
use crate::common::compare::Tolerance;

/// `code / denominator − 1` is a product with the rounded reciprocal here: two roundings of at most 1.2e-7, of a value
/// up to 2, and one of the result.
const PIXEL: Tolerance = Tolerance::absolute(6e-7);
/// Up to 200 products of f32, in whatever order: measured to be off by up to 1e-7 of the largest sum.
const SUMS: Tolerance = Tolerance::of(1e-6, 2e-6);
/// WGSL lets tanh be off by 1e-5.
const TANH: Tolerance = Tolerance {
    floor: 1e-5,
    ..SUMS
};
/// One product, rounded once.
const PRODUCT: Tolerance = Tolerance::of(0.0, 1e-6);
/// WGSL allows exp(x) an error of 3 + 2|x| units in the last place, log 2⁻²¹, and division 2.5 units.
const LOSS: Tolerance = Tolerance {
    floor: 1e-6,
    atol: 2e-6,
    rtol: 1e-5,
};

/// The step whose random draws are looked at, and the slot it has in the schedule.
pub const PROGRESS: [u32; 2] = [0x0012_3456, 5];

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// A function of each example's row, into rows of `units`.
pub fn by_row(
    below: &[f64],
    width: usize,
    units: usize,
    each: impl Fn(&[f64], &mut [f64]),
) -> Vec<f64> {
    let mut rows = vec![f64::NAN; below.len() / width * units];
    for (row, out) in below.chunks_exact(width).zip(rows.chunks_exact_mut(units)) {
        each(row, out);
    }
    rows
}

pub fn setup(case: &Case) -> Setup {
    let mut setup = Setup::default();
    let mut noise = case.noise();
    match case.kernel {
        "input" => input(&mut setup, case, &mut noise),
        "dropout" => dropout(&mut setup, case, &mut noise),
        "loss" => loss(&mut setup, case, &mut noise),
        _ => layer(&mut setup, case, &mut noise),
    }
    setup
}

/// A layer's values. The reference's ReLU makes 0 of NaN, the kernel's is to keep it: where tanh's is NaN.
fn activated(case: &Case, layer: impl Fn(Activation) -> Vec<f64>) -> Vec<f64> {
    let mut values = layer(case.activation);
    if case.data == Data::Broken {
        let kept = layer(Activation::Tanh);
        let pairs = values.iter_mut().zip(&kept);
        pairs.for_each(|(value, kept)| {
            if kept.is_nan() {
                *value = f64::NAN;
            }
        });
    }
    values
}

fn layer(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let parameters = case.parameters(noise);
    setup.give("parameters", parameters.flat());
    let parameters: Parameters<f64> = parameters.map(f64::from);
    let p = |tensor| parameters.tensor(tensor);
    let (f, n) = (case.activation, case.examples);
    let tolerance = match f {
        Activation::Tanh | Activation::ScaledTanh => TANH,
        Activation::Relu => SUMS,
    };
    match case.kernel {
        "h1_forward" => {
            let images = case.images(noise);
            setup.give_images(&images);
            let h1 = activated(case, |f| {
                let each = |x: &[f64], h1: &mut [f64]| twin::h1_forward(x, p(&H1W), p(&H1B), f, h1);
                by_row(&wide(&images), PADDED_PIXELS, H1_UNITS, each)
            });
            setup.expect_rows("h1", h1, tolerance);
        }
        "h2_forward" => {
            let below = case.activations(noise, n * H1_UNITS);
            setup.give_rows("h1", &below);
            let h2 = activated(case, |f| {
                let each =
                    |h1: &[f64], h2: &mut [f64]| twin::h2_forward(h1, p(&H2W), p(&H2B), f, h2);
                by_row(&wide(&below), H1_UNITS, H2_UNITS, each)
            });
            setup.expect_rows("h2", h2, tolerance);
        }
        "h3_forward" => {
            let below = case.activations(noise, n * H2_UNITS);
            setup.give_rows("dropped", &below);
            let each = |h2: &[f64], h3: &mut [f64]| twin::h3_forward(h2, p(&H3W), p(&H3B), f, h3);
            let h3 = by_row(&wide(&below), H2_UNITS, H3_UNITS, each);
            setup.expect_rows("h3", h3, tolerance);
        }
        "out_forward" => {
            let below = case.activations(noise, n * H3_UNITS);
            setup.give_rows("h3", &below);
            let each = |h3: &[f64], out: &mut [f64]| {
                twin::out_forward(h3, p(&OUTW), p(&OUTB), case.activation, case.loss, out);
            };
            let out = by_row(&wide(&below), H3_UNITS, CLASSES, each);
            let tolerance = match case.loss {
                Loss::Mse => TANH,
                Loss::CrossEntropy => SUMS,
            };
            setup.expect_rows("out", out, tolerance);
        }
        other => panic!("{other} is no layer"),
    }
}

fn input(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let denominator = case.denominator();
    let highest = 2 * denominator;
    let mut codes = Vec::with_capacity(case.examples * PIXELS);
    for _ in 0..case.examples {
        let grey = [0, highest, denominator / 3][noise.bits() as usize % 3];
        let constant = case.data == Data::Constant;
        let random = |_| (noise.bits() % (u64::from(highest) + 1)) as u16;
        if constant {
            codes.extend([grey; PIXELS]);
        } else {
            codes.extend((0..PIXELS).map(random));
        }
    }
    // Two codes a word, `[pixel pair][example]`.
    let mut words = vec![0; PIXELS / 2 * case.examples];
    for (index, pair) in codes.chunks_exact(2).enumerate() {
        let (example, at) = (index / (PIXELS / 2), index % (PIXELS / 2));
        words[at * case.examples + example] = u32::from(pair[0]) + u32::from(pair[1]) * 0x1_0000;
    }
    setup.give_words("codes", words);
    setup.give_words("progress", PROGRESS.to_vec());
    let mut x = Vec::with_capacity(case.examples * PADDED_PIXELS);
    for (example, image) in codes.chunks_exact(PIXELS).enumerate() {
        let seed = case.recipe().seed;
        let shift = draw::shift(seed, PROGRESS[0], example as u32, case.shift);
        x.extend(twin::input::<f64>(image, denominator, shift));
    }
    setup.expect_images(x, PIXEL);
}

fn dropout(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let h2 = case.activations(noise, case.examples * H2_UNITS);
    setup.give_rows("h2", &h2);
    setup.give_words("progress", PROGRESS.to_vec());
    let seed = case.recipe().seed;
    let factors: Vec<f64> = (0..case.examples as u32)
        .flat_map(|example| twin::dropout_factors(seed, PROGRESS[0], case.dropout, example))
        .collect();
    let mut dropped = vec![f64::NAN; h2.len()];
    twin::dropout(&wide(&h2), &factors, &mut dropped);
    setup.expect_rows("factors", factors, PRODUCT);
    setup.expect_rows("dropped", dropped, PRODUCT);
}

/// Outputs of which every third example's are few different values, so that the largest is often there twice, and
/// every fourth's all negative, so that the padding's zeros would be the largest.
fn outputs(case: &Case, noise: &mut Noise) -> Vec<f32> {
    let tanh = Case {
        activation: Activation::Tanh,
        ..*case
    };
    let mut out = tanh.activations(noise, case.examples * CLASSES);
    for (example, row) in out.chunks_exact_mut(CLASSES).enumerate() {
        for value in row {
            if case.loss == Loss::CrossEntropy {
                let large = case.data == Data::Saturated;
                *value *= if large { 1e4 } else { 6.0 };
            }
            if example % 3 == 2 {
                *value = (2.0 * *value).round() / 2.0;
                *value = value.min(1.0);
            }
            if example % 4 == 3 {
                *value = -value.abs().max(0.01);
            }
        }
    }
    out
}

fn loss(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let out = outputs(case, noise);
    let label = |_| (noise.bits() % CLASSES as u64) as u8;
    let labels: Vec<u8> = (0..case.examples).map(label).collect();
    setup.give_rows("out", &out);
    let words = labels.iter().map(|&label| label.into());
    setup.give_words("labels", words.collect());

    let scale = 1.0 / case.examples as f64;
    let mut d_out = vec![f64::NAN; out.len()];
    let (mut losses, mut missed) = (Vec::new(), Vec::new());
    let rows = wide(&out);
    let rows = rows
        .chunks_exact(CLASSES)
        .zip(d_out.chunks_exact_mut(CLASSES));
    for ((row, d_row), &label) in rows.zip(&labels) {
        let (value, miss) = twin::loss(row, label, case.activation, case.loss, scale, d_row);
        losses.push(value);
        missed.push(f64::from(u8::from(miss)));
    }
    // A gradient of a mean over the examples: its floor shrinks with them.
    let gradient = Tolerance {
        floor: LOSS.floor * scale,
        ..LOSS
    };
    setup.expect_rows("d_out", d_out, gradient);
    setup.expect_all("example_loss", losses, Number::F32, LOSS);
    setup.expect_all("missed", missed, Number::U32, Tolerance::EXACT);
}
