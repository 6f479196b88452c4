//! Gradient descent, PyTorch's `SGD`.

use super::Real;

/// `g ← g + decay · w;  m ← momentum · m + g;  w ← w − η · m`
///
/// (PyTorch starts `m` as the first `g`; from zeros that is the same.) All slices have one element per parameter.
pub fn sgd<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    buffer: &mut [T],
    learning_rate: T,
    momentum: T,
    weight_decay: T,
) {
    for ((w, &g), m) in weights.iter_mut().zip(gradient).zip(buffer) {
        *m = momentum * *m + (g + weight_decay * *w);
        *w = *w - learning_rate * *m;
    }
}
