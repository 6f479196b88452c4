//! What a trained net says of images.

use super::{Pass, Real};
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
    let parameters = parameters.map(|value| T::of(f64::from(value)));
    let of_image = |example| {
        let (codes, denominator) = (set.image_codes(example), set.denominator());
        let pass = Pass::evaluation(&parameters, codes, denominator, functions);
        std::array::from_fn(|class| pass.out[class])
    };
    (0..set.len()).map(of_image).collect()
}
