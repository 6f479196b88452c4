//! Outputs of a trained net for images.

use super::engine::of_f32;
use super::{Activations, Real};
use crate::data::Dataset;
use crate::net::{CLASSES, Parameters};
use crate::recipe::Functions;

/// The outputs for every image of a set, without shift and dropout: tanh's values after MSE, logits after
/// cross-entropy. [`super::guess`] picks the class.
pub fn scores<T: Real>(
    parameters: &Parameters,
    functions: Functions,
    set: &Dataset,
) -> Vec<[T; CLASSES]> {
    let parameters = of_f32(parameters);
    let of_image = |example| {
        let (codes, denominator) = (set.image_codes(example), set.denominator());
        let values = Activations::evaluation(&parameters, codes, denominator, functions);
        std::array::from_fn(|class| values.out[class])
    };
    (0..set.len()).map(of_image).collect()
}
