//! The gradient from partial sums, each over a chunk of the examples.

use super::Real;

/// `gradient[p] = Σ partial[chunk, p]`, added in the order of the chunks.
///
/// - `partial`: `[chunks][parameters]`; `gradient`: `[parameters]`
pub fn reduce_gradient<T: Real>(partial: &[T], gradient: &mut [T]) {
    gradient.fill(T::zero());
    for chunk in partial.chunks_exact(gradient.len()) {
        for (sum, &share) in gradient.iter_mut().zip(chunk) {
            *sum = *sum + share;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn chunks_are_summed_parameter_by_parameter() {
        let mut gradient = [f64::NAN; 2];
        super::reduce_gradient(&[1.0, 2.0, 30.0, 40.0, 500.0, 600.0], &mut gradient);
        assert_eq!(gradient, [531.0, 642.0]);
    }
}
