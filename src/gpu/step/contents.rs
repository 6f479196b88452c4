//! Contents of a program's buffers: what they hold before the first step, and where the values of a run are.

use std::ops::Range;

use super::Variant;
use super::plan::{Buffer, Program, Uniform};
use crate::data::{Dataset, Digits};
use crate::engine::{Split, State};
use crate::gpu::layout::packing::{self, PACKED_VECTORS};
use crate::gpu::layout::quads::{QUAD_TENSORS, packed_codes};
use crate::gpu::layout::sizes::{CODE_BYTES, LOSSES, SLOTS, TOTAL_LOSS};
use crate::gpu::layout::whitening;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::{Optimizer, Recipe};
use crate::whitening::Whitening;

/// A value of a run that the host writes or reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// The parameters, in the layout of [`Variant::pack`], as the next three.
    Parameters,
    /// First moments of the update rule.
    FirstMoment,
    /// Second moments.
    SecondMoment,
    /// The last gradient.
    Gradient,
    /// The scalars of the next steps, a vector of four each: [`Program::write_schedule`].
    Schedule,
    /// The step, and the slot in schedule and losses.
    Progress,
    /// Sum of the losses as the bits of an f32, and the misses.
    Totals,
    /// Mean loss of each step of this schedule.
    Losses,
}

/// Words of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferRange {
    /// The buffer.
    pub buffer: Buffer,
    /// The first word.
    pub first: u64,
    /// The number of words.
    pub words: usize,
}

impl Variant {
    /// Parameters in the order of the device.
    pub fn pack(self, parameters: &Parameters) -> Vec<f32> {
        match self {
            Self::Layered => parameters.flat().to_vec(),
            Self::Fused(_) => packing::pack(parameters),
        }
    }

    /// Parameters from words in the order of the device.
    ///
    /// # Panics
    /// If there are too few words.
    pub fn unpack(self, words: &[u32]) -> Parameters {
        let floats: Vec<f32> = words.iter().map(|&bits| f32::from_bits(bits)).collect();
        match self {
            Self::Layered => Parameters::from_flat(floats),
            Self::Fused(_) => packing::unpack(&floats),
        }
    }
}

/// Receives a buffer, its first word that is written, and the words.
pub type Write<'a> = &'a mut dyn FnMut(&Buffer, u64, &[u32]);

impl Program {
    /// The words of a value.
    pub fn range(&self, value: Value) -> BufferRange {
        let fused = self.variant != Variant::Layered;
        let parameters = if fused {
            4 * PACKED_VECTORS
        } else {
            PARAMETER_COUNT
        };
        let (buffer, first, words) = match value {
            Value::Parameters => ("parameters", 0, parameters),
            Value::FirstMoment if fused => ("moments", 0, parameters),
            Value::FirstMoment => ("first_moment", 0, parameters),
            Value::SecondMoment if fused => ("moments", parameters, parameters),
            Value::SecondMoment => ("second_moment", 0, parameters),
            Value::Gradient => ("gradient", 0, parameters),
            Value::Schedule => ("schedule", 0, 4 * SLOTS as usize),
            Value::Progress => ("progress", 0, 2),
            Value::Totals if fused => ("progress", TOTAL_LOSS, 2),
            Value::Totals => ("totals", 0, 2),
            Value::Losses if fused => ("progress", LOSSES, SLOTS as usize),
            Value::Losses => ("losses", 0, SLOTS as usize),
        };
        BufferRange {
            buffer: Buffer::of(buffer),
            first: first as u64,
            words,
        }
    }

    /// Writes what no step changes: images, labels, uniforms and tables.
    pub fn write_constants(&self, recipe: &Recipe, digits: &Digits, write: Write) {
        for (split, set) in [(Split::Train, &digits.train), (Split::Test, &digits.test)] {
            self.write_set(split, set, write);
        }
        if recipe.dropout == 0.0 && self.variant == Variant::Layered {
            let factors = QUAD_TENSORS.iter().find(|tensor| tensor.name == "factors");
            let count = factors.map_or(0, |tensor| tensor.floats(digits.train.len()));
            write(&Buffer::of("factors"), 0, &vec![1f32.to_bits(); count]);
        }
        if matches!(recipe.optimizer, Optimizer::Muon | Optimizer::WhitenedMuon) {
            let indices = match self.variant {
                Variant::Layered => (0..PARAMETER_COUNT as u32).collect(),
                Variant::Fused(_) => packing::packed_indices(),
            };
            write(&Buffer::of("packed_index"), 0, &indices);
        }
        for Uniform { buffer, params } in &self.uniforms {
            let set = match params.purpose.split() {
                Split::Test => &digits.test,
                Split::Train => &digits.train,
            };
            write(buffer, 0, &params.words(recipe, set.denominator()));
        }
    }

    /// Writes codes and labels, into as many buffers as there are shards.
    fn write_set(&self, split: Split, set: &Dataset, write: Write) {
        let mut first = 0;
        for spec in &self.buffers {
            if spec.buffer.tensor != "codes" || spec.buffer.split != Some(split) {
                continue;
            }
            let examples = first..first + (spec.bytes / CODE_BYTES) as usize;
            first = examples.end;
            let labels = set.labels()[examples.clone()].iter();
            let labels: Vec<u32> = labels.map(|&label| label.into()).collect();
            write(&spec.buffer, 0, &packed_codes(set, examples));
            let shard = spec.buffer.shard;
            write(&Buffer::of_set("labels", split, shard), 0, &labels);
        }
    }

    /// Writes a state: parameters, moments and the step.
    pub fn write_state(&self, state: &State, write: Write) {
        for (value, parameters) in [
            (Value::Parameters, &state.parameters),
            (Value::FirstMoment, &state.first_moment),
            (Value::SecondMoment, &state.second_moment),
        ] {
            let range = self.range(value);
            let floats = self.variant.pack(parameters);
            write(&range.buffer, range.first, bytemuck::cast_slice(&floats));
        }
        self.write_progress(state.step, write);
    }

    /// Writes whitened Muon's statistics. A host writes them before each step at which
    /// [`Recipe::statistics_are_due`], of the parameters at that step.
    pub fn write_whitening(&self, whitening: &Whitening, write: Write) {
        let (means, matrices) = whitening::packed(whitening);
        for (name, floats) in [("means", means), ("whitening", matrices)] {
            write(&Buffer::of(name), 0, bytemuck::cast_slice(&floats));
        }
    }

    /// Writes the step, and the first slot.
    fn write_progress(&self, step: u32, write: Write) {
        let range = self.range(Value::Progress);
        write(&range.buffer, range.first, &[step, 0]);
    }

    /// Writes the schedule of up to [`SLOTS`] steps of a run on a training set of this size, and the first of them.
    pub fn write_schedule(&self, recipe: &Recipe, steps: Range<u32>, train: usize, write: Write) {
        let scalars = steps.clone().flat_map(|step| {
            let of = recipe.step_scalars(u64::from(step), train);
            let second_moment = of.second_moment_scale;
            let vector = [of.step_size, second_moment, of.shrink, of.learning_rate];
            vector.map(|value| (value as f32).to_bits())
        });
        let range = self.range(Value::Schedule);
        write(&range.buffer, range.first, &scalars.collect::<Vec<_>>());
        self.write_progress(steps.start, write);
    }
}
