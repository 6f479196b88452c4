//! MPI's world, through the library that the launcher speaks to.

use std::sync::Arc;
use std::time::Duration;

use ::mpi::Threading;
use ::mpi::datatype::{Partition, PartitionMut};
use ::mpi::environment;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::Joined;
use super::launcher::Launched;
use gpu_train::error::{Error, Result};
use gpu_train::world::World;

/// All processes of the job. Only the thread that has joined calls MPI.
struct Mpi {
    rank: usize,
    count: usize,
}

/// Joins the world of this launcher.
///
/// # Errors
/// [`Error::Usage`] if the library finds another number of processes.
pub fn join(launched: &Launched) -> Result<Joined> {
    let (universe, _) = environment::initialize_with_threading(Threading::Funneled)
        .ok_or_else(|| Error::Device("MPI: found it initialised already".into()))?;
    let world = universe.world();
    let (rank, count) = (world.rank() as usize, world.size() as usize);
    if count != launched.count {
        let library = environment::library_version().unwrap_or_default();
        // "Open MPI v4.1.4, package: …" and "MPICH Version:\t4.0.2".
        let library = library.lines().next().unwrap_or_default();
        let library = library.split(',').next().unwrap_or_default();
        let words = library
            .split_whitespace()
            .filter(|word| *word != "Version:");
        let library = words.collect::<Vec<_>>().join(" ");
        return Err(Error::Usage(format!(
            "{}: found {} processes, but a world of {count} by the MPI of this gpu-train ({library}), expected the launcher of \
             that MPI (with srun, its --mpi option)",
            launched.by, launched.count
        )));
    }
    // The other ranks would wait for this one.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        abort(101);
    }));
    Ok(Joined {
        world: Arc::new(Mpi { rank, count }),
        _universe: universe,
    })
}

/// Ends all processes of the world.
pub fn abort(code: u8) -> ! {
    // MPICH's launcher loses what it has not passed on by then.
    std::thread::sleep(Duration::from_millis(300));
    SimpleCommunicator::world().abort(code.into())
}

/// The lengths as MPI counts them, and where each part begins.
fn parts(lengths: &[usize]) -> (Vec<i32>, Vec<i32>) {
    let starts = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end - length)
    });
    let starts = starts.map(|start| start as i32).collect();
    (
        lengths.iter().map(|&length| length as i32).collect(),
        starts,
    )
}

impl World for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.count
    }

    fn broadcast(&self, bytes: &mut [u8]) {
        SimpleCommunicator::world()
            .process_at_rank(0)
            .broadcast_into(bytes);
    }

    fn all_gather(&self, own: &[u8], all: &mut [u8]) {
        SimpleCommunicator::world().all_gather_into(own, all);
    }

    fn all_to_all(&self, send: &[f32], to: &[usize], received: &mut [f32], from: &[usize]) {
        let ((to, to_starts), (from, from_starts)) = (parts(to), parts(from));
        let send = Partition::new(send, to, to_starts);
        let mut received = PartitionMut::new(received, from, from_starts);
        SimpleCommunicator::world().all_to_all_varcount_into(&send, &mut received);
    }

    fn gather(&self, own: &[u64], from: &[usize], all: &mut [u64]) {
        let world = SimpleCommunicator::world();
        let root = world.process_at_rank(0);
        if self.rank > 0 {
            return root.gather_varcount_into(own);
        }
        let (counts, starts) = parts(from);
        let mut all = PartitionMut::new(all, counts, starts);
        root.gather_varcount_into_root(own, &mut all);
    }
}
