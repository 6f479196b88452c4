//! Processes that work on one run, and the messages between them.
//!
//! ```
//! use gpu_train::world::World;
//!
//! /// One process alone.
//! struct Alone;
//!
//! impl World for Alone {
//!     fn rank(&self) -> usize {
//!         0
//!     }
//!     fn count(&self) -> usize {
//!         1
//!     }
//!     fn broadcast(&self, _bytes: &mut [u8]) {}
//!     fn all_gather(&self, own: &[u8], all: &mut [u8]) {
//!         all.copy_from_slice(own);
//!     }
//!     fn all_to_all(&self, send: &[f32], _to: &[usize], received: &mut [f32], _from: &[usize]) {
//!         received.copy_from_slice(send);
//!     }
//!     fn gather(&self, own: &[u64], _from: &[usize], all: &mut [u64]) {
//!         all.copy_from_slice(own);
//!     }
//! }
//!
//! let (world, mut all): (Box<dyn World>, _) = (Box::new(Alone), [0]);
//! world.gather(&[7], &[1], &mut all);
//! assert_eq!((world.count(), all), (1, [7]));
//! ```

/// The processes of a run, of which rank 0 leads. Each message is a call that all of them make in the same order; none
/// returns an error, because a world that has lost a process ends all others.
pub trait World: Send + Sync {
    /// Number of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn count(&self) -> usize;

    /// Gives rank 0's bytes to all ranks, which have room for as many.
    fn broadcast(&self, bytes: &mut [u8]);

    /// Gives all ranks the bytes of each, in the order of ranks: `all` has room for as many of each as `own` has.
    fn all_gather(&self, own: &[u8], all: &mut [u8]);

    /// Gives rank r the r-th part of `send`, and takes its part for this rank as the r-th of `received`; the parts have
    /// these lengths.
    fn all_to_all(&self, send: &[f32], to: &[usize], received: &mut [f32], from: &[usize]);

    /// Gives rank 0 the words of each rank, in the order of ranks and of these numbers, in `all`, which is empty elsewhere.
    fn gather(&self, own: &[u64], from: &[usize], all: &mut [u64]);
}
