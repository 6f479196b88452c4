//! The recipes known by name: the essay's stages, their full-batch forms, and the paper's own optimizer.

use super::Schedule::{Constant, Cosine, Linear};
use super::{Activation, Batch, Length, Loss, Optimizer, Recipe, Schedule, Start};
use crate::named::named;
use crate::net::Initialization;

named! {
    /// The recipes known by name.
    pub enum RecipeName {
        /// The essay's stage 0: tanh, MSE, SGD, 23 epochs.
        Reproduction = "reproduction" | "stage-0",
        /// The paper's optimizer on the essay's stage 0: tanh, MSE, diagonal Newton, 23 epochs.
        Newton1989 = "newton-1989",
        /// Stage 0 from smaller weights, within 2.4/F as the paper's PDF reads (the essay takes 2.4/√F).
        ReproductionPlain = "reproduction-plain",
        /// The paper's optimizer from these smaller weights.
        Newton1989Plain = "newton-1989-plain",
        /// Stage 1: softmax cross-entropy instead of MSE.
        Softmax = "softmax" | "stage-1",
        /// Stage 2: AdamW, 46 epochs.
        AdamW = "adamw" | "stage-2",
        /// Stage 3: images shifted by up to a pixel, 60 epochs.
        Augmentation = "augmentation" | "stage-3",
        /// Stage 4: ReLU and dropout in front of H3, 80 epochs.
        Dropout = "dropout" | "stage-4",
        /// The whole set at once, to the essay's stage 0's misses in few steps: ReLU, cross-entropy, Muon.
        FullBatch = "full-batch",
        /// Stage 0 over the whole set at once: tanh, MSE, Muon.
        FullBatch1989 = "full-batch-1989" | "full-batch-0",
        /// Stage 1 over the whole set at once: tanh, cross-entropy, SGD with momentum.
        FullBatchSoftmax = "full-batch-softmax" | "full-batch-1",
        /// Stage 2 over the whole set at once: AdamW.
        FullBatchAdamW = "full-batch-adamw" | "full-batch-2",
        /// Stage 3 over the whole set at once: images shifted by up to a pixel, Muon.
        FullBatchAugmentation = "full-batch-augmentation" | "full-batch-3",
        /// Stage 4 over the whole set at once: ReLU and dropout in front of H3, Muon.
        FullBatchModern = "full-batch-modern" | "full-batch-4",
    }
}

impl Recipe {
    /// The recipe of this name, with seed 1337 (the reproduction's).
    pub fn named(name: RecipeName) -> Self {
        let mut recipe = match name {
            RecipeName::Reproduction => Self::reproduction(),
            RecipeName::Newton1989 => Self {
                optimizer: Optimizer::DiagonalNewton,
                // Chosen on a validation split of the training set (every fifth example): of 40 random pairs, μ from
                // 0.0005 to 0.5 and η/μ from 0.01 to 1, the lowest mean over 12 seeds, 23 epochs
                // (docs/1989-optimizer.md).
                learning_rate: 0.0044,
                final_learning_rate: 0.0044,
                damping: 0.21,
                ..Self::reproduction()
            },
            RecipeName::ReproductionPlain => Self {
                initialization: Initialization::Plain,
                ..Self::reproduction()
            },
            RecipeName::Newton1989Plain => Self {
                initialization: Initialization::Plain,
                ..Self::named(RecipeName::Newton1989)
            },
            RecipeName::Softmax => Self::softmax(),
            RecipeName::AdamW => Self::adamw(),
            RecipeName::Augmentation => Self::augmentation(),
            RecipeName::Dropout => Self {
                length: Length::Epochs(80),
                activation: Activation::Relu,
                dropout: 0.25,
                ..Self::augmentation()
            },
            RecipeName::FullBatch => Self {
                activation: Activation::Relu,
                ..Self::muon(65, [0.029, 0.0029, 2.9, 0.8, 0.9, 0.9], Cosine, 7)
            },
            RecipeName::FullBatch1989 => Self {
                loss: Loss::Mse,
                ..Self::muon(150, [0.015, 0.0015, 3.1, 0.8, 0.85, 0.9], Linear, 5)
            },
            RecipeName::FullBatchSoftmax => Self {
                optimizer: Optimizer::Sgd,
                ..Self::muon(200, [0.4, 0.04, 0.000015, 0.9, 0.95, 0.9], Linear, 40)
            },
            RecipeName::FullBatchAdamW => Self {
                optimizer: Optimizer::AdamW,
                ..Self::muon(150, [0.028, 0.00028, 0.74, 0.0, 0.85, 0.95], Cosine, 30)
            },
            RecipeName::FullBatchAugmentation => Self {
                shift: 1,
                ..Self::muon(300, [0.017, 0.00051, 0.58, 0.7, 0.85, 0.98], Cosine, 30)
            },
            RecipeName::FullBatchModern => Self {
                activation: Activation::Relu,
                shift: 1,
                dropout: 0.25,
                ..Self::muon(400, [0.017, 0.00051, 0.58, 0.7, 0.85, 0.98], Cosine, 40)
            },
        };
        recipe.name = name.to_string();
        recipe
    }

    /// The essay's stage 0, without its name.
    fn reproduction() -> Self {
        Self {
            name: String::new(),
            batch: Batch::PerExample,
            length: Length::Epochs(23),
            activation: Activation::Tanh,
            loss: Loss::Mse,
            initialization: Initialization::Sqrt,
            start: Start::Uniform,
            optimizer: Optimizer::Sgd,
            learning_rate: 0.03,
            final_learning_rate: 0.03,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum: 0.0,
            damping: 0.02,
            curvature_sample: 500,
            statistics_every: 0,
            schedule: Constant,
            warmup: 0,
            shift: 0,
            dropout: 0.0,
            seed: 1337,
        }
    }

    /// Stage 1.
    fn softmax() -> Self {
        Self {
            loss: Loss::CrossEntropy,
            learning_rate: 0.01,
            final_learning_rate: 0.01,
            ..Self::reproduction()
        }
    }

    /// Stage 2.
    fn adamw() -> Self {
        Self {
            length: Length::Epochs(46),
            optimizer: Optimizer::AdamW,
            learning_rate: 3e-4,
            final_learning_rate: 1e-4,
            weight_decay: 0.01,
            schedule: Linear,
            ..Self::softmax()
        }
    }

    /// Stage 3.
    fn augmentation() -> Self {
        Self {
            length: Length::Epochs(60),
            shift: 1,
            ..Self::adamw()
        }
    }

    /// N full-batch steps of Muon on tanh and cross-entropy, with the numbers that `gpu-train search` found: peak
    /// and final rate, weight decay, momentum, β₁ and β₂. results/search-NAME.jsonl holds each search, candidates and
    /// all; the test set had no part in any.
    fn muon(
        steps: u64,
        [
            learning_rate,
            final_learning_rate,
            weight_decay,
            momentum,
            beta1,
            beta2,
        ]: [f64; 6],
        schedule: Schedule,
        warmup: u64,
    ) -> Self {
        Self {
            batch: Batch::Full,
            length: Length::Steps(steps),
            optimizer: Optimizer::Muon,
            learning_rate,
            final_learning_rate,
            weight_decay,
            momentum,
            beta1,
            beta2,
            schedule,
            warmup,
            ..Self::softmax()
        }
    }
}
