//! A step as data: the buffers and the list of dispatches, built once, recorded as often as needed.
//!
//! Nothing here is known to Rust only: written out, it can be replayed by any WebGPU host.

use serde::Serialize;

use super::compose::{self, EXAMPLES_PER_CHUNK, LANES};
use super::fused::{self, TOTALS};
use super::kernels::{KERNELS, kernel};
use super::layout::QUAD_TENSORS;
use super::packing::PACKED_VECTORS;
pub use super::variant::{Place, RunSpec, Variant};
use crate::engine::Split;
use crate::net::{
    CLASSES, H1_SIDE, H2_AREA, H2_SIDE, KERNEL, MAPS, PADDED_PIXELS, PADDED_SIDE, PARAMETER_COUNT,
    PIXELS,
};
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};

/// Steps between two read-backs: entries of `schedule` and `losses`.
pub const SLOTS: u32 = 4096;
/// Workgroups that WebGPU promises in each dimension of a dispatch.
pub const MOST_WORKGROUPS: u32 = 65_535;

/// What a buffer is bound as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// A storage buffer.
    Storage,
    /// A uniform buffer.
    Uniform,
    /// Both: written by one kernel, read by another as constants.
    StorageAndUniform,
}

/// A buffer to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BufferSpec {
    /// Its name, by which dispatches bind it.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is bound as.
    pub usage: Usage,
}

/// One kernel over so many workgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dispatch {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Names of the buffers at bindings 0 (the uniform), 1, 2, …
    pub bindings: Vec<String>,
    /// Workgroups in x, y and z.
    pub workgroups: [u32; 3],
}

/// Dispatches in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Its name, for labels.
    pub name: &'static str,
    /// The dispatches; each sees what the ones before it wrote.
    pub dispatches: Vec<Dispatch>,
}

/// A kernel's name and whole WGSL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shader {
    /// The kernel's name; its entry point is `main`.
    pub kernel: &'static str,
    /// The WGSL.
    pub wgsl: String,
    /// How many bindings, from 0 on, are uniform buffers; the others are storage buffers.
    pub uniforms: u32,
}

/// Everything the device is to hold and do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// All buffers.
    pub buffers: Vec<BufferSpec>,
    /// All kernels the plans use.
    pub shaders: Vec<Shader>,
    /// What the uniforms say.
    pub runs: Vec<RunSpec>,
    /// Which kernels do a step.
    pub variant: Variant,
    /// Run once: the images that stay as they are.
    pub prepare: Plan,
    /// One update.
    pub training: Plan,
    /// Loss and gradient, no update.
    pub gradient: Plan,
    /// Loss and misses of the training set.
    pub evaluate_train: Plan,
    /// Loss and misses of the test set.
    pub evaluate_test: Plan,
}

/// The name of a split's own buffer: `x_train`, `x_test`, …
pub fn of_split(name: &str, split: Split) -> String {
    let suffix = match split {
        Split::Train => "train",
        Split::Test => "test",
    };
    format!("{name}_{suffix}")
}

/// Names of the uniforms, one for each way a kernel is run.
pub const RUNS: [&str; 4] = ["run_training", "run_gradient", "run_train", "run_test"];

struct Builder<'a> {
    recipe: &'a Recipe,
    split: Split,
    examples: u32,
    run: &'static str,
    random: bool,
    dispatches: Vec<Dispatch>,
}

impl<'a> Builder<'a> {
    fn new(recipe: &'a Recipe, split: Split, examples: usize, run: &'static str) -> Self {
        Self {
            recipe,
            split,
            examples: examples as u32,
            run,
            random: run == "run_training" || run == "run_gradient",
            dispatches: Vec::new(),
        }
    }

    /// The buffer that stands for a kernel's binding.
    fn buffer(&self, binding: &str) -> String {
        let drops = self.random && self.recipe.dropout > 0.0;
        match binding {
            "x" | "codes" | "labels" => of_split(binding, self.split),
            // Without dropout H3 sees H2 itself.
            "dropped" if !drops => "h2".into(),
            other => other.into(),
        }
    }

    fn add(&mut self, name: &'static str, x: u32, y: u32) -> &mut Self {
        let storage = kernel(name).storage();
        let bindings = std::iter::once(self.run.to_owned())
            .chain(storage.map(|(binding, _)| self.buffer(binding)))
            .collect();
        self.dispatches.push(Dispatch {
            kernel: name,
            bindings,
            workgroups: [x, y, 1],
        });
        self
    }

    /// A kernel with one invocation an example and `blocks` of units.
    fn examples(&mut self, name: &'static str, blocks: usize) -> &mut Self {
        self.add(name, self.examples.div_ceil(LANES), blocks as u32)
    }

    /// A kernel with one workgroup a chunk of examples and `blocks` of parameters.
    fn chunks(&mut self, name: &'static str, blocks: usize) -> &mut Self {
        self.add(
            name,
            self.examples.div_ceil(EXAMPLES_PER_CHUNK),
            blocks as u32,
        )
    }

    /// A kernel with one invocation a parameter.
    fn parameters(&mut self, name: &'static str) -> &mut Self {
        self.add(name, (PARAMETER_COUNT as u32).div_ceil(LANES), 1)
    }

    /// What an optimizer does to each layer's matrix.
    fn matrices(&mut self) -> &mut Self {
        match self.recipe.optimizer {
            Optimizer::Muon => self.add("muon", MATRICES.len() as u32, 1),
            _ => self,
        }
    }

    fn input(&mut self) -> &mut Self {
        self.examples("input", PADDED_SIDE)
    }

    /// From the images to each example's loss; the input only where the images change.
    fn forward(&mut self) -> &mut Self {
        if self.recipe.shift > 0 && self.split == Split::Train {
            self.input();
        }
        self.examples("h1_forward", compose::MAP_QUADS * H1_SIDE * 2)
            .examples("h2_forward", compose::MAP_QUADS * H2_SIDE);
        if self.random && self.recipe.dropout > 0.0 {
            self.examples("dropout", compose::MAP_QUADS * H2_AREA);
        }
        self.examples("h3_forward", compose::H3_QUADS / 2)
            .examples("out_forward", compose::CLASS_QUADS)
            .examples("loss", 1)
    }

    fn backward(&mut self) -> &mut Self {
        // Blocks of weights, then blocks of eight vectors of biases.
        let h1_blocks = compose::MAP_QUADS * (KERNEL + H1_SIDE * H1_SIDE / 8);
        let h2_blocks = compose::MAP_QUADS * (2 * KERNEL + H2_AREA / 8);
        let h3_blocks = compose::MAP_QUADS * H2_AREA * 2 + 1;
        self.examples("out_backward", compose::H3_QUADS)
            .examples("h3_backward", compose::MAP_QUADS * H2_SIDE)
            .examples("h2_backward", compose::MAP_QUADS * H1_SIDE)
            .chunks("out_gradient", compose::H3_QUADS + 1)
            .chunks("h3_gradient", h3_blocks)
            .chunks("h2_gradient", h2_blocks)
            .chunks("h1_gradient", h1_blocks)
            .parameters("reduce_gradient")
    }

    fn tally(&mut self) -> &mut Self {
        self.add("tally", 1, 1)
    }

    fn finish(&mut self, name: &'static str) -> Plan {
        Plan {
            name,
            dispatches: std::mem::take(&mut self.dispatches),
        }
    }
}

/// All buffers for sets of these sizes.
fn buffers(train: usize, test: usize) -> Vec<BufferSpec> {
    let mut buffers = Vec::new();
    let mut storage = |name: &str, words: usize| {
        buffers.push(BufferSpec {
            name: name.into(),
            bytes: 4 * words as u64,
            usage: Usage::Storage,
        });
    };
    for (split, examples) in [(Split::Train, train), (Split::Test, test)] {
        storage(&of_split("codes", split), PIXELS / 2 * examples);
        storage(&of_split("labels", split), examples);
        storage(&of_split("x", split), PADDED_PIXELS * examples);
    }
    let most = train.max(test);
    for tensor in QUAD_TENSORS {
        // Both sets pass through the forward buffers, only the training set back.
        let backward = tensor.name.starts_with("d_") && tensor.name != "d_out";
        let training_only = backward || ["factors", "dropped"].contains(&tensor.name);
        storage(
            tensor.name,
            tensor.floats(if training_only { train } else { most }),
        );
    }
    storage("example_loss", most);
    storage("missed", most);
    storage(
        "partial",
        train.div_ceil(EXAMPLES_PER_CHUNK as usize) * PARAMETER_COUNT,
    );
    for name in ["gradient", "parameters", "first_moment", "second_moment"] {
        storage(name, PARAMETER_COUNT);
    }
    storage("schedule", 4 * SLOTS as usize);
    storage("losses", SLOTS as usize);
    storage("places", PARAMETER_COUNT);
    storage("progress", 2);
    storage("totals", 2);
    buffers
}

impl Program {
    /// The program of a recipe on sets of so many examples, by these kernels; the fused ones take no buffer of more than
    /// `buffer_bytes` for images.
    pub fn with(
        recipe: &Recipe,
        train: usize,
        test: usize,
        variant: Variant,
        buffer_bytes: u64,
    ) -> Self {
        match variant {
            Variant::Layered => Self::new(recipe, train, test),
            Variant::Fused(tiling) => fused::program(recipe, train, test, tiling, buffer_bytes),
        }
    }

    /// Where a value of the run lies: `parameters`, `first_moment`, `second_moment`, `gradient`, `schedule`, `progress`,
    /// `totals` or `losses`.
    pub fn place(&self, name: &'static str) -> Place {
        let of = |buffer, first: usize| Place {
            buffer,
            first: first as u64,
        };
        match (self.variant, name) {
            (Variant::Layered, _) => of(name, 0),
            (Variant::Fused(_), "first_moment") => of("moments", 0),
            (Variant::Fused(_), "second_moment") => of("moments", 4 * PACKED_VECTORS),
            (Variant::Fused(_), "totals") => of("progress", TOTALS[0] as usize),
            (Variant::Fused(_), "losses") => of("progress", TOTALS[2] as usize),
            (Variant::Fused(_), _) => of(name, 0),
        }
    }

    /// The program of a recipe on sets of so many examples, a kernel a layer.
    pub fn new(recipe: &Recipe, train: usize, test: usize) -> Self {
        let on_train = |run| Builder::new(recipe, Split::Train, train, run);
        let mut prepare = on_train("run_train").input().finish("prepare");
        let test_input = Builder::new(recipe, Split::Test, test, "run_test")
            .input()
            .finish("prepare");
        prepare.dispatches.extend(test_input.dispatches);
        let optimizer = match recipe.optimizer {
            Optimizer::Sgd => "sgd",
            Optimizer::AdamW | Optimizer::Muon => "adamw",
            Optimizer::DiagonalNewton => panic!("diagonal Newton has no kernel"),
        };
        let plans = [
            prepare,
            on_train("run_training")
                .forward()
                .backward()
                .parameters(optimizer)
                .matrices()
                .tally()
                .finish("training"),
            on_train("run_gradient")
                .forward()
                .backward()
                .tally()
                .finish("gradient"),
            on_train("run_train")
                .forward()
                .tally()
                .finish("evaluate-train"),
            Builder::new(recipe, Split::Test, test, "run_test")
                .forward()
                .tally()
                .finish("evaluate-test"),
        ];
        let used = |name| {
            let mut dispatches = plans.iter().flat_map(|plan| &plan.dispatches);
            dispatches.any(|dispatch| dispatch.kernel == name)
        };
        let shaders = KERNELS.iter().filter(|kernel| used(kernel.name));
        let shaders = shaders
            .map(|kernel| Shader {
                kernel: kernel.name,
                wgsl: compose::wgsl(kernel, recipe),
                uniforms: 1,
            })
            .collect();
        let mut buffers = buffers(train, test);
        let runs = RUNS.map(|name| RunSpec::named(name, train, test));
        let bytes = 4 * compose::Run::of(&runs[0], 1).words(recipe).len() as u64;
        buffers.extend(RUNS.map(|name| BufferSpec {
            name: name.into(),
            bytes,
            usage: Usage::Uniform,
        }));
        let [prepare, training, gradient, evaluate_train, evaluate_test] = plans;
        Self {
            buffers,
            shaders,
            runs: runs.into(),
            variant: Variant::Layered,
            prepare,
            training,
            gradient,
            evaluate_train,
            evaluate_test,
        }
    }

    /// All plans.
    pub fn plans(&self) -> [&Plan; 5] {
        [
            &self.prepare,
            &self.training,
            &self.gradient,
            &self.evaluate_train,
            &self.evaluate_test,
        ]
    }
}

// The kernels are written for whole quads of maps and for 10 classes in three quads.
const _: () = assert!(MAPS.is_multiple_of(4) && CLASSES == 10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Name;

    fn recipe(shift: u32, dropout: f64) -> Recipe {
        Recipe {
            shift,
            dropout,
            ..Recipe::named(Name::FullBatch)
        }
    }

    #[test]
    fn every_binding_names_a_buffer() {
        for recipe in [recipe(0, 0.0), recipe(1, 0.25)] {
            let program = Program::new(&recipe, 7_291, 2_007);
            for dispatch in program.plans().iter().flat_map(|plan| &plan.dispatches) {
                let kernel = kernel(dispatch.kernel);
                assert_eq!(dispatch.bindings.len(), 1 + kernel.storage().count());
                for name in &dispatch.bindings {
                    let found = program.buffers.iter().filter(|buffer| buffer.name == *name);
                    assert_eq!(found.count(), 1, "{name}");
                }
                assert!(
                    dispatch
                        .workgroups
                        .iter()
                        .all(|&count| count <= MOST_WORKGROUPS)
                );
            }
        }
    }

    #[test]
    fn a_step_draws_only_where_the_recipe_does() {
        let kernels = |recipe: &Recipe| -> Vec<&str> {
            let program = Program::new(recipe, 100, 10);
            program
                .training
                .dispatches
                .iter()
                .map(|d| d.kernel)
                .collect()
        };
        let plain = kernels(&recipe(0, 0.0));
        assert!(!plain.contains(&"input") && !plain.contains(&"dropout"));
        let modern = kernels(&recipe(1, 0.25));
        assert!(modern.contains(&"input") && modern.contains(&"dropout"));
        assert_eq!(modern.last(), Some(&"tally"));
    }

    #[test]
    fn a_program_can_be_written_out() {
        let program = Program::new(&recipe(1, 0.25), 7_291, 2_007);
        let text = serde_json::to_string(&program).unwrap();
        assert!(text.contains("\"kernel\":\"h2_gradient\"") && text.contains("fn main"));
    }
}
