//! Recognition of a digit in a picture: normalisation to the form of the training data, then the net.
//!
//! ```
//! use std::path::Path;
//! use gpu_train::predict::{Classifier, Grey};
//! use gpu_train::recipe::{Recipe, RecipeName};
//!
//! // A dark stroke on white paper, 40×40.
//! let ink = |at: usize| (10..30).contains(&(at / 40)) && (18..22).contains(&(at % 40));
//! let levels = (0..1_600).map(|at| if ink(at) { 0 } else { u16::MAX });
//! let picture = Grey::new(40, 40, levels.collect());
//!
//! // Of weights that `weights::load` has read; here they are only drawn.
//! let recipe = Recipe::named(RecipeName::FullBatch);
//! let classifier = Classifier { parameters: recipe.initial_parameters(), functions: (&recipe).into() };
//! let found = classifier.recognise(&picture, Path::new("stroke.png"))?;
//! assert!(found.prediction.class <= 9);
//! assert!((found.prediction.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

mod ink;
pub mod normalise;

use std::path::Path;

use crate::data::mnist1989::DENOMINATOR;
use crate::error::{Error, Result};
use crate::net::{CLASSES, PIXELS, Parameters};
use crate::recipe::{Functions, Loss};
use crate::reference::{Activations, guess};

/// Picture in shades of grey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Levels from 0 (black) to 65,535 (white), `[row][column]`.
    pub levels: Vec<u16>,
}

impl Grey {
    /// Creates a picture from levels, `[row][column]`.
    ///
    /// # Panics
    /// If there are no pixels, or not `width × height` levels.
    pub fn new(width: usize, height: usize, levels: Vec<u16>) -> Self {
        assert!(width > 0 && height > 0, "at least one pixel");
        assert_eq!(levels.len(), width * height, "a pixel for each place");
        Self {
            width,
            height,
            levels,
        }
    }

    /// Level of a pixel.
    pub fn at(&self, row: usize, column: usize) -> u16 {
        self.levels[row * self.width + column]
    }
}

/// Prediction of the net for a digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The class of the largest output, 0 to 9.
    pub class: u8,
    /// Probability of each class; the sum is one.
    ///
    /// With cross-entropy, the softmax that the net was trained with. With MSE, the outputs (tanh's values between −A
    /// and A) as (out + A) / 2A, divided by their sum. These keep the order of the outputs but are not calibrated.
    pub probabilities: [f64; CLASSES],
}

/// Result of recognising a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recognised {
    /// Prediction of the net.
    pub prediction: Prediction,
    /// Input of the net: codes over [`DENOMINATOR`], `[row][column]`.
    pub codes: [u16; PIXELS],
}

/// Net for inference only.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// Weights and biases.
    pub parameters: Parameters,
    /// Functions of the net.
    pub functions: Functions,
}

impl Classifier {
    /// Classifies a 16×16 image: codes over [`DENOMINATOR`], `[row][column]`.
    pub fn classify(&self, codes: &[u16; PIXELS]) -> Prediction {
        let Functions { activation, loss } = self.functions;
        let values = Activations::evaluation(&self.parameters, codes, DENOMINATOR, self.functions);
        let amplitude = activation.tanh_scale().0;
        Prediction {
            class: guess(&values.out) as u8,
            probabilities: probabilities(&values.out, loss, amplitude),
        }
    }

    /// Recognises the digit in a picture; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::File`] if the picture has only one colour, or if the weights are so large that
    /// the net's sums overflow.
    pub fn recognise(&self, picture: &Grey, path: &Path) -> Result<Recognised> {
        let codes = normalise::normalise(picture).map_err(|problem| Error::file(path, problem))?;
        let prediction = self.classify(&codes);
        if prediction
            .probabilities
            .iter()
            .all(|share| share.is_finite())
        {
            return Ok(Recognised { prediction, codes });
        }
        let problem =
            "found outputs of the net that are not finite, expected weights of a trained net";
        Err(Error::file(path, problem))
    }
}

/// Computes [`Prediction::probabilities`]; `amplitude` is the bound A of tanh.
fn probabilities(out: &[f32], loss: Loss, amplitude: f64) -> [f64; CLASSES] {
    let outputs: [f64; CLASSES] = std::array::from_fn(|class| f64::from(out[class]));
    let shares = match loss {
        Loss::CrossEntropy => {
            // Subtracting the largest logit prevents an overflow of exp.
            let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            outputs.map(|logit| (logit - largest).exp())
        }
        // If every tanh is exactly −A, all classes are equally likely.
        Loss::Mse => outputs.map(|value| (value + amplitude).max(0.0) + 1e-9),
    };
    let sum: f64 = shares.iter().sum();
    shares.map(|share| share / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Activation;

    fn sums_to_one(shares: &[f64; CLASSES]) -> bool {
        (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12
    }

    #[test]
    fn softmax_matches_the_loss_and_does_not_overflow() {
        let mut out = [0f32; CLASSES];
        out[4] = 3f32.ln();
        let shares = probabilities(&out, Loss::CrossEntropy, 1.0);
        assert!(sums_to_one(&shares));
        assert!((shares[4] - 3.0 / 12.0).abs() < 1e-7, "{shares:?}");
        out[7] = f32::MAX;
        let shares = probabilities(&out, Loss::CrossEntropy, 1.0);
        assert!(sums_to_one(&shares) && shares[7] == 1.0, "{shares:?}");
    }

    #[test]
    fn outputs_of_mse_keep_their_order_as_shares() {
        for amplitude in [1.0, 1.7159] {
            let out: [f32; CLASSES] =
                std::array::from_fn(|class| (amplitude * (class as f64 / 4.5 - 1.0)) as f32);
            let shares = probabilities(&out, Loss::Mse, amplitude);
            assert!(sums_to_one(&shares));
            assert!(shares.is_sorted() && shares[0] < 1e-6, "{shares:?}");
            assert!((shares[9] - 0.2).abs() < 1e-6, "{shares:?}");
        }
        let none = probabilities(&[-1.0; CLASSES], Loss::Mse, 1.0);
        assert!((none[3] - 0.1).abs() < 1e-12, "{none:?}");
    }

    #[test]
    fn weights_that_overflow_are_an_error_not_a_probability() {
        let parameters = Parameters::from_flat(vec![3e38; crate::net::PARAMETER_COUNT]);
        let functions = Functions {
            activation: Activation::Relu,
            loss: Loss::CrossEntropy,
        };
        let level = |at: usize| {
            if [5, 6, 9, 10].contains(&at) {
                0
            } else {
                u16::MAX
            }
        };
        let picture = Grey::new(4, 4, (0..16).map(level).collect());
        let net = Classifier {
            parameters,
            functions,
        };
        let error = net.recognise(&picture, Path::new("four.pgm")).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("four.pgm: found outputs of the net that are not finite"),
            "{message}"
        );
    }
}
