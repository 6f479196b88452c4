//! The WGSL of a kernel: generated constants and the uniform struct, the parts it builds on, then its own file.

pub mod constants;
pub mod kernels;
pub mod uniform;

use crate::recipe::Recipe;

/// The WGSL of a source and the parts it builds on, with `own` declarations after the recipe's constants.
pub fn compose(recipe: &Recipe, own: &str, parts: &[&str], source: &str) -> String {
    let prelude = [
        "// Generated from src/net.rs, src/gpu/layout and the recipe.\n",
        &constants::of_recipe(recipe),
        &uniform::declaration(),
        own,
    ];
    let mut text = prelude.concat();
    for file in parts.iter().chain(&[source]) {
        text.push('\n');
        text.push_str(file);
    }
    text
}
