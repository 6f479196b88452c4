//! The WGSL that the device compiles: constants, the uniform, the parts of a kernel, its own file.

use super::kernels::Kernel;
use super::{constants, uniform};
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

/// The whole WGSL of a kernel, with its `own` declarations after the recipe's constants.
pub fn wgsl(kernel: &Kernel, recipe: &Recipe, own: &str) -> String {
    compose(recipe, own, kernel.parts, kernel.source)
}
