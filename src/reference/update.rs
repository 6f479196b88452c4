//! A step's end: shares summed, parameters updated.

use super::{AdamW, Muon, Real, adamw, diagonal_newton, muon, reduce_gradient, sgd};
use crate::net::PARAMETERS;

/// An optimizer and its numbers.
#[derive(Debug, Clone, Copy)]
pub enum Rule<T> {
    /// Gradient descent: learning rate, momentum, weight decay.
    Sgd([T; 3]),
    /// Adam with decoupled decay.
    AdamW(AdamW<T>),
    /// Muon for the layers' matrices, AdamW for the biases.
    Muon(Muon<T>, AdamW<T>),
    /// Gradient descent with a step for each weight, stored in place of the second moment: learning rate.
    DiagonalNewton(T),
}

/// Sums `partial`, `[row][parameter]`, into `gradient` and updates `parameters` and their moments by it.
pub fn update<T: Real>(
    partial: &[T],
    rule: Rule<T>,
    parameters: &mut [T],
    moments: [&mut [T]; 2],
    gradient: &mut [T],
) {
    reduce_gradient(partial, gradient);
    let [first, second] = moments;
    match rule {
        Rule::Sgd([rate, momentum, decay]) => {
            sgd(parameters, gradient, first, rate, momentum, decay)
        }
        Rule::AdamW(scalars) => adamw(parameters, gradient, first, second, scalars),
        Rule::Muon(of_matrices, of_biases) => {
            for tensor in &PARAMETERS {
                let at = tensor.range();
                let (w, g) = (&mut parameters[at.clone()], &gradient[at.clone()]);
                let (m, v) = (&mut first[at.clone()], &mut second[at]);
                match tensor.columns() {
                    Some(columns) => muon(w, g, m, columns, of_matrices),
                    None => adamw(w, g, m, v, of_biases),
                }
            }
        }
        Rule::DiagonalNewton(rate) => diagonal_newton(parameters, gradient, second, rate),
    }
}
