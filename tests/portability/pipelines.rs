//! Every pipeline that can be built at run time: what the programs of all kinds of recipes hold.

use std::collections::{BTreeMap, BTreeSet};

use gpu_train::gpu::kernels::KERNELS;
use gpu_train::gpu::plan::Program;
use gpu_train::recipe::{Activation, Loss, Name, Optimizer, Recipe};

/// A kernel's WGSL for some recipes.
pub struct Pipeline {
    /// Kernel, activation and loss: all that the text depends on.
    pub name: String,
    /// The kernel's name alone.
    pub kernel: &'static str,
    /// The WGSL.
    pub wgsl: String,
}

/// Each combination of what decides which kernels a program holds or what their text is.
pub fn recipes() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for activation in [Activation::Tanh, Activation::Relu] {
        for loss in [Loss::Mse, Loss::CrossEntropy] {
            for optimizer in [Optimizer::Sgd, Optimizer::AdamW] {
                for (shift, dropout) in [(0, 0.0), (1, 0.0), (0, 0.25), (2, 0.5)] {
                    recipes.push(Recipe {
                        activation,
                        loss,
                        optimizer,
                        shift,
                        dropout,
                        // Numbers reach the kernels in the uniform, not in the text: see `are_complete`.
                        seed: 1 + recipes.len() as u64,
                        learning_rate: 0.001 * (1 + recipes.len()) as f64,
                        ..Recipe::named(Name::FullBatch)
                    });
                }
            }
        }
    }
    recipes
}

fn variant(recipe: &Recipe) -> String {
    let activation = match recipe.activation {
        Activation::Tanh => "tanh",
        Activation::Relu => "relu",
    };
    let loss = match recipe.loss {
        Loss::Mse => "mse",
        Loss::CrossEntropy => "cross-entropy",
    };
    format!("{activation}-{loss}")
}

/// All pipelines, each text once.
pub fn all() -> Vec<Pipeline> {
    let mut found: BTreeMap<(String, String), &'static str> = BTreeMap::new();
    for (index, recipe) in recipes().iter().enumerate() {
        for shader in Program::new(recipe, 7_291 + index, 2_007).shaders {
            let name = format!("{}-{}", shader.kernel, variant(recipe));
            found.insert((name, shader.wgsl), shader.kernel);
        }
    }
    let pipelines = found.into_iter();
    pipelines
        .map(|((name, wgsl), kernel)| Pipeline { name, kernel, wgsl })
        .collect()
}

/// One text for each kernel, activation and loss: nothing else in a recipe changes the text, and no kernel is left out.
pub fn are_complete(pipelines: &[Pipeline]) -> Result<(), String> {
    let names: BTreeSet<&str> = pipelines.iter().map(|p| p.name.as_str()).collect();
    if names.len() != pipelines.len() {
        return Err("a text depends on more than kernel, activation and loss".into());
    }
    let expected = 4 * KERNELS.len();
    if pipelines.len() != expected {
        return Err(format!(
            "{} pipelines, expected {expected}",
            pipelines.len()
        ));
    }
    let kernels: BTreeSet<&str> = pipelines.iter().map(|p| p.kernel).collect();
    match KERNELS.iter().find(|kernel| !kernels.contains(kernel.name)) {
        Some(kernel) => Err(format!("no recipe uses {}", kernel.name)),
        None => Ok(()),
    }
}
