//! Inputs and expected outputs of a kernel, each value with its index in the device's buffers.

use std::collections::BTreeMap;

use gpu_train::gpu::layout::quads::{QUAD_TENSORS, QuadTensor};
use gpu_train::net::{PADDED_PIXELS, ParameterTensor};

use crate::common::compare::Tolerance;

/// Fills what a kernel reads where nothing is given: a NaN.
pub const UNREADABLE: u32 = 0xFFC0_DE5E;
/// Fills what a kernel writes where nothing is given: another NaN, since a sum keeps the bits of the NaN it is given.
pub const UNWRITTEN: u32 = 0xFFC1_7A1E;
/// Fills the words after the end of what a kernel writes: a number, since an update of a NaN would leave it unchanged.
pub const AFTER_END: u32 = 0x7B0D_1E5E;

/// The type of a word.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    F32,
    U32,
}

/// A tensor that must come out, row-major.
pub struct Expected {
    pub name: String,
    /// Index of each element in the buffer.
    pub at: Vec<usize>,
    pub values: Vec<f64>,
    pub number: Number,
    pub tolerance: Tolerance,
}

/// Contents and expectations, by the names of the kernel's bindings.
#[derive(Default)]
pub struct Setup {
    given: BTreeMap<&'static str, Vec<u32>>,
    expected: BTreeMap<&'static str, Vec<Expected>>,
    zeros: BTreeMap<&'static str, Vec<usize>>,
    unchecked: BTreeMap<&'static str, Vec<usize>>,
}

impl Setup {
    pub fn given(&self, binding: &str) -> Option<&[u32]> {
        self.given.get(binding).map(Vec::as_slice)
    }

    pub fn expected(&self, binding: &str) -> &[Expected] {
        self.expected.get(binding).map_or(&[], Vec::as_slice)
    }

    /// Indices of padding that must come out as zero.
    pub fn zeros(&self, binding: &str) -> &[usize] {
        self.zeros.get(binding).map_or(&[], Vec::as_slice)
    }

    /// Indices that may hold anything afterwards.
    pub fn unchecked(&self, binding: &str) -> &[usize] {
        self.unchecked.get(binding).map_or(&[], Vec::as_slice)
    }

    pub fn expect_zeros(&mut self, binding: &'static str, places: Vec<usize>) {
        self.zeros.entry(binding).or_default().extend(places);
    }

    pub fn leave_unchecked(&mut self, binding: &'static str, places: Vec<usize>) {
        self.unchecked.entry(binding).or_default().extend(places);
    }

    pub fn give_words(&mut self, binding: &'static str, words: Vec<u32>) {
        self.given.insert(binding, words);
    }

    pub fn give(&mut self, binding: &'static str, floats: &[f32]) {
        let words = floats.iter().map(|value| value.to_bits());
        self.give_words(binding, words.collect());
    }

    /// `[example][unit]`, put into quads; the spare floats of the last quad are zero, as the kernels leave them.
    pub fn give_rows(&mut self, binding: &'static str, rows: &[f32]) {
        let (tensor, examples) = tensor_of(binding, rows.len());
        let mut floats = vec![0f32; tensor.floats(examples)];
        for (&value, at) in rows.iter().zip(places(&tensor, examples)) {
            floats[at] = value;
        }
        self.give(binding, &floats);
    }

    /// `[example][pixel]`, put as `[pixel][example]`.
    pub fn give_images(&mut self, rows: &[f32]) {
        let mut floats = vec![0f32; rows.len()];
        for (&value, at) in rows.iter().zip(image_places(rows.len() / PADDED_PIXELS)) {
            floats[at] = value;
        }
        self.give("x", &floats);
    }

    pub fn expect(&mut self, binding: &'static str, expected: Expected) {
        self.expected.entry(binding).or_default().push(expected);
    }

    /// A whole buffer, from its start.
    pub fn expect_all(
        &mut self,
        binding: &'static str,
        values: Vec<f64>,
        number: Number,
        tolerance: Tolerance,
    ) {
        let expected = Expected {
            name: binding.into(),
            at: (0..values.len()).collect(),
            values,
            number,
            tolerance,
        };
        self.expect(binding, expected);
    }

    /// `[example][unit]`, found in quads; the spare floats of the last quad must be zero.
    pub fn expect_rows(&mut self, binding: &'static str, values: Vec<f64>, tolerance: Tolerance) {
        let (tensor, examples) = tensor_of(binding, values.len());
        let at = places(&tensor, examples);
        let mut spare = vec![true; tensor.floats(examples)];
        at.iter().for_each(|&place| spare[place] = false);
        let zeros = (0..spare.len()).filter(|&place| spare[place]).collect();
        self.zeros.insert(binding, zeros);
        let expected = Expected {
            name: binding.into(),
            at,
            values,
            number: Number::F32,
            tolerance,
        };
        self.expect(binding, expected);
    }

    /// `[example][pixel]`, found as `[pixel][example]`.
    pub fn expect_images(&mut self, values: Vec<f64>, tolerance: Tolerance) {
        let expected = Expected {
            name: "x".into(),
            at: image_places(values.len() / PADDED_PIXELS),
            values,
            number: Number::F32,
            tolerance,
        };
        self.expect("x", expected);
    }

    /// One number at one index.
    pub fn expect_one(
        &mut self,
        binding: &'static str,
        name: &str,
        at: usize,
        value: f64,
        (number, tolerance): (Number, Tolerance),
    ) {
        let expected = Expected {
            name: name.into(),
            at: vec![at],
            values: vec![value],
            number,
            tolerance,
        };
        self.expect(binding, expected);
    }

    /// A chunk's sum of one parameter tensor's gradient, whose first element is at `first`.
    pub fn expect_partial(
        &mut self,
        chunk: usize,
        tensor: &ParameterTensor,
        first: usize,
        values: Vec<f64>,
        tolerance: Tolerance,
    ) {
        let expected = Expected {
            name: format!("{} of chunk {chunk}", tensor.name),
            at: (first..first + values.len()).collect(),
            values,
            number: Number::F32,
            tolerance,
        };
        self.expect("partial", expected);
    }
}

fn tensor_of(binding: &str, values: usize) -> (QuadTensor, usize) {
    let tensor = QUAD_TENSORS.iter().find(|tensor| tensor.name == binding);
    let tensor = *tensor.expect("a tensor in quads");
    assert_eq!(values % tensor.units, 0, "whole examples");
    (tensor, values / tensor.units)
}

fn places(tensor: &QuadTensor, examples: usize) -> Vec<usize> {
    let examples_of = |example| (0..tensor.units).map(move |unit| (unit, example));
    let units = (0..examples).flat_map(examples_of);
    units
        .map(|(unit, example)| tensor.index(unit, example, examples))
        .collect()
}

fn image_places(examples: usize) -> Vec<usize> {
    let pixels = (0..examples).flat_map(|example| (0..PADDED_PIXELS).map(move |p| (p, example)));
    pixels.map(|(p, example)| p * examples + example).collect()
}
