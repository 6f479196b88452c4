//! What a program is built for: which kernels, and what each of their uniforms is to say.

use serde::Serialize;

use super::compose::EXAMPLES_PER_CHUNK;
use super::tiling::{FORM, Tiling};
use crate::engine::Split;

/// Which kernels do a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// A kernel for each layer and direction; every tensor lies in device memory.
    Layered,
    /// Two kernels; what is between the images and the gradient never leaves a workgroup.
    Fused(Tiling),
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Layered => f.write_str("layered"),
            Self::Fused(tiling) => write!(f, "fused:{tiling}"),
        }
    }
}

impl std::str::FromStr for Variant {
    type Err = String;

    /// What `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("fused:") {
            _ if text == "layered" => Ok(Self::Layered),
            Some(tiling) => tiling.parse().map(Self::Fused),
            None => Err(format!("found {text:?}, expected layered or fused:{FORM}")),
        }
    }
}

/// What a uniform is to say, but for what depends on the images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSpec {
    /// The uniform's buffer.
    pub name: String,
    /// The set it is about.
    #[serde(serialize_with = "split_name")]
    pub split: Split,
    /// The first example of the set that is meant.
    pub first: u32,
    /// Examples that are meant.
    pub examples: u32,
    /// Examples of the whole batch.
    pub batch: u32,
    /// The first row of `partial` that the dispatch fills, and the rows that all of them fill.
    pub first_row: u32,
    /// Rows of `partial` that all dispatches of the step fill.
    pub rows: u32,
    /// Whether images are shifted and units dropped, as in training.
    pub random: bool,
    /// Whether the gradient is wanted.
    pub learn: bool,
    /// Whether the step counter advances.
    pub advance: bool,
}

fn split_name<S: serde::Serializer>(split: &Split, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match split {
        Split::Train => "train",
        Split::Test => "test",
    })
}

/// A value's place: its buffer, and the first word there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The buffer's name.
    pub buffer: &'static str,
    /// The first word.
    pub first: u64,
}

impl RunSpec {
    /// What the uniform of this name, one of [`super::plan::RUNS`], says to the layered kernels on sets of so many examples.
    pub fn named(name: &str, train: usize, test: usize) -> Self {
        let training = name == "run_training";
        let split = if name == "run_test" {
            Split::Test
        } else {
            Split::Train
        };
        let examples = if split == Split::Test { test } else { train } as u32;
        Self {
            name: name.into(),
            split,
            first: 0,
            examples,
            batch: examples,
            first_row: 0,
            rows: examples.div_ceil(EXAMPLES_PER_CHUNK),
            random: training || name == "run_gradient",
            learn: training || name == "run_gradient",
            advance: training,
        }
    }
}
