//! A step as data: which buffers there are, which kernels run over them, and in which order.

pub mod contents;
pub mod fit;
mod fused;
mod layered;
pub mod plan;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::layout::tiling::{FORM, Tiling, WeightPath};
use super::layout::whitening::{MEANS, WHITENING};
use super::wgsl::compose;
use super::wgsl::kernels::{self, Kernel};
use crate::error::{Error, Result};
use crate::net::{LAYERS, PARAMETER_COUNT};
use crate::recipe::muon::MATRICES;
use crate::recipe::{Batch, Optimizer, Recipe};
use plan::{Access, Binding, Buffer, BufferSpec, Dispatch, Program, Shader, Uniform, Usage};

/// The kernels that do a step, as `--kernels` takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// A kernel for each layer and direction; every tensor is stored in device memory.
    Layered,
    /// Two kernels; what is between the images and the gradient never leaves a workgroup.
    Fused(Tiling),
}

impl Variant {
    /// True if its kernels are checked at run time.
    pub fn has_checks(&self) -> bool {
        match self {
            Self::Layered => true,
            Self::Fused(tiling) => tiling.checks,
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Layered => f.write_str("layered"),
            Self::Fused(tiling) => write!(f, "fused:{tiling}"),
        }
    }
}

impl std::str::FromStr for Variant {
    type Err = String;

    /// Parses the output of `Display`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.strip_prefix("fused:") {
            _ if text == "layered" => Ok(Self::Layered),
            Some(tiling) => tiling.parse().map(Self::Fused),
            None => Err(format!("found {text:?}, expected layered or fused:{FORM}")),
        }
    }
}

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
    /// [`Error::Usage`] if the recipe's updates see one example each, or its optimizer is not for the full batch.
    pub fn build(recipe: &Recipe, sizes: Sizes, variant: Variant) -> Result<Self> {
        check_recipe(recipe)?;
        let mut program = match variant {
            Variant::Layered => layered::program(recipe, sizes),
            Variant::Fused(tiling) => fused::program(recipe, sizes, tiling),
        };
        for Uniform { buffer, params } in &program.uniforms {
            program.buffers.push(BufferSpec {
                buffer: buffer.clone(),
                bytes: 4 * params.words(recipe, 1).len() as u64,
                usage: Usage::Uniform,
            });
        }
        Ok(program)
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

/// A kernel with its workgroups in x and y.
type Run = (&'static Kernel, [u32; 2]);

/// The kernels that step matrices, as both variants run them after a step's gradient.
fn of_matrices(optimizer: Optimizer) -> Vec<Run> {
    let matrices = [MATRICES.len() as u32, 1];
    let rows = [LAYERS.iter().map(|layer| layer.rows() as u32).sum(), 1];
    match optimizer {
        Optimizer::Muon => vec![(&kernels::MUON, matrices)],
        Optimizer::WhitenedMuon => vec![
            (&kernels::WHITEN, rows),
            (&kernels::ORTHOGONAL, matrices),
            (&kernels::UNWHITEN, rows),
        ],
        _ => Vec::new(),
    }
}

/// The buffers of those kernels alone.
fn buffers_of_matrices(optimizer: Optimizer) -> Vec<BufferSpec> {
    let whitened = [
        ("packed_index", PARAMETER_COUNT),
        ("whitening", WHITENING),
        ("means", MEANS),
        ("whitened", PARAMETER_COUNT),
    ];
    let count = match optimizer {
        Optimizer::Muon => 1,
        Optimizer::WhitenedMuon => whitened.len(),
        _ => 0,
    };
    let specs = whitened[..count].iter();
    specs
        .map(|&(name, floats)| BufferSpec::storage(Buffer::of(name), 4 * floats as u64))
        .collect()
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
        wgsl: compose(recipe, own, kernel.parts, kernel.source),
        bindings: params.chain(reads).chain(writes).collect(),
    }
}

/// A dispatch of a kernel over workgroups in x and y; `buffer` gives the buffer of each of its bindings after `params`.
fn dispatch(
    kernel: &'static Kernel,
    params: Buffer,
    [x, y]: [u32; 2],
    buffer: impl Fn(&'static str) -> Buffer,
) -> Dispatch {
    let storage = kernel.reads.iter().chain(kernel.writes);
    let storage = storage.map(|&name| buffer(name));
    Dispatch {
        kernel: Cow::Borrowed(kernel.name),
        buffers: std::iter::once(params).chain(storage).collect(),
        workgroups: [x, y, 1],
    }
}
