//! Recognising a digit in a picture: decode, bring into the training data's form, run the net.

pub mod image;
mod ink;
pub mod normalise;

use std::path::Path;

use crate::data::mnist1989::DENOMINATOR;
use crate::error::{Error, Result};
use crate::net::{CLASSES, H2_UNITS, PIXELS, Parameters};
use crate::recipe::Loss;
use crate::reference::{Pass, guess, input};
use crate::weights::Functions;

/// What the net takes a digit for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The class of the largest output, 0 to 9.
    pub class: u8,
    /// One a class; they sum to one.
    ///
    /// With cross-entropy the softmax that the net was trained with. With MSE the outputs, tanh's values between −A
    /// and A, as (out + A) / 2A over their sum: in their order, but not calibrated, since no training made them
    /// probabilities.
    pub probabilities: [f64; CLASSES],
}

/// A picture of a digit, recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recognised {
    /// What it is taken for.
    pub prediction: Prediction,
    /// What the net saw: codes over [`DENOMINATOR`], `[row][column]`.
    pub codes: [u16; PIXELS],
}

/// A net that is only asked, not trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    parameters: Parameters,
    functions: Functions,
}

impl Classifier {
    /// A net with these weights and functions.
    pub fn new(parameters: Parameters, functions: Functions) -> Self {
        Self {
            parameters,
            functions,
        }
    }

    /// Its weights and biases.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Its functions.
    pub fn functions(&self) -> Functions {
        self.functions
    }

    /// What the net takes a 16×16 image for: codes over [`DENOMINATOR`], `[row][column]`.
    pub fn classify(&self, codes: &[u16; PIXELS]) -> Prediction {
        let Functions { activation, loss } = self.functions;
        let image = input(codes, DENOMINATOR, (0, 0));
        let kept = vec![1.0; H2_UNITS];
        let pass = Pass::<f32>::forward(&self.parameters, image, kept, activation, loss);
        let amplitude = activation.tanh_scale().0;
        Prediction {
            class: guess(&pass.out) as u8,
            probabilities: probabilities(&pass.out, loss, amplitude),
        }
    }

    /// Recognises the digit in a picture's file; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::File`] as [`image::decode`], and if the picture has only one colour.
    pub fn recognise(&self, bytes: &[u8], path: &Path) -> Result<Recognised> {
        let grey = image::decode(bytes, path)?;
        let codes = normalise::normalise(&grey).map_err(|problem| Error::file(path, problem))?;
        Ok(Recognised {
            prediction: self.classify(&codes),
            codes,
        })
    }
}

/// See [`Prediction::probabilities`]; `amplitude` is tanh's, ±A being its bounds.
fn probabilities(out: &[f32], loss: Loss, amplitude: f64) -> [f64; CLASSES] {
    let outputs: [f64; CLASSES] = std::array::from_fn(|class| f64::from(out[class]));
    let shares = match loss {
        Loss::CrossEntropy => {
            // Subtracting the largest logit keeps exp from overflowing.
            let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            outputs.map(|logit| (logit - largest).exp())
        }
        // Where tanh is −A to the last bit everywhere, all are equally likely.
        Loss::Mse => outputs.map(|value| (value + amplitude).max(0.0) + 1e-9),
    };
    let sum: f64 = shares.iter().sum();
    shares.map(|share| share / sum)
}
