//! Momentum whose steps are orthogonal matrices: Muon (Jordan 2024). PyTorch's `Muon` is the same but for two things: it
//! iterates in bfloat16, and with `match_rms_adamw` its steps are a fifth as long.
//!
//! Adam scales each weight's step by that weight's own past. Muon scales a layer's step as the matrix it is: all singular
//! values of the momentum become about 1, so directions that many examples agree on do not drown the others.

use super::{Real, orthogonal};

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub struct Muon<T> {
    /// β, the momentum's decay rate.
    pub momentum: T,
    /// η.
    pub learning_rate: T,
    /// 1 − η·decay.
    pub shrink: T,
}

/// `m ← βm + (1 − β)g;  u = βm + (1 − β)g;  w ← shrink · w − η · √(longer side) · orthogonal(u)`
///
/// All slices are one matrix, `[rows][columns]`. An orthogonal matrix has elements of the size 1/√(longer side): the root
/// makes the step's elements about η in size, as AdamW's are.
pub fn muon<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    buffer: &mut [T],
    columns: usize,
    with: Muon<T>,
) {
    let rest = T::one() - with.momentum;
    for (m, &g) in buffer.iter_mut().zip(gradient) {
        *m = with.momentum * *m + rest * g;
    }
    let ahead = buffer.iter().zip(gradient);
    let ahead: Vec<T> = ahead.map(|(&m, &g)| with.momentum * m + rest * g).collect();
    let longer = columns.max(weights.len() / columns);
    let size = with.learning_rate * T::of(longer as f64).sqrt();
    for (w, o) in weights.iter_mut().zip(orthogonal(&ahead, columns)) {
        *w = *w * with.shrink - size * o;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gradient_no_step() {
        let (mut w, mut m) = (vec![1.0f64; 6], vec![0.0; 6]);
        let with = Muon {
            momentum: 0.9,
            learning_rate: 0.1,
            shrink: 0.98,
        };
        muon(&mut w, &[0.0; 6], &mut m, 3, with);
        assert_eq!(w, vec![0.98; 6]);
    }
}
