//! Muon for all engines: the layers' matrices, and the iteration that makes one orthogonal.

use crate::net::{H1W, H2W, H3W, OUTW, ParameterTensor};

/// The tensors that are stepped as matrices; the others, the biases, are AdamW's.
pub const MATRICES: [ParameterTensor; 4] = [H1W, H2W, H3W, OUTW];
/// The longest shorter side of them: H3's units.
pub const MOST_SIDE: usize = 30;
/// Steps of the iteration X ← aX + (bA + cA²)X, A = XXᵀ.
pub const ITERATIONS: usize = 5;
/// Its a, b and c, which make a·σ + b·σ³ + c·σ⁵ of a singular value σ: chosen by Jordan (2024) to lift small ones fast, so that they end between about 0.7 and 1.2 and not at 1 exactly.
pub const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];
/// Added to the norm that the matrix is first divided by, as in Jordan's code.
pub const NORM_EPSILON: f64 = 1e-7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::PARAMETERS;

    #[test]
    fn the_matrices_are_the_weights() {
        let with_columns = PARAMETERS
            .iter()
            .filter(|tensor| tensor.columns().is_some());
        assert!(with_columns.eq(&MATRICES));
        let sides = MATRICES.iter().map(|tensor| {
            let columns = tensor.columns().unwrap();
            columns.min(tensor.len() / columns)
        });
        assert_eq!(sides.max(), Some(MOST_SIDE));
    }
}
