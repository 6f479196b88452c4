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
        /// One example at a time, to the essay's stage 0's misses in few epochs: ReLU, cross-entropy, SGD with momentum.
        PerExample = "per-example",
        /// The same from the closed-form start.
        PerExampleClosedForm = "per-example-closed-form",
        /// The whole set at once, to the essay's stage 0's misses in the fewest steps: ReLU, cross-entropy, whitened Muon
        /// from the closed-form start.
        FullBatch = "full-batch",
        /// The same from drawn weights.
        FullBatchRandom = "full-batch-random",
        /// The same from drawn weights, by Muon.
        FullBatchMuon = "full-batch-muon",
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
            RecipeName::PerExample => Self::searched_per_example(),
            RecipeName::PerExampleClosedForm => Self {
                length: Length::Epochs(4),
                start: Start::ClosedForm,
                curvature_sample: 512,
                learning_rate: 0.0042,
                final_learning_rate: 0.000092,
                warmup: 0,
                ..Self::searched_per_example()
            },
            RecipeName::FullBatch => Self {
                start: Start::ClosedForm,
                ..Self::whitened_muon(4, [0.18, 0.029, 0.0, 0.2, 0.041])
            },
            RecipeName::FullBatchRandom => Self {
                warmup: 3,
                curvature_sample: 384,
                statistics_every: 3,
                ..Self::whitened_muon(20, [0.26, 0.047, 0.48, 0.5, 0.053])
            },
            RecipeName::FullBatchMuon => Self {
                activation: Activation::Relu,
                ..Self::muon(65, [0.029, 0.0029, 2.9, 0.8, 0.9, 0.9], Cosine, 7)
            },
            RecipeName::FullBatch1989 => Self {
                loss: Loss::Mse,
                ..Self::muon(150, [0.015, 0.0015, 2.4, 0.7, 0.95, 0.9], Linear, 30)
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
                ..Self::muon(300, [0.01, 0.0001, 0.85, 0.7, 0.85, 0.95], Linear, 30)
            },
            RecipeName::FullBatchModern => Self {
                activation: Activation::Relu,
                shift: 1,
                dropout: 0.25,
                ..Self::muon(400, [0.026, 0.00078, 0.36, 0.9, 0.9, 0.95], Cosine, 80)
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

    /// The fewest epochs of batch 1 to stage 0's misses, with the numbers that `gpu-train search` found as for the full batch:
    /// as many candidates, the same validation digits (results/search-per-example.jsonl).
    fn searched_per_example() -> Self {
        Self {
            length: Length::Epochs(5),
            activation: Activation::Relu,
            learning_rate: 0.013,
            final_learning_rate: 0.00029,
            momentum: 0.5,
            weight_decay: 0.002,
            schedule: Linear,
            warmup: 1_094,
            ..Self::softmax()
        }
    }

    /// N full-batch steps of whitened Muon on ReLU and cross-entropy, with numbers found as for [`Recipe::muon`], on
    /// MNIST's digits outside the training set: peak and final rate, weight decay, momentum and damping.
    fn whitened_muon(
        steps: u64,
        [
            learning_rate,
            final_learning_rate,
            weight_decay,
            momentum,
            damping,
        ]: [f64; 5],
    ) -> Self {
        let numbers = [
            learning_rate,
            final_learning_rate,
            weight_decay,
            momentum,
            0.9,
            0.999,
        ];
        Self {
            optimizer: Optimizer::WhitenedMuon,
            activation: Activation::Relu,
            damping,
            curvature_sample: 512,
            ..Self::muon(steps, numbers, Linear, 0)
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
