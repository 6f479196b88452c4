//! Both CPU engines against the reference.

mod full_batch;
mod per_example;

use gpu_train::recipe::{Activation, Loss};

fn every_kind() -> impl Iterator<Item = (Activation, Loss)> {
    [Activation::Tanh, Activation::Relu]
        .into_iter()
        .flat_map(|activation| [Loss::Mse, Loss::CrossEntropy].map(|loss| (activation, loss)))
        .chain([(Activation::ScaledTanh, Loss::Mse)])
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
