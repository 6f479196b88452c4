//! The exchange of a step: gradients of blocks in, their sum in the order of the blocks out.

use std::ops::Range;

use bytemuck::cast_slice;
use sha2::{Digest, Sha256};

use crate::cpu::full_batch::blocks::{Blocks, blocks};
use crate::data::Examples;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::world::World;

/// The ranks' shares of a set: of its blocks, and of the parameters whose sums each adds.
pub struct Shares {
    blocks: Vec<Range<usize>>,
    ranks: usize,
}

/// A rank's part of the sums.
pub struct Answer {
    /// Of its slice of the parameters, over all blocks.
    pub gradient: Vec<f64>,
    /// Loss and misses of each of its blocks.
    pub blocks: Vec<(f64, u32)>,
    /// Hash of the weights that it computed an evaluation at.
    pub hash: u64,
}

impl Shares {
    pub fn of(examples: usize, ranks: usize) -> Self {
        let blocks = blocks(examples);
        Self { blocks, ranks }
    }

    fn part(&self, of: usize, rank: usize) -> Range<usize> {
        of * rank / self.ranks..of * (rank + 1) / self.ranks
    }

    /// The blocks of a rank: one after the other, and all ranks' in their order.
    pub fn blocks(&self, rank: usize) -> &[Range<usize>] {
        &self.blocks[self.part(self.blocks.len(), rank)]
    }

    /// The parameters whose sums a rank adds.
    fn slice(&self, rank: usize) -> Range<usize> {
        self.part(PARAMETER_COUNT, rank)
    }

    /// A number for each rank.
    fn each(&self, count: impl Fn(usize) -> usize) -> Vec<usize> {
        (0..self.ranks).map(count).collect()
    }
}

/// Runs the own blocks of a set at these parameters, of the training step where there is one. Rank 0 gets all ranks' answers, in
/// their order, the others none.
pub fn answer(
    world: &dyn World,
    own: &mut Blocks,
    set: &dyn Examples,
    parameters: &Parameters,
    step: Option<u32>,
) -> Vec<Answer> {
    let shares = Shares::of(set.count(), world.count());
    own.run(set, shares.blocks(world.rank()), parameters, step);
    exchange(world, own, &shares, step.is_some())
}

/// Exchanges the results of the latest run of the own blocks.
fn exchange(world: &dyn World, own: &Blocks, shares: &Shares, is_step: bool) -> Vec<Answer> {
    let rank = world.rank();
    let mut sums = Vec::new();
    if is_step {
        sums = vec![0.0; shares.slice(rank).len()];
        let mut send = Vec::with_capacity(own.partials().len() * PARAMETER_COUNT);
        for to in 0..world.count() {
            for partial in own.partials() {
                send.extend_from_slice(&partial.gradient.flat()[shares.slice(to)]);
            }
        }
        let to = shares.each(|to| own.partials().len() * shares.slice(to).len());
        let from = shares.each(|from| shares.blocks(from).len() * sums.len());
        let mut received = vec![0.0; from.iter().sum()];
        world.all_to_all(&send, &to, &mut received, &from);
        // No chunk where this rank has no slice: of more ranks than parameters.
        let parts: Vec<&[f32]> = received.chunks(sums.len().max(1)).collect();
        own.add(&parts, &mut sums);
    }
    let hash = if is_step { 0 } else { hash(own.weights()) };
    let mut words: Vec<u64> = cast_slice(&sums).to_vec();
    for partial in own.partials() {
        words.extend([partial.loss.to_bits(), u64::from(partial.misses)]);
    }
    words.push(hash);
    let slice = |rank| if is_step { shares.slice(rank).len() } else { 0 };
    let from = shares.each(|rank| slice(rank) + 2 * shares.blocks(rank).len() + 1);
    let mut all = vec![0; if rank == 0 { from.iter().sum() } else { 0 }];
    world.gather(&words, &from, &mut all);
    let mut rest = &all[..];
    let mut answers = Vec::new();
    for (rank, &count) in from.iter().enumerate().take_while(|_| !all.is_empty()) {
        let (words, others) = rest.split_at(count);
        rest = others;
        let (gradient, words) = words.split_at(slice(rank));
        let (blocks, hash) = words.split_at(words.len() - 1);
        let block = |&[loss, misses]: &[u64; 2]| (f64::from_bits(loss), misses as u32);
        answers.push(Answer {
            gradient: cast_slice(gradient).to_vec(),
            blocks: blocks.as_chunks().0.iter().map(block).collect(),
            hash: hash[0],
        });
    }
    answers
}

/// The first 64 bits of the SHA-256.
fn hash(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    u64::from_le_bytes(*hash.first_chunk().expect("32 bytes"))
}
