//! Adam with decoupled weight decay, PyTorch's `AdamW`.

use super::Real;

/// The numbers of one step; see [`crate::recipe::StepScalars`].
#[derive(Debug, Clone, Copy)]
pub struct AdamW<T> {
    /// Decay rate of the first moment.
    pub beta1: T,
    /// Decay rate of the second moment.
    pub beta2: T,
    /// Added outside the root.
    pub epsilon: T,
    /// η / (1 − β₁ᵗ).
    pub step_size: T,
    /// 1 / √(1 − β₂ᵗ).
    pub second_moment_scale: T,
    /// 1 − η·decay.
    pub shrink: T,
}

/// `w ← shrink · w;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  w ← w − step_size · m / (√v · scale + ε)`
///
/// All slices have one element per parameter.
pub fn adamw<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    first: &mut [T],
    second: &mut [T],
    with: AdamW<T>,
) {
    let moments = first.iter_mut().zip(second);
    for ((w, &g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
        *m = with.beta1 * *m + (T::one() - with.beta1) * g;
        *v = with.beta2 * *v + (T::one() - with.beta2) * g * g;
        let root = v.sqrt() * with.second_moment_scale;
        *w = *w * with.shrink - with.step_size * *m / (root + with.epsilon);
    }
}
