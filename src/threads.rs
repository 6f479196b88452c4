//! Threads that work is spread over.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use gpu_train::threads::{Threads, cores};
//!
//! let threads = Threads::start(cores().min(2));
//! let sum = AtomicU64::new(0);
//! threads.for_each((1..=100).collect(), |_thread, item| {
//!     sum.fetch_add(item, Ordering::Relaxed);
//! });
//! assert_eq!(sum.into_inner(), 5_050);
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Number of cores available to this process.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The present thread and a pool of others. Work comes to the same results on any number, so where a system starts no
/// threads (a limit on processes, WebAssembly) the present one does all of it.
#[derive(Clone)]
pub struct Threads(Option<Arc<ThreadPool>>);

impl Threads {
    /// Starts threads, one fewer than this number: the present one works too. None if the system refuses.
    pub fn start(count: usize) -> Self {
        Self::from_builder(count, ThreadPoolBuilder::new())
    }

    fn from_builder(count: usize, builder: ThreadPoolBuilder) -> Self {
        if count <= 1 {
            return Self(None);
        }
        let named = builder.thread_name(|index| format!("cpu {}", index + 1));
        match named.num_threads(count - 1).build() {
            Ok(pool) => Self(Some(Arc::new(pool))),
            Err(error) => {
                tracing::warn!("threads: found {error}, expected {count}; continuing on one");
                Self(None)
            }
        }
    }

    /// Threads that refuse to start.
    #[cfg(test)]
    pub fn refused(count: usize) -> Self {
        let beyond_memory = 1 << (usize::BITS - 1);
        Self::from_builder(count, ThreadPoolBuilder::new().stack_size(beyond_memory))
    }

    /// Number of threads that work is spread over.
    pub fn count(&self) -> usize {
        let others = self.0.as_ref().map(|pool| pool.current_num_threads());
        1 + others.unwrap_or(0)
    }

    /// Calls `work` once for each item, with the number of the thread it runs on; items are started in their order.
    pub fn for_each<T: Send>(&self, items: Vec<T>, work: impl Fn(usize, T) + Sync) {
        if items.len() < 2 {
            return items.into_iter().for_each(|item| work(0, item));
        }
        let items = Mutex::new(items.into_iter());
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.broadcast(|thread| {
            while let Some(item) = next() {
                work(thread, item);
            }
        });
    }

    /// Calls `work` once on each thread, with its number.
    ///
    /// The present thread is one of them: it stays where it runs, and no two threads have to find a core at once.
    pub fn broadcast(&self, work: impl Fn(usize) + Sync) {
        let work = &work;
        match &self.0 {
            Some(pool) => pool.in_place_scope(|scope| {
                scope.spawn_broadcast(move |_, of_pool| work(1 + of_pool.index()));
                work(0);
            }),
            None => work(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn one_thread_or_a_refusal_is_the_present_thread() {
        for (threads, count) in [
            (Threads::start(0), 1),
            (Threads::start(1), 1),
            (Threads::start(3), 3),
            (Threads::refused(3), 1),
        ] {
            assert_eq!(threads.count(), count);
            let here = std::thread::current().id();
            let seen = Mutex::new(Vec::new());
            threads.for_each((0..10).collect(), |thread, item| {
                assert!(thread < count);
                let there = std::thread::current().id();
                assert_eq!(thread == 0, there == here);
                seen.lock().unwrap().push(item);
            });
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            assert_eq!(seen, Vec::from_iter(0..10));
            let calls = Mutex::new(Vec::new());
            threads.broadcast(|thread| calls.lock().unwrap().push(thread));
            let mut calls = calls.into_inner().unwrap();
            calls.sort_unstable();
            assert_eq!(calls, Vec::from_iter(0..count));
        }
    }
}
