//! A step with a dispatch per layer and direction: every tensor is stored in device memory.

use std::borrow::Cow;

use super::plan::{Buffer, BufferSpec, Dispatch, Plan, Program, Uniform, Usage};
use super::variant::Variant;
use super::{Sizes, shader};
use crate::engine::Split;
use crate::gpu::layout::quads::QUAD_TENSORS;
use crate::gpu::layout::sizes::{
    CLASS_QUADS, EXAMPLES_PER_CHUNK, H3_QUADS, LANES, MAP_QUADS, SLOTS,
};
use crate::gpu::layout::tiling::WeightPath;
use crate::gpu::wgsl::kernels::{self, Kernel, LAYERED};
use crate::gpu::wgsl::uniform::{Purpose, StepParams};
use crate::net::{
    H1_SIDE, H2_AREA, H2_SIDE, KERNEL, PADDED_PIXELS, PADDED_SIDE, PARAMETER_COUNT, PIXELS,
};
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};

/// Builds a plan dispatch by dispatch.
struct Builder<'a> {
    recipe: &'a Recipe,
    purpose: Purpose,
    examples: u32,
    dispatches: Vec<Dispatch>,
}

impl<'a> Builder<'a> {
    fn new(recipe: &'a Recipe, sizes: Sizes, purpose: Purpose) -> Self {
        let examples = match purpose.split() {
            Split::Train => sizes.train,
            Split::Test => sizes.test,
        };
        Self {
            recipe,
            purpose,
            examples: examples as u32,
            dispatches: Vec::new(),
        }
    }

    fn drops(&self) -> bool {
        self.purpose.learns() && self.recipe.dropout > 0.0
    }

    /// The buffer of a kernel's binding.
    fn buffer(&self, binding: &'static str) -> Buffer {
        match binding {
            "x" | "codes" | "labels" => Buffer::of_set(binding, self.purpose.split(), 0),
            // Without dropout H3 sees H2 itself.
            "dropped" if !self.drops() => Buffer::of("h2"),
            other => Buffer::of(other),
        }
    }

    fn add(&mut self, kernel: &'static Kernel, x: u32, y: u32) -> &mut Self {
        let storage = kernel.reads.iter().chain(kernel.writes);
        let params = std::iter::once(Buffer::of_params(self.purpose, 0));
        self.dispatches.push(Dispatch {
            kernel: Cow::Borrowed(kernel.name),
            buffers: params
                .chain(storage.map(|&name| self.buffer(name)))
                .collect(),
            workgroups: [x, y, 1],
        });
        self
    }

    /// A kernel with one invocation per example and `blocks` of units.
    fn examples(&mut self, kernel: &'static Kernel, blocks: usize) -> &mut Self {
        self.add(kernel, self.examples.div_ceil(LANES), blocks as u32)
    }

    /// A kernel with one workgroup per chunk of examples and `blocks` of parameters.
    fn chunks(&mut self, kernel: &'static Kernel, blocks: usize) -> &mut Self {
        let chunks = self.examples.div_ceil(EXAMPLES_PER_CHUNK);
        self.add(kernel, chunks, blocks as u32)
    }

    /// A kernel with one invocation per parameter.
    fn parameters(&mut self, kernel: &'static Kernel) -> &mut Self {
        self.add(kernel, (PARAMETER_COUNT as u32).div_ceil(LANES), 1)
    }

    fn input(&mut self) -> &mut Self {
        self.examples(&kernels::INPUT, PADDED_SIDE)
    }

    /// From the images to each example's loss; the input only where the images change.
    fn forward(&mut self) -> &mut Self {
        if self.recipe.shift > 0 && self.purpose.split() == Split::Train {
            self.input();
        }
        self.examples(&kernels::H1_FORWARD, MAP_QUADS * H1_SIDE * 2)
            .examples(&kernels::H2_FORWARD, MAP_QUADS * H2_SIDE);
        if self.drops() {
            self.examples(&kernels::DROPOUT, MAP_QUADS * H2_AREA);
        }
        self.examples(&kernels::H3_FORWARD, H3_QUADS / 2)
            .examples(&kernels::OUT_FORWARD, CLASS_QUADS)
            .examples(&kernels::LOSS, 1)
    }

    fn backward(&mut self) -> &mut Self {
        // Blocks of weights, then blocks of eight vectors of biases.
        let h1_blocks = MAP_QUADS * (KERNEL + H1_SIDE * H1_SIDE / 8);
        let h2_blocks = MAP_QUADS * (2 * KERNEL + H2_AREA / 8);
        let h3_blocks = MAP_QUADS * H2_AREA * 2 + 1;
        self.examples(&kernels::OUT_BACKWARD, H3_QUADS)
            .examples(&kernels::H3_BACKWARD, MAP_QUADS * H2_SIDE)
            .examples(&kernels::H2_BACKWARD, MAP_QUADS * H1_SIDE)
            .chunks(&kernels::OUT_GRADIENT, H3_QUADS + 1)
            .chunks(&kernels::H3_GRADIENT, h3_blocks)
            .chunks(&kernels::H2_GRADIENT, h2_blocks)
            .chunks(&kernels::H1_GRADIENT, h1_blocks)
            .parameters(&kernels::REDUCE_GRADIENT)
    }

    /// The update, with Muon of the matrices separately.
    fn update(&mut self) -> &mut Self {
        match self.recipe.optimizer {
            Optimizer::Sgd => self.parameters(&kernels::SGD),
            Optimizer::Muon => {
                self.parameters(&kernels::ADAMW)
                    .add(&kernels::MUON, MATRICES.len() as u32, 1)
            }
            _ => self.parameters(&kernels::ADAMW),
        }
    }

    fn tally(&mut self, name: &'static str) -> Plan {
        self.add(&kernels::TALLY, 1, 1).finish(name)
    }

    fn finish(&mut self, name: &'static str) -> Plan {
        Plan {
            name: Cow::Borrowed(name),
            dispatches: std::mem::take(&mut self.dispatches),
        }
    }
}

fn buffers(sizes: Sizes) -> Vec<BufferSpec> {
    let Sizes { train, test, .. } = sizes;
    let mut buffers = Vec::new();
    let mut storage = |buffer: Buffer, words: usize| {
        buffers.push(BufferSpec {
            buffer,
            bytes: 4 * words as u64,
            usage: Usage::Storage,
        });
    };
    for (split, examples) in [(Split::Train, train), (Split::Test, test)] {
        let of_set = |tensor| Buffer::of_set(tensor, split, 0);
        storage(of_set("codes"), PIXELS / 2 * examples);
        storage(of_set("labels"), examples);
        storage(of_set("x"), PADDED_PIXELS * examples);
    }
    let most = train.max(test);
    for tensor in QUAD_TENSORS {
        // Both sets share the forward buffers; only the training set goes backward.
        let backward = tensor.name.starts_with("d_") && tensor.name != "d_out";
        let training_only = backward || ["factors", "dropped"].contains(&tensor.name);
        let floats = tensor.floats(if training_only { train } else { most });
        storage(Buffer::of(tensor.name), floats);
    }
    let chunks = train.div_ceil(EXAMPLES_PER_CHUNK as usize);
    for (name, words) in [
        ("example_loss", most),
        ("missed", most),
        ("partial", chunks * PARAMETER_COUNT),
        ("gradient", PARAMETER_COUNT),
        ("parameters", PARAMETER_COUNT),
        ("first_moment", PARAMETER_COUNT),
        ("second_moment", PARAMETER_COUNT),
        ("schedule", 4 * SLOTS as usize),
        ("losses", SLOTS as usize),
        ("packed_index", PARAMETER_COUNT),
        ("progress", 2),
        ("totals", 2),
    ] {
        storage(Buffer::of(name), words);
    }
    buffers
}

/// The layered program of a recipe.
pub(super) fn program(recipe: &Recipe, sizes: Sizes) -> Program {
    let builder = |purpose| Builder::new(recipe, sizes, purpose);
    let mut prepare = builder(Purpose::EvaluateTrain).input().finish("prepare");
    let test_input = builder(Purpose::EvaluateTest).input().finish("prepare");
    prepare.dispatches.extend(test_input.dispatches);
    let mut training = builder(Purpose::Training);
    let training = training.forward().backward().update().tally("training");
    let mut gradient = builder(Purpose::Gradient);
    let gradient = gradient.forward().backward().tally("gradient");
    let evaluate = |purpose, name| builder(purpose).forward().tally(name);
    let evaluate_train = evaluate(Purpose::EvaluateTrain, "evaluate-train");
    let evaluate_test = evaluate(Purpose::EvaluateTest, "evaluate-test");
    let used = |kernel: &Kernel| {
        let mut dispatches = prepare.dispatches.iter().chain(&training.dispatches);
        dispatches.any(|dispatch| dispatch.kernel == kernel.name)
    };
    let shaders = LAYERED.into_iter().filter(|kernel| used(kernel));
    let shaders = shaders.map(|kernel| shader(kernel, recipe, "", WeightPath::Storage));
    let uniforms = Purpose::ALL.map(|purpose| Uniform {
        buffer: Buffer::of_params(purpose, 0),
        params: StepParams::of(purpose, builder(purpose).examples as usize),
    });
    let mut buffers = buffers(sizes);
    buffers.extend(uniforms.iter().map(|uniform| uniform.spec(recipe)));
    Program {
        buffers,
        shaders: shaders.collect(),
        uniforms: uniforms.into(),
        variant: Variant::Layered,
        prepare,
        training,
        gradient,
        evaluate_train,
        evaluate_test,
    }
}
