//! Properties that hold for any digits, weights and seed, on the reference and both CPU engines.

use crate::common::{compare_parameters, random_digits, random_parameters, random_set};
use gpu_train::cpu::{FullBatch, PerExample};
use gpu_train::data::{Dataset, Digits};
use gpu_train::engine::{Engine, Split};
use gpu_train::net::{PADDED_SIDE, PADDING, Parameters, SIDE};
use gpu_train::recipe::{Activation, Batch, Length, Loss, Optimizer, Recipe, RecipeName};
use gpu_train::reference::{Reference, input};
use proptest::prelude::*;

fn any_net() -> impl Strategy<Value = (Activation, Loss)> {
    (
        prop_oneof![Just(Activation::Tanh), Just(Activation::Relu)],
        prop_oneof![Just(Loss::Mse), Just(Loss::CrossEntropy)],
    )
}

fn recipe(batch: Batch, (activation, loss): (Activation, Loss)) -> Recipe {
    Recipe {
        batch,
        activation,
        loss,
        ..Recipe::named(RecipeName::Reproduction)
    }
}

fn both_halves(set: Dataset) -> Digits {
    Digits {
        train: set.clone(),
        test: set,
        source: "random".into(),
    }
}

fn full_batch(set: Dataset, net: (Activation, Loss), start: &Parameters) -> FullBatch {
    FullBatch::new(both_halves(set), recipe(Batch::Full, net), start).unwrap()
}

/// Sum over examples of loss and gradient.
fn summed(set: &Dataset, net: (Activation, Loss), start: &Parameters) -> (f64, Parameters<f64>) {
    let (loss, gradient) = full_batch(set.clone(), net, start)
        .gradient()
        .expect("the CPU does not fail");
    let examples = set.len() as f64;
    (loss * examples, gradient.map(|v| f64::from(v) * examples))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shifting_back_restores_what_stayed_inside(seed: u64, down in -15i32..=15, right in -15i32..=15) {
        let set = random_set(1, seed);
        let there = input::<f64>(set.image_codes(0), set.denominator(), (down, right));
        let here = input::<f64>(set.image_codes(0), set.denominator(), (0, 0));
        let at = |image: &[f64], row: i32, column: i32| {
            let inside = 0..SIDE as i32;
            (inside.contains(&row) && inside.contains(&column)).then(|| {
                image[(row as usize + PADDING) * PADDED_SIDE + column as usize + PADDING]
            })
        };
        for row in 0..SIDE as i32 {
            for column in 0..SIDE as i32 {
                let moved = at(&there, row + down, column + right);
                if let Some(value) = moved {
                    prop_assert_eq!(Some(value), at(&here, row, column));
                }
                // Uncovered pixels are background.
                if at(&here, row - down, column - right).is_none() {
                    prop_assert_eq!(at(&there, row, column), Some(-1.0));
                }
            }
        }
    }

    #[test]
    fn the_order_of_examples_does_not_matter(seed: u64, examples in 2usize..150, net in any_net()) {
        let set = random_set(examples, seed);
        let start = random_parameters(seed);
        let mut order: Vec<usize> = (0..examples).collect();
        let mut noise = crate::common::Noise(seed);
        for index in (1..examples).rev() {
            order.swap(index, (noise.bits() % (index as u64 + 1)) as usize);
        }
        let (loss, gradient) = full_batch(set.clone(), net, &start).gradient()?;
        let (permuted_loss, permuted) = full_batch(set.subset(&order), net, &start).gradient()?;
        prop_assert!((loss - permuted_loss).abs() <= 1e-5 * loss.abs());
        let want = gradient.map(f64::from);
        compare_parameters("permuted", &permuted, &want, 2e-5).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_batch_is_the_sum_of_its_parts(seed: u64, examples in 2usize..150, cut in 0.0f64..1.0, net in any_net()) {
        let set = random_set(examples, seed);
        let start = random_parameters(seed);
        let cut = 1 + (cut * (examples - 1) as f64) as usize;
        let (left, right): (Vec<usize>, Vec<usize>) = (0..examples).partition(|&i| i < cut);
        let (whole_loss, whole) = summed(&set, net, &start);
        let (left_loss, left) = summed(&set.subset(&left), net, &start);
        let (right_loss, right) = match right.is_empty() {
            true => (0.0, Parameters::zeros()),
            false => summed(&set.subset(&right), net, &start),
        };
        prop_assert!((left_loss + right_loss - whole_loss).abs() <= 1e-5 * whole_loss.abs());
        let mut sum = left;
        for (a, b) in sum.flat_mut().iter_mut().zip(right.flat()) {
            *a += b;
        }
        let sum = sum.map(|v| v as f32);
        compare_parameters("sum of parts", &sum, &whole, 5e-5).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn no_rate_and_no_decay_leave_the_weights_as_they_are(
        seed: u64,
        net in any_net(),
        adamw: bool,
        decay in 0.0f64..1.0,
    ) {
        let start = random_parameters(seed);
        let with = |batch| Recipe {
            learning_rate: 0.0,
            final_learning_rate: 0.0,
            // Decoupled decay is multiplied by the rate; SGD's enters only through the gradient.
            weight_decay: decay,
            optimizer: if adamw { Optimizer::AdamW } else { Optimizer::Sgd },
            length: Length::Steps(3),
            shift: 1,
            dropout: 0.25,
            ..recipe(batch, net)
        };
        let digits = random_digits(20, seed);
        let mut engines: Vec<Box<dyn Engine>> = vec![
            Box::new(Reference::<f32>::new(digits.clone(), with(Batch::Full), &start)?),
            Box::new(FullBatch::new(digits.clone(), with(Batch::Full), &start)?),
            Box::new(PerExample::new(digits, with(Batch::PerExample), &start)?),
        ];
        for engine in &mut engines {
            engine.train(3)?;
            let end = engine.state()?;
            prop_assert_eq!(end.step, 3);
            let same = end.parameters.flat().iter().zip(start.flat()).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same, "{}", engine.kind());
        }
    }

    #[test]
    fn engines_miss_the_same_examples(seed: u64, examples in 1usize..100, net in any_net()) {
        let digits = random_digits(examples, seed);
        let start = random_parameters(seed);
        let mut oracle = Reference::<f64>::new(digits.clone(), recipe(Batch::Full, net), &start)?;
        let want = oracle.evaluate(Split::Test)?;
        let mut engines: Vec<Box<dyn Engine>> = vec![
            Box::new(FullBatch::new(digits.clone(), recipe(Batch::Full, net), &start)?),
            Box::new(PerExample::new(digits, recipe(Batch::PerExample, net), &start)?),
        ];
        for engine in &mut engines {
            let got = engine.evaluate(Split::Test)?;
            prop_assert_eq!(got.misses, want.misses, "{}", engine.kind());
            prop_assert_eq!(got.examples, want.examples);
            prop_assert!((got.loss - want.loss).abs() <= 1e-5 * want.loss, "{}", engine.kind());
        }
    }
}
