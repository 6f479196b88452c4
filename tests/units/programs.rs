//! Programs of the GPU engine as data.

use gpu_train::error::Error;
use gpu_train::gpu::layout::sizes::MOST_WORKGROUPS;
use gpu_train::gpu::{Program, Sizes, Tiling, Variant, WeightPath};
use gpu_train::recipe::{Batch, Optimizer, Recipe, RecipeName};

fn recipe(shift: u32, dropout: f64) -> Recipe {
    Recipe {
        shift,
        dropout,
        ..Recipe::named(RecipeName::FullBatchMuon)
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
        checks: true,
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
