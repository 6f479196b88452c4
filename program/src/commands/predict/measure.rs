//! `--bench`: digits per second, compared with those of 1989.

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
use gpu_train::experiment::bench;
use gpu_train::experiment::record::{Distribution, Machine};
use gpu_train::net::SIDE;
use gpu_train::predict::Classifier;
use gpu_train::recipe::{Recipe, RecipeName};
use gpu_train::target::{self, Target};

/// Side of the square in the pictures for each pixel of a digit.
const ENLARGEMENT: usize = 4;
/// Number of pictures per sample.
const PICTURES_A_SAMPLE: usize = 100;

/// Measurement of one way to recognise digits, on one core.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Human-readable description of the measured work.
    pub what: String,
    /// Digits per second, at the median time.
    pub digits_per_s: f64,
    /// Microseconds per digit; a sample is a mean over many digits.
    pub digit_us: Distribution,
    /// Misclassified digits, of all test digits.
    pub misses: usize,
}

/// All measurements.
#[derive(Debug, Clone, Serialize)]
pub struct Measurements {
    version: &'static str,
    date: String,
    command: String,
    /// The machine, of which one core was used.
    machine: Machine,
    /// The net only.
    net: Measured,
    /// The whole path from a picture to a class.
    picture: Measured,
    /// Number of test digits.
    digits: usize,
    /// Published figures of 1989: from acquisition to classification, and for normalised digits.
    published_1989_digits_per_s: [&'static str; 2],
}

impl Measurements {
    /// Human-readable text.
    pub fn text(&self) -> String {
        let line = |Measured {
                        what,
                        digits_per_s,
                        digit_us: us,
                        misses,
                    }: &Measured| {
            format!(
                "{what}: {digits_per_s:.0} digits/s ({:.1} µs per digit; p10 {:.1}, p90 {:.1}), misses {misses} of {}",
                us.median, us.p10, us.p90, self.digits
            )
        };
        let [acquired, normalised] = self.published_1989_digits_per_s;
        [
            format!("one core of {}", self.machine.processor),
            line(&self.net),
            line(&self.picture),
            format!(
                "1989, a workstation with a DSP board: {acquired} digits/s from acquisition to classification, {normalised} \
                 for digits already normalised"
            ),
            "No camera was used: each picture is a PNG in memory with a single digit.".into(),
        ]
        .join("\n")
    }
}

/// Measures a net on the embedded test digits, for `seconds` per measurement.
///
/// # Errors
/// Errors of the engine.
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

/// Measures the net only: the fast engine's evaluation, one digit at a time, of pixels in memory in the engine's format.
fn net(classifier: &Classifier, seconds: f64) -> Result<Measured> {
    let functions = classifier.functions;
    let recipe = Recipe {
        activation: functions.activation,
        loss: functions.loss,
        ..Recipe::named(RecipeName::Reproduction)
    };
    let digits = embedded::digits();
    let count = digits.test.len();
    let start = classifier.parameters.clone().into();
    let mut engine = target::open(&Target::PerExample, &digits, &recipe, start)?.engine;
    let misses = engine.evaluate(Split::Test)?.misses as usize;
    let digit_us = sample(seconds, count, || engine.evaluate(Split::Test).map(drop))?;
    Ok(Measured {
        what: "the net only (16×16 pixels in memory, loss and misses computed)".into(),
        digits_per_s: 1e6 / digit_us.median,
        digit_us,
        misses,
    })
}

/// Measures the whole path of `gpu-train predict`: decode, normalise, and the scalar reference's forward pass.
fn pictures(classifier: &Classifier, test: &Dataset, seconds: f64) -> Result<Measured> {
    let pictures = (0..test.len()).map(|example| picture(test.image_codes(example)));
    let pictures: Vec<Vec<u8>> = pictures.collect::<Result<_>>()?;
    let path = Path::new("a test digit");
    let class = |bytes: &[u8]| -> Result<u8> {
        let recognised = classifier.recognise(&decode(bytes, path)?, path)?;
        Ok(recognised.prediction.class)
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

/// Microseconds per digit of work on `digits` digits, repeated for `seconds`.
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

/// Encodes a digit as a PNG, with each pixel enlarged to a square.
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
