//! The blocks that examples are dealt out in, and what a process needs to compute some of them.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytemuck::{bytes_of, zeroed_box};

use super::stages::{Chunk, PartialGradient, Scratch, Stage, Total};
use super::tile::TILE;
use super::weights::Weights;
use crate::cpu::simd::Level;
use crate::data::Examples;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::Recipe;
use crate::threads::Threads;

/// Most blocks: enough for one on each of sixty-four cores, and few enough that adding their gradients takes no time.
const BLOCKS: usize = 64;
/// Most tiles of a chunk: its sums are f32, a lane adding one example per vector.
const TILES_PER_CHUNK: usize = 64;
/// Parameters whose gradients a thread adds at a time.
const PIECE: usize = 1_024;

/// A gradient's sum over examples, without the padding's part.
pub type TotalGradient = [f64; PARAMETER_COUNT];

/// The blocks of this number of examples: whole tiles (but for the last), as even as can be.
pub fn blocks(examples: usize) -> Vec<Range<usize>> {
    let tiles = examples.div_ceil(TILE);
    parts(0..examples, tiles.min(BLOCKS))
}

/// The chunks of a block, whose sums are added in f64.
fn chunks(block: Range<usize>) -> Vec<Range<usize>> {
    let tiles = block.len().div_ceil(TILE);
    parts(block, tiles.div_ceil(TILES_PER_CHUNK))
}

/// Examples from a multiple of [`TILE`] in this number of parts, each of whole tiles but for the last.
fn parts(examples: Range<usize>, count: usize) -> Vec<Range<usize>> {
    let tiles = examples.len().div_ceil(TILE);
    let start = |part: usize| (examples.start + part * tiles / count * TILE).min(examples.end);
    (0..count)
        .map(|part| start(part)..start(part + 1))
        .collect()
}

/// Memory of one thread.
struct Memory {
    scratch: Box<Scratch>,
    /// Of a block of several chunks: the present one, and the sum of those before.
    chunk: PartialGradient,
    sum: Box<TotalGradient>,
}

/// Everything to compute blocks with.
pub struct Blocks {
    recipe: Recipe,
    level: Level,
    threads: Threads,
    weights: Box<Weights>,
    /// One per thread.
    memory: Vec<Mutex<Memory>>,
    /// One per block of the latest run.
    partials: Vec<PartialGradient>,
}

impl Blocks {
    pub fn new(recipe: Recipe, level: Level, threads: Threads) -> Self {
        let memory = || Memory {
            scratch: zeroed_box(),
            chunk: PartialGradient::zero(),
            sum: Box::new([0.0; PARAMETER_COUNT]),
        };
        Self {
            recipe,
            level,
            memory: (0..threads.count()).map(|_| Mutex::new(memory())).collect(),
            threads,
            weights: zeroed_box(),
            partials: vec![PartialGradient::zero()],
        }
    }

    pub fn level(&self) -> Level {
        self.level
    }

    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// The results of the latest run, a block after the other.
    pub fn partials(&self) -> &[PartialGradient] {
        &self.partials
    }

    /// The parameters of the latest run, as the kernels take them.
    pub fn weights(&self) -> &[u8] {
        bytes_of(&*self.weights)
    }

    pub fn set_weights(&mut self, parameters: &Parameters) {
        self.weights.set(parameters);
    }

    /// Runs these blocks of a set at these parameters. With a step, its shift and dropout are drawn and the gradient is
    /// computed.
    pub fn run(
        &mut self,
        set: &dyn Examples,
        blocks: &[Range<usize>],
        parameters: &Parameters,
        step: Option<u32>,
    ) {
        self.weights.set(parameters);
        self.partials
            .resize_with(blocks.len(), PartialGradient::zero);
        let stages = step.map_or(Stage::FORWARD, |_| Stage::ALL);
        let (level, weights, recipe) = (self.level, &*self.weights, &self.recipe);
        let run = |examples, scratch: &mut Scratch, partial: &mut PartialGradient| {
            level.run(Chunk {
                set,
                weights,
                recipe,
                step,
                examples,
                is_first: true,
                stages,
                scratch,
                partial,
            });
        };
        let jobs = blocks.iter().zip(&mut self.partials).collect();
        self.threads.for_each(jobs, |thread, (block, partial)| {
            let mut memory = self.memory[thread]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let Memory {
                scratch,
                chunk,
                sum,
            } = &mut *memory;
            let chunks = chunks(block.clone());
            if let [examples] = chunks.as_slice() {
                return run(examples.clone(), scratch, partial);
            }
            (partial.loss, partial.misses) = (0.0, 0);
            sum.fill(0.0);
            for examples in chunks {
                run(examples, scratch, chunk);
                partial.loss += chunk.loss;
                partial.misses += chunk.misses;
                if step.is_some() {
                    let parts = &[chunk.gradient.flat()][..];
                    let sums = &mut sum[..];
                    level.run(Total {
                        parts,
                        first: 0,
                        sums,
                    });
                }
            }
            let gradient = partial.gradient.flat_mut().iter_mut().zip(&sum[..]);
            gradient.for_each(|(to, &sum)| *to = sum as f32);
        });
    }

    /// Adds gradients, of parameter ranges of the same length, in their order to `total`.
    pub fn add(&self, gradients: &[&[f32]], total: &mut [f64]) {
        let pieces = total.chunks_mut(PIECE).enumerate().collect();
        self.threads.for_each(pieces, |_, (piece, sums)| {
            self.level.run(Total {
                parts: gradients,
                first: piece * PIECE,
                sums,
            });
        });
    }

    /// Runs stages on the first tile of a set, and on what the stages before have left; see
    /// [`FullBatch::run_first_tile`](super::FullBatch::run_first_tile).
    pub fn run_first_tile(&mut self, set: &dyn Examples, stages: &[Stage]) {
        let memory = self.memory[0].get_mut();
        let memory = memory.unwrap_or_else(PoisonError::into_inner);
        self.level.run(Chunk {
            set,
            weights: &self.weights,
            recipe: &self.recipe,
            step: None,
            examples: 0..TILE.min(set.count()),
            is_first: false,
            stages,
            scratch: &mut memory.scratch,
            partial: &mut self.partials[0],
        });
    }

    /// The first thread's memory.
    #[cfg(test)]
    pub fn scratch(&mut self) -> &Scratch {
        &self.memory[0].get_mut().unwrap().scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Repeated, embedded};
    use crate::recipe::RecipeName;

    #[test]
    fn blocks_and_their_chunks_cover_all_examples_in_order_in_whole_tiles() {
        for examples in [1, 64, 65, 200, 7_291, 50_000, 1_000_000, 100_000_000] {
            let blocks = blocks(examples);
            assert!(blocks.len() <= BLOCKS);
            let mut next = 0;
            for chunk in blocks.into_iter().flat_map(chunks) {
                assert_eq!(chunk.start, next);
                assert!(chunk.start % TILE == 0 && !chunk.is_empty());
                assert!(chunk.len() <= TILES_PER_CHUNK * TILE);
                next = chunk.end;
            }
            assert_eq!(next, examples);
        }
    }

    /// Of two chunks, the second with a rest, on every level.
    #[test]
    fn a_block_of_several_chunks_is_their_sum() {
        let chunk = TILES_PER_CHUNK * TILE;
        let set = Repeated::new(embedded::digits().train, chunk + 70);
        let recipe = Recipe::named(RecipeName::FullBatchAugmentation);
        let start = recipe.initial_parameters();
        for level in Level::available() {
            let of = |blocks: &[Range<usize>]| {
                let mut all = Blocks::new(recipe.clone(), level, Threads::start(1));
                all.run(&set, blocks, &start, Some(3));
                all.partials
            };
            let block = 0..set.count();
            let parts = of(&chunks(block.clone()));
            let whole = &of(std::slice::from_ref(&block))[0];
            assert_eq!(parts.len(), 2);
            assert_eq!(whole.loss, parts[0].loss + parts[1].loss);
            assert_eq!(whole.misses, parts[0].misses + parts[1].misses);
            for (parameter, &value) in whole.gradient.flat().iter().enumerate() {
                let part = |part: usize| f64::from(parts[part].gradient.flat()[parameter]);
                assert_eq!(value, (part(0) + part(1)) as f32);
            }
        }
    }
}
