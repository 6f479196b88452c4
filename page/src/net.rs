//! A trained net under the glass: the digits, those it misses, its activations, a drawn digit, its file.

use std::path::Path;

use gpu_train::data;
use gpu_train::data::mnist1989::DENOMINATOR;
use gpu_train::experiment::missed;
use gpu_train::net::{PARAMETER_COUNT, PARAMETERS, PIXELS, Parameters};
use gpu_train::predict::{Classifier, Grey};
use gpu_train::recipe::{Functions, Recipe, RecipeName};
use gpu_train::reference::Activations;
use gpu_train::weights;
use js_sys::{Array, Float32Array, Uint16Array};
use serde_json::json;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Result, functions, json, sentence};

/// Ink of a pixel from its code, 0 (paper) to 1.
fn ink(code: u16) -> f32 {
    f32::from(code) / f32::from(2 * DENOMINATOR)
}

fn parameters(flat: Vec<f32>) -> Result<Parameters> {
    match flat.len() {
        PARAMETER_COUNT => Ok(Parameters::from_flat(flat)),
        found => Err(JsError::new(&format!(
            "found {found} weights, expected {PARAMETER_COUNT}"
        ))),
    }
}

/// The embedded digits, decoded once.
#[wasm_bindgen]
pub struct Digits(pub(crate) data::Digits);

#[wasm_bindgen]
impl Digits {
    /// Decodes the digits.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self(data::embedded::digits())
    }

    /// JSON of the number of examples and the places of the net's tensors in its flat weights.
    pub fn description(&self) -> String {
        let layout = PARAMETERS.map(|tensor| {
            json!({"name": tensor.name, "shape": tensor.shape, "offset": tensor.offset, "length": tensor.len()})
        });
        let target = gpu_train::experiment::verdict::TARGET;
        json(
            &json!({"train": self.0.train.len(), "test": self.0.test.len(), "layout": layout, "target": target}),
        )
    }

    /// Labels of the test set.
    pub fn labels(&self) -> Vec<u8> {
        self.0.test.labels().to_vec()
    }

    /// Ink of the test set, `[example][row][column]`.
    pub fn images(&self) -> Vec<f32> {
        self.0.test.codes().iter().map(|&code| ink(code)).collect()
    }

    /// JSON of the test examples that a net misses.
    ///
    /// # Errors
    /// If these are no weights and functions of the net.
    pub fn missed(&self, weights: Vec<f32>, functions_json: &str) -> Result<String> {
        let Functions { activation, loss } = functions(functions_json)?;
        let recipe = Recipe {
            activation,
            loss,
            ..Recipe::named(RecipeName::FullBatch)
        };
        Ok(json(&missed::missed(
            &parameters(weights)?,
            &recipe,
            &self.0.test,
        )))
    }

    /// Codes of a test image.
    ///
    /// # Errors
    /// If there is no such example.
    pub fn codes(&self, example: usize) -> Result<Vec<u16>> {
        if example >= self.0.test.len() {
            let most = self.0.test.len() - 1;
            return Err(JsError::new(&format!(
                "found test digit {example}, expected 0 to {most}"
            )));
        }
        Ok(self.0.test.image_codes(example).to_vec())
    }
}

/// Input and activations of every layer for an image's codes: input `[16][16]` as ink, H1 `[12][8][8]`, H2 `[12][4][4]`,
/// H3 `[30]`, outputs `[10]`.
///
/// # Errors
/// If these are no weights, functions or codes.
#[wasm_bindgen]
pub fn activations(weights: Vec<f32>, functions_json: &str, codes: Vec<u16>) -> Result<Array> {
    if codes.len() != PIXELS {
        return Err(JsError::new(&format!(
            "found {} pixels, expected {PIXELS}",
            codes.len()
        )));
    }
    let (parameters, functions) = (parameters(weights)?, functions(functions_json)?);
    let values = Activations::evaluation(&parameters, &codes, DENOMINATOR, functions);
    let input: Vec<f32> = codes.iter().map(|&code| ink(code)).collect();
    let layers = [&input, &values.h1, &values.h2, &values.h3, &values.out];
    Ok(layers
        .into_iter()
        .map(|layer| Float32Array::from(layer.as_slice()))
        .collect())
}

/// Recognises the digit in a picture of grey levels, 0 (black) to 255, `[row][column]`. Returns the JSON of the class and
/// the probabilities, and what the net saw: codes, and ink.
///
/// # Errors
/// A sentence, if the picture is empty or the weights are of no use.
#[wasm_bindgen]
pub fn recognise(
    width: usize,
    height: usize,
    grey: &[u8],
    weights: Vec<f32>,
    functions_json: &str,
) -> Result<Array> {
    if width == 0 || height == 0 || width.checked_mul(height) != Some(grey.len()) {
        let found = grey.len();
        return Err(JsError::new(&format!(
            "found {found} pixels, expected {width} × {height}"
        )));
    }
    let levels = grey.iter().map(|&level| u16::from(level) * 257).collect();
    let net = Classifier {
        parameters: parameters(weights)?,
        functions: functions(functions_json)?,
    };
    let found = net
        .recognise(&Grey::new(width, height, levels), Path::new("the drawing"))
        .map_err(sentence)?;
    let prediction = found.prediction;
    let text = json(&json!({"class": prediction.class, "probabilities": prediction.probabilities}));
    let input = found.codes.map(ink);
    let (codes, input) = (
        Uint16Array::from(found.codes.as_slice()),
        Float32Array::from(input.as_slice()),
    );
    Ok(Array::of3(&text.into(), &codes, &input))
}

/// A file of weights, safetensors as `gpu-train --save` writes them.
///
/// # Errors
/// If these are no weights and functions of the net.
#[wasm_bindgen]
pub fn encode(weights: Vec<f32>, functions_json: &str) -> Result<Vec<u8>> {
    Ok(weights::encode(
        &parameters(weights)?,
        functions(functions_json)?,
    ))
}

/// Weights from a file's bytes, and the JSON of their functions; `name` is for messages.
///
/// # Errors
/// A sentence that says what was found and what was expected.
#[wasm_bindgen]
pub fn decode(bytes: &[u8], name: &str) -> Result<Array> {
    let net = weights::decode(bytes, Path::new(name)).map_err(sentence)?;
    let Some(functions) = net.functions else {
        let (key, name) = (weights::FUNCTIONS_KEY, gpu_train::error::printable(name));
        return Err(JsError::new(&format!(
            "{name}: found no {key} in its metadata, expected a file that gpu-train wrote"
        )));
    };
    let weights = Float32Array::from(net.parameters.flat());
    Ok(Array::of2(&weights, &json(&functions).into()))
}
