//! A step as data: which buffers there are, which kernels run over them, and in which order.
//!
//! - [`plan`]: buffers, shaders, dispatches, plans and programs
//! - [`variant`]: which kernels do a step
//! - `layered`: a step with a dispatch per layer and direction
//! - `fused`: a step of two or three dispatches
//! - [`contents`]: what the buffers hold at the start, and where the values of a run are
//! - [`fit`]: whether a program fits an adapter

pub mod contents;
pub mod fit;
mod fused;
mod layered;
pub mod plan;
pub mod variant;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::recipe::{Batch, Recipe};

use super::layout::tiling::WeightPath;
use super::wgsl::compose;
use super::wgsl::kernels::Kernel;
use plan::{Access, Binding, Plan, Program, Shader};
use variant::Variant;

/// The sizes that a program is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Training examples.
    pub train: usize,
    /// Test examples.
    pub test: usize,
    /// Bytes of the largest buffer for images: the fused kernels split a larger set into shards.
    pub image_buffer_bytes: u64,
}

impl Sizes {
    /// Sets of these sizes, and buffers of any size.
    pub fn of(train: usize, test: usize) -> Self {
        Self {
            train,
            test,
            image_buffer_bytes: u64::MAX,
        }
    }
}

impl Program {
    /// The program of a recipe.
    ///
    /// # Errors
    /// [`Error::Usage`] if the recipe's updates see one example each, or no kernel does its optimizer's update.
    pub fn build(recipe: &Recipe, sizes: Sizes, variant: Variant) -> Result<Self> {
        check_recipe(recipe)?;
        Ok(match variant {
            Variant::Layered => layered::program(recipe, sizes),
            Variant::Fused(tiling) => fused::program(recipe, sizes, tiling),
        })
    }
}

/// Fails where no kernels do a recipe's updates.
pub(super) fn check_recipe(recipe: &Recipe) -> Result<()> {
    if recipe.batch != Batch::Full {
        return Err(Error::Usage(format!(
            "the gpu engine: found recipe {} with one example per update, expected the full batch",
            recipe.name
        )));
    }
    recipe.validate_optimizer()
}

/// A kernel's shader, with its `own` declarations, and its weights bound by this path.
fn shader(kernel: &'static Kernel, recipe: &Recipe, own: &str, weights: WeightPath) -> Shader {
    let reads = kernel.reads.iter().map(|&name| match weights {
        WeightPath::Uniform if name == "weights" => Binding::of(name, Access::Uniform),
        _ => Binding::of(name, Access::Read),
    });
    let writes = kernel.writes.iter();
    let writes = writes.map(|&name| Binding::of(name, Access::Write));
    let params = std::iter::once(Binding::of("params", Access::Uniform));
    Shader {
        kernel: Cow::Borrowed(kernel.name),
        wgsl: compose::wgsl(kernel, recipe, own),
        bindings: params.chain(reads).chain(writes).collect(),
    }
}

/// A plan that does nothing.
fn empty_plan(name: &'static str) -> Plan {
    Plan {
        name: Cow::Borrowed(name),
        dispatches: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::layout::sizes::MOST_WORKGROUPS;
    use crate::gpu::layout::tiling::Tiling;
    use crate::recipe::{Optimizer, RecipeName};

    fn recipe(shift: u32, dropout: f64) -> Recipe {
        Recipe {
            shift,
            dropout,
            ..Recipe::named(RecipeName::FullBatch)
        }
    }

    /// Both variants, the fused one in three shards.
    fn programs(recipe: &Recipe) -> [Program; 2] {
        let tiling = Tiling {
            tile: 4,
            lanes: 96,
            groups: 7,
            weights: WeightPath::Uniform,
            keep_x: true,
        };
        let shards = Sizes {
            image_buffer_bytes: 3_000 * 512,
            ..Sizes::of(7_291, 2_007)
        };
        [
            Program::build(recipe, Sizes::of(7_291, 2_007), Variant::Layered).unwrap(),
            Program::build(recipe, shards, Variant::Fused(tiling)).unwrap(),
        ]
    }

    #[test]
    fn every_dispatch_binds_what_its_shader_declares() {
        for recipe in [recipe(0, 0.0), recipe(1, 0.25)] {
            for program in programs(&recipe) {
                for dispatch in program.plans().iter().flat_map(|plan| &plan.dispatches) {
                    let shader = program.shader(&dispatch.kernel).unwrap();
                    assert_eq!(dispatch.buffers.len(), shader.bindings.len());
                    for name in &dispatch.buffers {
                        let found = program.buffers.iter().filter(|spec| spec.buffer == *name);
                        assert_eq!(found.count(), 1, "{name}");
                    }
                    let mut counts = dispatch.workgroups.iter();
                    assert!(counts.all(|&count| count <= MOST_WORKGROUPS));
                    assert!(program.params(dispatch).is_some());
                }
            }
        }
    }

    #[test]
    fn a_step_draws_only_where_the_recipe_does() {
        let kernels = |recipe: &Recipe| -> Vec<String> {
            let program = Program::build(recipe, Sizes::of(100, 10), Variant::Layered).unwrap();
            let dispatches = program.training.dispatches.iter();
            dispatches.map(|d| d.kernel.to_string()).collect()
        };
        let draws = ["input".to_owned(), "dropout".to_owned()];
        let plain = kernels(&recipe(0, 0.0));
        assert!(draws.iter().all(|kernel| !plain.contains(kernel)));
        let modern = kernels(&recipe(1, 0.25));
        assert!(draws.iter().all(|kernel| modern.contains(kernel)));
        assert_eq!(modern.last().unwrap(), "tally");
    }

    #[test]
    fn a_written_program_is_read_back() {
        for program in programs(&recipe(1, 0.25)) {
            let text = serde_json::to_string(&program).unwrap();
            assert!(text.contains(r#""name":"params","access":"uniform""#));
            assert_eq!(serde_json::from_str::<Program>(&text).unwrap(), program);
        }
    }

    #[test]
    fn recipes_without_kernels_are_refused() {
        let newton = Recipe {
            optimizer: Optimizer::DiagonalNewton,
            ..recipe(0, 0.0)
        };
        let single = Recipe {
            batch: Batch::PerExample,
            ..recipe(0, 0.0)
        };
        for recipe in [newton, single] {
            let refused = Program::build(&recipe, Sizes::of(10, 10), Variant::Layered);
            assert!(matches!(refused, Err(Error::Usage(_))), "{}", recipe.name);
        }
    }
}
