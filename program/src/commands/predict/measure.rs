//! Digits a second, beside those of 1989.

use std::path::Path;
use std::time::Instant;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde::Serialize;

use crate::decode::decode;
use crate::terminal::context::{command, date, machine};
use gpu_train::data::resize::CODES_PER_LEVEL;
use gpu_train::data::{Dataset, embedded};
use gpu_train::engine::Split;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::bench::{self, Distribution};
use gpu_train::experiment::record::Machine;
use gpu_train::net::SIDE;
use gpu_train::predict::Classifier;
use gpu_train::recipe::{Name, Recipe};
use gpu_train::target::{self, Target};

/// A pixel of the digits becomes so many in the pictures, squared.
const ENLARGEMENT: usize = 4;
/// Pictures of one sample.
const PICTURES_A_SAMPLE: usize = 100;

/// One way to recognise digits, measured on one core.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// What was measured, for people.
    pub what: String,
    /// At the median time.
    pub digits_per_s: f64,
    /// Microseconds a digit; a sample is a mean over many.
    pub digit_us: Distribution,
    /// Digits that were not taken for what they are, of all test digits.
    pub misses: usize,
}

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measurements {
    /// Version of this program.
    version: &'static str,
    /// Day, UTC.
    date: String,
    /// The command line.
    command: String,
    /// The machine; one core of it was used.
    machine: Machine,
    /// The net alone.
    net: Measured,
    /// From a picture to a class.
    picture: Measured,
    /// Test digits.
    digits: usize,
    /// Of 1989, as published: from acquisition to classification, and of normalised digits.
    published_1989_digits_per_s: [&'static str; 2],
}

impl Measurements {
    /// For people.
    pub fn text(&self) -> String {
        let line = |measured: &Measured| {
            let Measured {
                what,
                digits_per_s,
                digit_us,
                misses,
            } = measured;
            format!(
                "{what}: {digits_per_s:.0} digits/s ({:.1} µs a digit; p10 {:.1}, p90 {:.1}), misses {misses} of {}",
                digit_us.median, digit_us.p10, digit_us.p90, self.digits
            )
        };
        let [acquired, normalised] = self.published_1989_digits_per_s;
        [
            format!("one core of {}", self.machine.processor),
            line(&self.net),
            line(&self.picture),
            format!(
                "1989, a workstation with a DSP board: {acquired} digits/s from acquisition to classification, {normalised} \
                 of digits already normalised"
            ),
            "No camera here: a picture is a PNG in memory, and its digit stands alone.".into(),
        ]
        .join("\n")
    }
}

/// Measures a net on the embedded test digits, for so many seconds each way.
///
/// # Errors
/// None but what the engine returns.
pub fn run(classifier: &Classifier, seconds: f64) -> Result<Measurements> {
    let test = embedded::digits().test;
    Ok(Measurements {
        version: env!("CARGO_PKG_VERSION"),
        date: date(),
        command: command(),
        machine: machine(),
        net: net(classifier, seconds)?,
        picture: pictures(classifier, &test, seconds)?,
        digits: test.len(),
        published_1989_digits_per_s: ["10-12", "more than 30"],
    })
}

/// The net alone: the fast engine's evaluation, one digit at a time, of pixels that lie in memory as it wants them.
fn net(classifier: &Classifier, seconds: f64) -> Result<Measured> {
    let functions = classifier.functions();
    let recipe = Recipe {
        activation: functions.activation,
        loss: functions.loss,
        ..Recipe::named(Name::Reproduction)
    };
    let digits = embedded::digits();
    let count = digits.test.len();
    let parameters = classifier.parameters();
    let mut engine = target::open(&Target::PerExample, &digits, &recipe, parameters)?.engine;
    let misses = engine.evaluate(Split::Test)?.misses as usize;
    let digit_us = sample(seconds, count, || engine.evaluate(Split::Test).map(drop))?;
    Ok(Measured {
        what: "the net alone (16×16 pixels in memory, loss and misses counted)".into(),
        digits_per_s: 1e6 / digit_us.median,
        digit_us,
        misses,
    })
}

/// The whole way, as `gpu-train predict` goes it: decode, normalise, and the scalar reference's forward pass.
fn pictures(classifier: &Classifier, test: &Dataset, seconds: f64) -> Result<Measured> {
    let pictures: Vec<Vec<u8>> = (0..test.len())
        .map(|example| picture(test.image_codes(example)))
        .collect::<Result<_>>()?;
    let path = Path::new("a test digit");
    let class = |bytes: &[u8]| {
        Ok::<_, Error>(
            classifier
                .recognise(&decode(bytes, path)?, path)?
                .prediction
                .class,
        )
    };
    let mut misses = 0;
    for (bytes, &label) in pictures.iter().zip(test.labels()) {
        misses += usize::from(class(bytes)? != label);
    }
    let mut next = pictures.iter().cycle();
    let digit_us = sample(seconds, PICTURES_A_SAMPLE, || {
        for bytes in next.by_ref().take(PICTURES_A_SAMPLE) {
            std::hint::black_box(class(bytes)?);
        }
        Ok(())
    })?;
    let side = ENLARGEMENT * SIDE;
    Ok(Measured {
        what: format!("from a picture ({side}×{side} PNG in memory: decode, normalise, net)"),
        digits_per_s: 1e6 / digit_us.median,
        digit_us,
        misses,
    })
}

/// Microseconds per digit of work on a number of digits, repeated for some seconds.
fn sample(
    seconds: f64,
    digits: usize,
    mut work: impl FnMut() -> Result<()>,
) -> Result<Distribution> {
    bench::sample(seconds, || {
        let started = Instant::now();
        work()?;
        Ok(started.elapsed().as_secs_f64() * 1e6 / digits as f64)
    })
}

/// A digit as a PNG, each pixel a square.
fn picture(codes: &[u16]) -> Result<Vec<u8>> {
    let side = ENLARGEMENT * SIDE;
    let level = |place: usize| {
        let (row, column) = (place / side / ENLARGEMENT, place % side / ENLARGEMENT);
        (codes[row * SIDE + column] / CODES_PER_LEVEL) as u8
    };
    let levels: Vec<u8> = (0..side * side).map(level).collect();
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&levels, side as u32, side as u32, ExtendedColorType::L8)
        .map_err(|error| Error::file("a test digit", error))?;
    Ok(bytes)
}
