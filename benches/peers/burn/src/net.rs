//! The net in burn, channels first.

use burn::module::Param;
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::activation::{log_softmax, relu, tanh};
use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, PadMode};

use crate::read;
use crate::work::{SHAPES, Tensors, Work};

/// The weights under the reproduction's names.
#[derive(Module, Debug)]
pub struct Net {
    h1w: Param<Tensor<4>>,
    h1b: Param<Tensor<3>>,
    h2w: Param<Tensor<4>>,
    h2b: Param<Tensor<3>>,
    h3w: Param<Tensor<2>>,
    h3b: Param<Tensor<1>>,
    outw: Param<Tensor<2>>,
    outb: Param<Tensor<1>>,
}

fn parameter<const D: usize>(tensors: &Tensors, at: usize, device: &Device) -> Param<Tensor<D>> {
    let (name, shape) = SHAPES[at];
    let values: Vec<f32> = tensors[name].iter().map(|&value| value as f32).collect();
    let data = TensorData::new(values, shape.to_vec());
    Param::from_data(data, device)
}

fn pad(x: Tensor<4>) -> Tensor<4> {
    x.pad((2, 2, 2, 2), PadMode::Constant(-1.0))
}

fn convolve(x: Tensor<4>, kernel: Tensor<4>) -> Tensor<4> {
    conv2d(x, kernel, None, ConvOptions::new([2, 2], [0, 0], [1, 1], 1))
}

/// H2's kernels over all twelve maps, zero where a map is not connected.
fn dense(kernel: Tensor<4>) -> Tensor<4> {
    let zeros = || Tensor::<4>::zeros([4, 4, 5, 5], &kernel.device());
    let rows = |first: usize| kernel.clone().slice(s![first..first + 4]);
    let third = rows(8);
    let blocks = [
        vec![rows(0), zeros()],
        vec![zeros(), rows(4)],
        vec![
            third.clone().slice(s![.., 0..4]),
            zeros(),
            third.slice(s![.., 4..8]),
        ],
    ];
    let rows = blocks.into_iter().map(|row| Tensor::cat(row, 1)).collect();
    Tensor::cat(rows, 0)
}

/// H2 as three convolutions, each over the eight maps that it reads.
fn grouped(h1: Tensor<4>, kernel: Tensor<4>) -> Tensor<4> {
    let maps = |from: usize, to: usize| h1.clone().slice(s![.., from..to]);
    let seen = [
        maps(0, 8),
        maps(4, 12),
        Tensor::cat(vec![maps(0, 4), maps(8, 12)], 1),
    ];
    let outs = seen.into_iter().enumerate().map(|(group, x)| {
        let first = 4 * group;
        convolve(x, kernel.clone().slice(s![first..first + 4]))
    });
    Tensor::cat(outs.collect(), 1)
}

impl Net {
    pub fn new(tensors: &Tensors, device: &Device) -> Self {
        Self {
            h1w: parameter(tensors, 0, device),
            h1b: parameter(tensors, 1, device),
            h2w: parameter(tensors, 2, device),
            h2b: parameter(tensors, 3, device),
            h3w: parameter(tensors, 4, device),
            h3b: parameter(tensors, 5, device),
            outw: parameter(tensors, 6, device),
            outb: parameter(tensors, 7, device),
        }
    }

    /// The sum of these examples' losses.
    pub fn loss(
        &self,
        images: Tensor<4>,
        targets: Tensor<2>,
        work: &Work,
        is_dense: bool,
    ) -> Tensor<1> {
        let activate4 = |x: Tensor<4>| if work.relu() { relu(x) } else { tanh(x) };
        let h1 = convolve(pad(images), self.h1w.val()) + self.h1b.val().unsqueeze::<4>();
        let h1 = pad(activate4(h1));
        let sums = if is_dense {
            convolve(h1, dense(self.h2w.val()))
        } else {
            grouped(h1, self.h2w.val())
        };
        let h2: Tensor<2> = activate4(sums + self.h2b.val().unsqueeze::<4>()).flatten(1, 3);
        let h3 = h2.matmul(self.h3w.val()) + self.h3b.val().unsqueeze::<2>();
        let h3 = if work.relu() { relu(h3) } else { tanh(h3) };
        let out = h3.matmul(self.outw.val()) + self.outb.val().unsqueeze::<2>();
        if work.cross_entropy() {
            -(log_softmax(out, 1) * targets).sum()
        } else {
            (tanh(out) - targets).square().sum() / 10.0
        }
    }

    /// Waits for the last step.
    pub fn wait(&self) {
        read(self.outb.val().inner());
    }

    pub fn values(&self) -> Tensors {
        [
            ("H1w", read(self.h1w.val().inner())),
            ("H1b", read(self.h1b.val().inner())),
            ("H2w", read(self.h2w.val().inner())),
            ("H2b", read(self.h2b.val().inner())),
            ("H3w", read(self.h3w.val().inner())),
            ("H3b", read(self.h3b.val().inner())),
            ("outw", read(self.outw.val().inner())),
            ("outb", read(self.outb.val().inner())),
        ]
        .into()
    }

    pub fn gradients(&self, gradients: &GradientsParams) -> Tensors {
        fn of<const D: usize>(
            gradients: &GradientsParams,
            parameter: &Param<Tensor<D>>,
        ) -> Vec<f64> {
            gradients.get::<D>(parameter.id).map_or(vec![], read)
        }
        [
            ("H1w", of(gradients, &self.h1w)),
            ("H1b", of(gradients, &self.h1b)),
            ("H2w", of(gradients, &self.h2w)),
            ("H2b", of(gradients, &self.h2b)),
            ("H3w", of(gradients, &self.h3w)),
            ("H3b", of(gradients, &self.h3b)),
            ("outw", of(gradients, &self.outw)),
            ("outb", of(gradients, &self.outb)),
        ]
        .into()
    }
}
