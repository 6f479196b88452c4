//! One kernel alone, on one tile, compiled as the engine compiles it. For benches.

use super::dense::{dense_backward, dense_forward, dense_gradient};
use super::h1::{h1_forward, h1_gradient};
use super::h2::{h2_backward, h2_forward, h2_gradient};
use super::input::input;
use super::loss::loss;
use super::pass::Scratch;
use super::sums::Sums;
use super::tile::{Sixteen, TILE, VECTORS, activate};
use super::weights::Weights;
use crate::cpu::simd::{Kernel, LANES, Level, Quads};
use crate::data::Dataset;
use crate::net::Parameters;
use crate::recipe::Recipe;

/// Examples of a tile.
pub const EXAMPLES: usize = TILE;

/// A kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names are the kernels'
pub enum Part {
    Input,
    H1Forward,
    H2Forward,
    H3Forward,
    OutForward,
    Loss,
    OutGradient,
    OutBackward,
    H3Gradient,
    H3Backward,
    H2Gradient,
    H2Backward,
    H1Gradient,
}

impl Part {
    /// All, in the order of a step.
    pub const ALL: [Self; 13] = [
        Self::Input,
        Self::H1Forward,
        Self::H2Forward,
        Self::H3Forward,
        Self::OutForward,
        Self::Loss,
        Self::OutGradient,
        Self::OutBackward,
        Self::H3Gradient,
        Self::H3Backward,
        Self::H2Gradient,
        Self::H2Backward,
        Self::H1Gradient,
    ];
}

/// A tile of examples, and what a thread needs to work on it.
pub struct Tile {
    level: Level,
    set: Dataset,
    recipe: Recipe,
    weights: Box<Weights>,
    scratch: Scratch,
}

impl Tile {
    /// The first examples of a set, forward up to the loss.
    pub fn new(level: Level, set: Dataset, recipe: Recipe, parameters: &Parameters) -> Self {
        let mut weights = Box::new(Weights::ZERO);
        weights.set(parameters);
        let mut tile = Self {
            level,
            set,
            recipe,
            weights,
            scratch: Scratch::new(),
        };
        for part in &Part::ALL[..6] {
            tile.run(*part);
        }
        tile
    }

    /// Runs a kernel over the tile, whatever the ones before it have left. Back from the loss each overwrites
    /// activations with gradients and adds to sums: run often, the numbers mean nothing.
    pub fn run(&mut self, part: Part) {
        let (tile, sums) = self.scratch.parts();
        self.level.run(Alone {
            part,
            set: &self.set,
            recipe: &self.recipe,
            weights: &self.weights,
            tile,
            sums,
        });
    }
}

struct Alone<'a> {
    part: Part,
    set: &'a Dataset,
    recipe: &'a Recipe,
    weights: &'a Weights,
    tile: &'a mut [Sixteen; VECTORS],
    sums: &'a mut Sums,
}

impl Kernel for Alone<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Quads>(self, s: S) {
        let Self {
            set,
            recipe,
            weights: w,
            tile,
            sums,
            ..
        } = self;
        let activation = recipe.activation;
        match self.part {
            Part::Input => {
                for (vector, t) in tile.iter_mut().enumerate() {
                    input(s, set, vector * LANES, |_| (0, 0), &mut t.x);
                }
            }
            Part::H1Forward => {
                for t in tile {
                    h1_forward(s, &t.x, &w.h1w, &w.h1b, activation, &mut t.h1);
                }
            }
            Part::H2Forward => {
                for t in tile {
                    h2_forward(s, &t.h1, &w.h2w, &w.h2b, activation, &mut t.h2);
                    t.dropped
                        .copy_from_slice(t.h2.as_flattened().as_flattened());
                }
            }
            Part::H3Forward => {
                let operands = tile.each_mut().map(|t| (&t.dropped, &mut t.h3));
                dense_forward(s, operands, &w.h3w, &w.h3b);
                for value in tile.iter_mut().flat_map(|t| &mut t.h3) {
                    s.store(value, activate(s, activation, s.load(value)));
                }
            }
            Part::OutForward => {
                let operands = tile.each_mut().map(|t| (&t.h3, &mut t.out));
                dense_forward(s, operands, &w.outw, &w.outb);
            }
            Part::Loss => {
                for (vector, t) in tile.iter_mut().enumerate() {
                    let labels = &set.labels()[vector * LANES..(vector + 1) * LANES];
                    loss(s, &t.out, labels, recipe, 1e-3, &mut t.d_out);
                }
            }
            Part::OutGradient => {
                let operands = tile.each_ref().map(|t| (&t.h3, &t.d_out));
                dense_gradient(s, operands, &mut sums.outw);
            }
            Part::OutBackward => {
                let operands = tile.each_mut().map(|t| (&t.d_out, &mut t.d_h3));
                dense_backward(s, operands, &w.outw);
            }
            Part::H3Gradient => {
                let operands = tile.each_ref().map(|t| (&t.dropped, &t.d_h3));
                dense_gradient(s, operands, &mut sums.h3w);
            }
            Part::H3Backward => {
                let operands = tile.each_mut().map(|t| (&t.d_h3, &mut t.dropped));
                dense_backward(s, operands, &w.h3w);
            }
            Part::H2Gradient => h2_gradient(s, tile, &mut sums.h2w),
            Part::H2Backward => {
                for t in tile {
                    h2_backward(s, &t.h2, &w.h2w, activation, &mut t.h1, &mut sums.h1b);
                }
            }
            Part::H1Gradient => {
                for t in tile {
                    h1_gradient(s, &t.x, &t.h1, &mut sums.h1w);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::net::{Initialization, initial_parameters};
    use crate::recipe::Name;

    /// Each kernel writes what it is named for.
    #[test]
    fn every_kernel_runs_at_every_level() {
        let set = embedded::digits().train;
        for level in Level::available() {
            let recipe = Recipe::named(Name::FullBatch);
            let mut alone = Tile::new(
                level,
                set.clone(),
                recipe,
                &initial_parameters(1, 0.0, Initialization::Sqrt),
            );
            for part in Part::ALL {
                alone.run(part);
            }
            let (tile, sums) = alone.scratch.parts();
            let written = |values: &[crate::cpu::simd::Lanes]| {
                let mut values = values.iter().flat_map(|lanes| lanes.0);
                let any = values.clone().any(|value| value != 0.0);
                any && values.all(f32::is_finite)
            };
            for sixteen in tile {
                assert!(written(sixteen.h1.as_flattened().as_flattened()));
                assert!(written(sixteen.h2.as_flattened().as_flattened()));
                assert!(written(&sixteen.out) && written(&sixteen.d_out));
                assert!(written(&sixteen.d_h3));
            }
            assert!(written(sums.h1w.as_flattened().as_flattened()));
            assert!(written(
                sums.h2w.as_flattened().as_flattened().as_flattened()
            ));
            assert!(written(sums.outw.as_flattened()));
        }
    }
}
