//! Properties that ranks have to have in common before they start.

use sha2::{Digest, Sha256};

use crate::cpu::simd::Level;
use crate::error::{Error, Result};
use crate::threads::cores;
use crate::world::World;

/// The instruction set of all ranks, and the threads of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// The fastest that every rank has.
    pub level: Level,
    /// Cores that this rank has to itself.
    pub threads: usize,
}

/// Bytes of a hash.
const HASH: usize = 32;
/// Bytes of what a rank says of itself: the hashes of three texts, then its levels.
const LENGTH: usize = 3 * HASH + 1;

impl Host {
    /// Agrees with all ranks, each of which calls this: on the program's version and the digits' SHA-256 in hexadecimal, which
    /// have to be the same. Ranks with the same `place`, a text for a machine and the cores of it that the process may use,
    /// share these cores.
    ///
    /// # Errors
    /// [`Error::Usage`] if this rank differs from rank 0. The other ranks wait for this one then: it has to end them.
    pub fn agree(world: &dyn World, version: &str, digits: &str, place: &str) -> Result<Self> {
        Self::agree_on(world, [version, digits, place], &Level::available())
    }

    /// The same on a processor of these levels.
    pub(super) fn agree_on(world: &dyn World, texts: [&str; 3], levels: &[Level]) -> Result<Self> {
        let [version, digits, _] = texts;
        let mut own = Vec::with_capacity(LENGTH);
        for text in texts {
            own.extend_from_slice(&Sha256::digest(text));
        }
        own.push(levels.len() as u8);
        let mut all = vec![0; LENGTH * world.count()];
        world.all_gather(&own, &mut all);
        let all: Vec<&[u8]> = all.chunks(LENGTH).collect();
        let part = |rank: usize, part: usize| &all[rank][part * HASH..(part + 1) * HASH];
        let rank = world.rank();
        for (index, (name, text)) in [("version", version), ("digits", digits)]
            .into_iter()
            .enumerate()
        {
            if part(rank, index) != part(0, index) {
                return Err(Error::Usage(format!(
                    "{name}: found {text}, expected the same as on rank 0, which has another"
                )));
            }
        }
        let sharing = (0..all.len()).filter(|&other| part(other, 2) == part(rank, 2));
        // Levels are ordered, and a processor that has one has those before.
        let common = all.iter().map(|one| usize::from(one[LENGTH - 1])).min();
        Ok(Self {
            level: levels[common.unwrap_or(1) - 1],
            threads: (cores() / sharing.count()).max(1),
        })
    }
}
