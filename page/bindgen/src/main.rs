//! `gpu-train-bindgen INPUT.wasm FOLDER`: writes INPUT.js and INPUT_bg.wasm for browsers into FOLDER.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("expected a wasm file and a folder".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .web(true)?
        .typescript(false)
        // A sixth of a megabyte; a panic says where it is.
        .remove_name_section(true)
        // The page calls its loader without an address: the wasm file is next to it.
        .omit_default_module_path(false)
        .generate(folder)?;
    Ok(())
}
