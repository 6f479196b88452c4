//! The processes that an MPI launcher has started for one run.

mod launcher;
#[cfg(feature = "mpi")]
mod mpi;

use std::sync::Arc;

use gpu_train::cpu::Ranks;
use gpu_train::cpu::ranks::{Held, Host, follow};
use gpu_train::data::{Digits, Examples, fingerprint};
use gpu_train::error::Result;
use gpu_train::recipe::Recipe;
use gpu_train::world::World;

pub use self::launcher::{Launched, launched};

/// Membership in a world of two processes or more.
pub struct Joined {
    world: Arc<dyn World>,
    /// MPI ends when it is dropped.
    #[cfg(feature = "mpi")]
    _universe: ::mpi::environment::Universe,
}

/// Joins the other processes of the launcher, if there is more than one. From then on a panic of any ends all.
///
/// # Errors
/// [`gpu_train::error::Error::Usage`] if this build cannot talk to them.
pub fn join() -> Result<Option<Joined>> {
    let Some(launched) = launched().filter(|launched| launched.count > 1) else {
        return Ok(None);
    };
    #[cfg(feature = "mpi")]
    return mpi::join(&launched).map(Some);
    #[cfg(not(feature = "mpi"))]
    match launched.is_of_mpi {
        // As many runs that have nothing to do with each other.
        false => Ok(None),
        true => Err(gpu_train::error::Error::Usage(format!(
            "{}: found {} processes for one run, expected a gpu-train that is built with MPI (cargo build --release --features mpi), \
             or one process",
            launched.by, launched.count
        ))),
    }
}

impl Joined {
    /// The messages to the others.
    pub fn world(&self) -> Arc<dyn World> {
        Arc::clone(&self.world)
    }

    /// Number of this process.
    pub fn rank(&self) -> usize {
        self.world.rank()
    }

    /// Number of processes.
    pub fn count(&self) -> usize {
        self.world.count()
    }

    /// Agrees with the others on version, digits, instruction set and threads.
    fn agree(&self, digits: &Digits) -> Result<Host> {
        let version = format!("{} {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
        let place = launcher::place();
        Host::agree(&*self.world, &version, &fingerprint(digits), &place)
    }

    /// Takes the lead; for rank 0.
    ///
    /// # Errors
    /// If the ranks differ.
    pub fn lead(&self, digits: &Digits) -> Result<Arc<Ranks>> {
        let host = self.agree(digits)?;
        Ok(Arc::new(Ranks::lead(Arc::clone(&self.world), host)))
    }

    /// Works for rank 0 on this rank's part of the digits until the run is over. `train` is the training set, if it is made of
    /// the digits; `expected` is the recipe of the command line, if it gives one.
    ///
    /// # Errors
    /// If the ranks differ.
    pub fn follow(
        &self,
        digits: Digits,
        train: Option<Arc<dyn Examples>>,
        expected: Option<&Recipe>,
    ) -> Result<()> {
        let host = self.agree(&digits)?;
        let part =
            |set| -> Arc<dyn Examples> { Arc::new(Held::of(set, self.rank(), self.count())) };
        let train = train.unwrap_or_else(|| part(&digits.train));
        let test = part(&digits.test);
        drop(digits);
        follow(&*self.world, host, [train, test], expected)
    }

    /// Ends all processes at once, this one with the exit code.
    pub fn abort(&self, code: u8) -> ! {
        #[cfg(feature = "mpi")]
        mpi::abort(code);
        #[cfg(not(feature = "mpi"))]
        std::process::exit(code.into());
    }
}
