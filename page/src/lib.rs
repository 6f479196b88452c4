//! The web page's half in Rust.
#![cfg(target_family = "wasm")]

use wasm_bindgen::prelude::wasm_bindgen;

/// Version of the program.
#[wasm_bindgen]
pub fn version() -> String {
    format!("{} {:?}", env!("CARGO_PKG_VERSION"), gpu_train::data::embedded::digits().train.len())
}
