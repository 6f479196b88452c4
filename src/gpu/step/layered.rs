//! A step with a dispatch per layer and direction: every tensor is stored in device memory.

use std::borrow::Cow;

use super::plan::{Buffer, BufferSpec, Dispatch, Plan, Program, Uniform};
use super::{Run, Sizes, Variant, buffers_of_matrices, dispatch, of_matrices, shader};
use crate::engine::Split;
use crate::gpu::layout::quads::QUAD_TENSORS;
use crate::gpu::layout::sizes::{
    CLASS_QUADS, EXAMPLES_PER_CHUNK, H3_QUADS, LANES, MAP_QUADS, SLOTS,
};
use crate::gpu::layout::tiling::WeightPath;
use crate::gpu::wgsl::kernels::{self, Kernel, LAYERED};
use crate::gpu::wgsl::uniform::{Purpose, StepParams};
use crate::named::Named;
use crate::net::{
    H1_SIDE, H2_AREA, H2_SIDE, KERNEL, PADDED_PIXELS, PADDED_SIDE, PARAMETER_COUNT, PIXELS,
};
use crate::recipe::{Optimizer, Recipe};

/// Plans of a recipe over one set.
struct Builder<'a> {
    recipe: &'a Recipe,
    purpose: Purpose,
    examples: u32,
}

impl Builder<'_> {
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

    fn dispatch(&self, (kernel, workgroups): Run) -> Dispatch {
        let params = Buffer::of_params(self.purpose, 0);
        dispatch(kernel, params, workgroups, |name| self.buffer(name))
    }

    /// One invocation per example, for `blocks` of units.
    fn examples(&self, blocks: usize) -> [u32; 2] {
        [self.examples.div_ceil(LANES), blocks as u32]
    }

    fn input(&self) -> Run {
        (&kernels::INPUT, self.examples(PADDED_SIDE))
    }

    /// From the images to each example's loss; the input only where the images change.
    fn forward(&self) -> Vec<Run> {
        let input = self.recipe.shift > 0 && self.purpose.split() == Split::Train;
        let dropout = (&kernels::DROPOUT, self.examples(MAP_QUADS * H2_AREA));
        let mut runs = Vec::from_iter(input.then(|| self.input()));
        runs.extend([
            (&kernels::H1_FORWARD, self.examples(MAP_QUADS * H1_SIDE * 2)),
            (&kernels::H2_FORWARD, self.examples(MAP_QUADS * H2_SIDE)),
        ]);
        runs.extend(self.drops().then_some(dropout));
        runs.extend([
            (&kernels::H3_FORWARD, self.examples(H3_QUADS / 2)),
            (&kernels::OUT_FORWARD, self.examples(CLASS_QUADS)),
            (&kernels::LOSS, self.examples(1)),
        ]);
        runs
    }

    fn backward(&self) -> [Run; 8] {
        // One workgroup per chunk of examples and block of parameters.
        let chunks = self.examples.div_ceil(EXAMPLES_PER_CHUNK);
        let chunks = |blocks: usize| [chunks, blocks as u32];
        // Blocks of weights, then blocks of eight vectors of biases.
        let h1_blocks = MAP_QUADS * (KERNEL + H1_SIDE * H1_SIDE / 8);
        let h2_blocks = MAP_QUADS * (2 * KERNEL + H2_AREA / 8);
        let h3_blocks = MAP_QUADS * H2_AREA * 2 + 1;
        [
            (&kernels::OUT_BACKWARD, self.examples(H3_QUADS)),
            (&kernels::H3_BACKWARD, self.examples(MAP_QUADS * H2_SIDE)),
            (&kernels::H2_BACKWARD, self.examples(MAP_QUADS * H1_SIDE)),
            (&kernels::OUT_GRADIENT, chunks(H3_QUADS + 1)),
            (&kernels::H3_GRADIENT, chunks(h3_blocks)),
            (&kernels::H2_GRADIENT, chunks(h2_blocks)),
            (&kernels::H1_GRADIENT, chunks(h1_blocks)),
            (&kernels::REDUCE_GRADIENT, PER_PARAMETER),
        ]
    }

    fn plan(&self) -> Plan {
        let mut runs = self.forward();
        if self.purpose.learns() {
            runs.extend(self.backward());
        }
        if self.purpose == Purpose::Training {
            runs.extend(match self.recipe.optimizer {
                Optimizer::Sgd => Some((&kernels::SGD, PER_PARAMETER)),
                // With Muon of the biases.
                Optimizer::AdamW | Optimizer::Muon => Some((&kernels::ADAMW, PER_PARAMETER)),
                Optimizer::WhitenedMuon => None,
                Optimizer::DiagonalNewton => unreachable!("refused when the program was built"),
            });
            runs.extend(of_matrices(self.recipe.optimizer));
        }
        runs.push((&kernels::TALLY, [1, 1]));
        let dispatches = runs.into_iter().map(|run| self.dispatch(run));
        Plan {
            name: Cow::Borrowed(self.purpose.name()),
            dispatches: dispatches.collect(),
        }
    }
}

/// Workgroups of a kernel with one invocation per parameter.
const PER_PARAMETER: [u32; 2] = [(PARAMETER_COUNT as u32).div_ceil(LANES), 1];

fn buffers(sizes: Sizes, optimizer: Optimizer) -> Vec<BufferSpec> {
    let Sizes { train, test, .. } = sizes;
    let mut buffers = Vec::new();
    let mut storage = |buffer: Buffer, words: usize| {
        buffers.push(BufferSpec::storage(buffer, 4 * words as u64));
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
        ("progress", 2),
        ("totals", 2),
    ] {
        storage(Buffer::of(name), words);
    }
    buffers.extend(buffers_of_matrices(optimizer));
    buffers
}

/// The layered program of a recipe, without the uniform buffers, which `Program::build` adds.
pub(super) fn program(recipe: &Recipe, sizes: Sizes) -> Program {
    let builder = |purpose: Purpose| {
        let examples = match purpose.split() {
            Split::Train => sizes.train as u32,
            Split::Test => sizes.test as u32,
        };
        Builder {
            recipe,
            purpose,
            examples,
        }
    };
    let input = |purpose| builder(purpose).dispatch(builder(purpose).input());
    let prepare = Plan {
        name: Cow::Borrowed("prepare"),
        dispatches: [Purpose::EvaluateTrain, Purpose::EvaluateTest]
            .map(input)
            .into(),
    };
    let training = builder(Purpose::Training).plan();
    let used = |kernel: &Kernel| {
        let mut dispatches = prepare.dispatches.iter().chain(&training.dispatches);
        dispatches.any(|dispatch| dispatch.kernel == kernel.name)
    };
    let shaders = LAYERED.into_iter().filter(|kernel| used(kernel));
    let shaders = shaders.map(|kernel| shader(kernel, recipe, "", WeightPath::Storage));
    let purposes = Purpose::TABLE.iter().map(|entry| entry.value);
    let uniforms = purposes.map(|purpose| Uniform {
        buffer: Buffer::of_params(purpose, 0),
        params: StepParams::of(purpose, builder(purpose).examples as usize),
    });
    Program {
        buffers: buffers(sizes, recipe.optimizer),
        shaders: shaders.collect(),
        uniforms: uniforms.collect(),
        variant: Variant::Layered,
        prepare,
        training,
        gradient: builder(Purpose::Gradient).plan(),
        evaluate_train: builder(Purpose::EvaluateTrain).plan(),
        evaluate_test: builder(Purpose::EvaluateTest).plan(),
    }
}
