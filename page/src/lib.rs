//! The web page's half in Rust, called from `www/worker.js`: the core's engines and the core's judgement of them.
//!
//! [`training`] trains a contestant of the race, [`net`] looks into a trained net, [`race`] judges the race, [`measure`]
//! compares the engines with the reference and times them. Values cross to JavaScript as numbers, typed arrays and JSON.

#![cfg(target_family = "wasm")]

mod measure;
mod net;
mod race;
mod training;

use gpu_train::error::Error;
use gpu_train::recipe::Functions;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// A result whose error is one sentence, an exception in JavaScript.
type Result<T> = std::result::Result<T, JsError>;

/// Makes a panic an exception that says what happened.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        wasm_bindgen::throw_str(&format!("a defect of this program: {info}"));
    }));
}

/// An error as JavaScript's.
fn sentence(error: Error) -> JsError {
    JsError::new(&error.to_string())
}

/// A value as JSON.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain fields")
}

/// The functions of a net from their JSON.
fn functions(json: &str) -> Result<Functions> {
    serde_json::from_str(json).map_err(|error| {
        let expected = "{\"activation\":…,\"loss\":…}";
        JsError::new(&format!(
            "functions: found {json} ({error}), expected {expected}"
        ))
    })
}
