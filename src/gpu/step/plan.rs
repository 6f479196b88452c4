//! A step as data: the buffers, the shaders with their bindings, and the dispatches, built once, recorded as often as
//! needed.
//!
//! Nothing here is known to Rust only: written as JSON, a program can be replayed by any WebGPU host
//! (`tests/gpu/replay.rs` is one).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Variant;
use crate::engine::Split;
use crate::gpu::wgsl::uniform::{Purpose, StepParams};

/// A name that is either in the table of kernels or was read from a file.
pub type Name = Cow<'static, str>;

/// The identity of a buffer: its tensor, and, where it holds one set's data, the set and the shard of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Buffer {
    /// The tensor's name, as the kernels have it.
    pub tensor: Name,
    /// The set, for images and labels.
    pub split: Option<Split>,
    /// The shard of the set, counted from 0.
    pub shard: usize,
}

impl Buffer {
    /// The only buffer of a tensor.
    pub const fn of(tensor: &'static str) -> Self {
        Self {
            tensor: Cow::Borrowed(tensor),
            split: None,
            shard: 0,
        }
    }

    /// The buffer of a tensor for one shard of a set.
    pub fn of_set(tensor: &'static str, split: Split, shard: usize) -> Self {
        Self {
            split: Some(split),
            shard,
            ..Self::of(tensor)
        }
    }

    /// The uniform of a purpose for one shard of its set.
    pub fn of_params(purpose: Purpose, shard: usize) -> Self {
        let (tensor, split) = match purpose {
            Purpose::Training => ("params_training", None),
            Purpose::Gradient => ("params_gradient", None),
            Purpose::EvaluateTrain => ("params_evaluate", Some(Split::Train)),
            Purpose::EvaluateTest => ("params_evaluate", Some(Split::Test)),
        };
        Self {
            split,
            shard,
            ..Self::of(tensor)
        }
    }
}

/// `codes_train`, `codes_train_1`, `parameters`, …
impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.tensor)?;
        match self.split {
            Some(Split::Train) => f.write_str("_train")?,
            Some(Split::Test) => f.write_str("_test")?,
            None => {}
        }
        match self.shard {
            0 => Ok(()),
            shard => write!(f, "_{shard}"),
        }
    }
}

impl Serialize for Buffer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Buffer {
    /// Parses the output of `Display`; a name without a set or a shard is a tensor's.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let numbered = text.rsplit_once('_');
        let numbered = numbered.and_then(|(name, shard)| Some((name, shard.parse().ok()?)));
        let (name, shard) = numbered.unwrap_or((&text, 0));
        let sets = [("_train", Split::Train), ("_test", Split::Test)];
        let of = |(suffix, split)| Some((name.strip_suffix(suffix)?, Some(split)));
        let (tensor, split) = sets.into_iter().find_map(of).unwrap_or((name, None));
        Ok(Self {
            tensor: Cow::Owned(tensor.into()),
            split,
            shard,
        })
    }
}

/// The ways a buffer is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BufferSpec {
    /// Its identity, by which dispatches bind it.
    pub buffer: Buffer,
    /// Its size in bytes.
    pub bytes: u64,
    /// The ways it is bound.
    pub usage: Usage,
}

impl BufferSpec {
    /// A storage buffer.
    pub fn storage(buffer: Buffer, bytes: u64) -> Self {
        let usage = Usage::Storage;
        Self {
            buffer,
            bytes,
            usage,
        }
    }
}

/// A uniform's buffer and the parameters it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uniform {
    /// The buffer.
    pub buffer: Buffer,
    /// Its contents, but for what depends on the recipe and the images.
    pub params: StepParams,
}

/// The access of a shader to a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// A uniform buffer.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written, and may be read.
    Write,
}

/// A binding of a shader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The variable's name in WGSL.
    pub name: Name,
    /// The access to it.
    pub access: Access,
}

impl Binding {
    /// A binding of this name and access.
    pub const fn of(name: &'static str, access: Access) -> Self {
        let name = Cow::Borrowed(name);
        Self { name, access }
    }
}

/// A kernel's whole WGSL and its bindings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shader {
    /// The kernel's name; its entry point is `main`.
    pub kernel: Name,
    /// The WGSL.
    pub wgsl: String,
    /// Its bindings in group 0, in their order from 0.
    pub bindings: Vec<Binding>,
}

/// One kernel over a number of workgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The kernel's name.
    pub kernel: Name,
    /// The buffers of the shader's bindings, in their order.
    pub buffers: Vec<Buffer>,
    /// Workgroups in x, y and z.
    pub workgroups: [u32; 3],
}

/// Dispatches in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name, for labels.
    pub name: Name,
    /// The dispatches; each sees what those before it wrote.
    pub dispatches: Vec<Dispatch>,
}

impl Plan {
    /// True if a set goes through in shards: each dispatch may take a good part of the time after which drivers reset a device,
    /// and is a submission.
    pub fn is_split(&self) -> bool {
        let kernels = self.dispatches.iter().map(|dispatch| &dispatch.kernel);
        kernels
            .clone()
            .zip(kernels.skip(1))
            .any(|(kernel, next)| kernel == next)
    }
}

/// Everything that the device holds and does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// All buffers.
    pub buffers: Vec<BufferSpec>,
    /// All kernels of the plans.
    pub shaders: Vec<Shader>,
    /// Contents of the uniforms.
    pub uniforms: Vec<Uniform>,
    /// The kernels that do a step.
    pub variant: Variant,
    /// Run once, before anything else: the images that no step changes.
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

impl Program {
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

    /// The shader of a kernel.
    pub fn shader(&self, kernel: &str) -> Option<&Shader> {
        self.shaders.iter().find(|shader| shader.kernel == kernel)
    }

    /// The parameters in a dispatch's uniform.
    pub fn params(&self, dispatch: &Dispatch) -> Option<&StepParams> {
        let buffer = dispatch.buffers.first()?;
        let mut uniforms = self.uniforms.iter();
        let found = uniforms.find(|uniform| uniform.buffer == *buffer)?;
        Some(&found.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::layout::sizes::CODE_BYTES;
    use crate::gpu::step::Sizes;
    use crate::recipe::{Recipe, RecipeName};

    #[test]
    fn a_buffer_is_read_by_its_name() {
        for (buffer, name) in [
            (Buffer::of("first_moment"), "first_moment"),
            (Buffer::of_set("codes", Split::Train, 0), "codes_train"),
            (Buffer::of_set("labels", Split::Test, 12), "labels_test_12"),
            (Buffer::of_params(Purpose::Training, 1), "params_training_1"),
            (Buffer::of_params(Purpose::Gradient, 0), "params_gradient"),
            (
                Buffer::of_params(Purpose::EvaluateTrain, 0),
                "params_evaluate_train",
            ),
            (
                Buffer::of_params(Purpose::EvaluateTest, 2),
                "params_evaluate_test_2",
            ),
        ] {
            assert_eq!(buffer.to_string(), name);
            let read: Buffer = serde_json::from_value(name.into()).unwrap();
            assert_eq!(read, buffer);
        }
    }

    #[test]
    fn a_recipe_of_one_example_per_update_has_no_program() {
        let recipe = Recipe::named(RecipeName::Reproduction);
        let refused = Program::build(&recipe, Sizes::of(60, 30), Variant::Layered).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the gpu engine: found recipe reproduction with one example per update, expected the full batch"
        );
    }

    #[test]
    fn a_set_in_shards_splits_its_plans() {
        let recipe = Recipe::named(RecipeName::FullBatchMuon);
        let shape = "tile=4,lanes=96,groups=7,weights=uniform,input=kept".parse();
        let fused = Variant::Fused(shape.unwrap());
        // 60 training examples in one buffer of 60, or of 40; 30 to test on in one.
        for (examples, training_is_split) in [(60, false), (40, true)] {
            let sizes = Sizes {
                image_buffer_bytes: examples * CODE_BYTES,
                ..Sizes::of(60, 30)
            };
            let program = Program::build(&recipe, sizes, fused).unwrap();
            let found = program.plans().map(Plan::is_split);
            let expected = [
                false,
                training_is_split,
                training_is_split,
                training_is_split,
                false,
            ];
            assert_eq!(found, expected, "{examples}");
        }
    }
}
