//! The parameters in the shapes the kernels want, the padding folded into the biases; and its share of the gradient.

use bytemuck::{Pod, Zeroable, cast_slice_mut};

use crate::cpu::taps::taps_inside;
use crate::net::{
    CLASSES, H1_SIDE, H1B, H1W, H2_FAN_MAPS, H2_SIDE, H2_UNITS, H2B, H2W, H3_UNITS, KERNEL, MAPS,
    PADDING_VALUE, PARAMETER_COUNT, ParameterTensor, Parameters, STRIDE, TAPS,
};

/// A convolution's kernels, `[map][source][row][column]`.
pub type Kernels<const FAN: usize> = [[[[f32; KERNEL]; KERNEL]; FAN]; MAPS];

/// The parameters of one step, in the order of the flat vector, and transposed ones for the way back.
///
/// The padding is a constant, so a tap that falls on it adds a constant to its unit: `h1b` and `h2b` hold the biases
/// with that share, and the kernels leave such taps out, 14% of H1's and 28% of H2's multiply-adds.
#[derive(Clone, Copy, Zeroable, Pod)]
#[repr(C)]
pub struct Weights {
    /// `[12][1][5][5]`
    pub h1w: Kernels<1>,
    /// `[12][8][8]`, with the padding's share.
    pub h1b: [[[f32; H1_SIDE]; H1_SIDE]; MAPS],
    /// `[12][8][5][5]`
    pub h2w: Kernels<H2_FAN_MAPS>,
    /// `[12][4][4]`, with the padding's share.
    pub h2b: [[[f32; H2_SIDE]; H2_SIDE]; MAPS],
    /// `[192][30]`
    pub h3w: [[f32; H3_UNITS]; H2_UNITS],
    /// `[30]`
    pub h3b: [f32; H3_UNITS],
    /// `[30][10]`
    pub outw: [[f32; CLASSES]; H3_UNITS],
    /// `[10]`
    pub outb: [f32; CLASSES],
    /// `[30][192]`, `h3w` transposed.
    pub h3w_back: [[f32; H2_UNITS]; H3_UNITS],
    /// `[10][30]`, `outw` transposed.
    pub outw_back: [[f32; H3_UNITS]; CLASSES],
}

impl Weights {
    /// Takes the parameters of a new step.
    pub fn set(&mut self, parameters: &Parameters) {
        let flat: &mut [f32] = cast_slice_mut(std::slice::from_mut(self));
        flat[..PARAMETER_COUNT].copy_from_slice(parameters.flat());
        transpose(&self.h3w, &mut self.h3w_back);
        transpose(&self.outw, &mut self.outw_back);
        let p = |tensor| parameters.tensor(tensor);
        padded_biases(p(&H1W), p(&H1B), self.h1b.as_flattened_mut());
        padded_biases(p(&H2W), p(&H2B), self.h2b.as_flattened_mut());
    }
}

fn transpose<const IN: usize, const OUT: usize>(w: &[[f32; OUT]; IN], to: &mut [[f32; IN]; OUT]) {
    for input in 0..IN {
        for unit in 0..OUT {
            to[unit][input] = w[input][unit];
        }
    }
}

/// A unit's taps, `[row][column]`, that fall on the padding.
fn on_padding(row: usize, column: usize, above: usize) -> impl Iterator<Item = usize> {
    let (rows, columns) = (
        taps_inside(row, STRIDE * above),
        taps_inside(column, STRIDE * above),
    );
    (0..KERNEL).flat_map(move |row| {
        let inside = if rows.contains(&row) {
            columns.clone()
        } else {
            0..0
        };
        let on_padding = (0..inside.start).chain(inside.end..KERNEL);
        on_padding.map(move |column| row * KERNEL + column)
    })
}

/// `padded[m, r, c] = b[m, r, c] + Σ −1 · w[m, s, kr, kc]` over the taps on the padding.
///
/// - `w`: `[map][source][5][5]`, any number of sources; `b`: `[map][SIDE][SIDE]`; `padded`: `[map · SIDE][SIDE]`
fn padded_biases<const SIDE: usize>(w: &[f32], b: &[f32], padded: &mut [[f32; SIDE]]) {
    for (map, kernels) in w.chunks_exact(w.len() / MAPS).enumerate() {
        let mut planes = [0f64; TAPS];
        for plane in kernels.as_chunks::<TAPS>().0 {
            for (sum, &weight) in planes.iter_mut().zip(plane) {
                *sum += f64::from(weight);
            }
        }
        for row in 0..SIDE {
            for column in 0..SIDE {
                let share: f64 = on_padding(row, column, SIDE).map(|tap| planes[tap]).sum();
                let bias = f64::from(b[(map * SIDE + row) * SIDE + column]);
                padded[map * SIDE + row][column] = (bias + f64::from(PADDING_VALUE) * share) as f32;
            }
        }
    }
}

/// Adds what the taps on the padding contribute to the gradient of the kernels: −1 times the gradient of the unit,
/// which is the gradient of its bias.
pub fn add_padding_gradient(gradient: &mut [f64; PARAMETER_COUNT]) {
    padding_gradient::<H1_SIDE>(gradient, &H1W, &H1B);
    padding_gradient::<H2_SIDE>(gradient, &H2W, &H2B);
}

fn padding_gradient<const SIDE: usize>(
    gradient: &mut [f64; PARAMETER_COUNT],
    weights: &ParameterTensor,
    biases: &ParameterTensor,
) {
    for map in 0..MAPS {
        let mut planes = [0f64; TAPS];
        for row in 0..SIDE {
            for column in 0..SIDE {
                let unit = gradient[biases.offset + (map * SIDE + row) * SIDE + column];
                for tap in on_padding(row, column, SIDE) {
                    planes[tap] += f64::from(PADDING_VALUE) * unit;
                }
            }
        }
        let taps = weights.len() / MAPS;
        let kernels = &mut gradient[weights.offset + map * taps..][..taps];
        for plane in kernels.as_chunks_mut::<TAPS>().0 {
            for (sum, share) in plane.iter_mut().zip(&planes) {
                *sum += share;
            }
        }
    }
}
