//! Threads that work is spread over.

use std::sync::Arc;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Number of cores available to this process.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool of threads, or the present thread alone. Work comes to the same results on both, so where a system starts no
/// threads (a limit on processes, WebAssembly) the present one does all of it.
#[derive(Clone)]
pub struct Threads(Option<Arc<ThreadPool>>);

impl Threads {
    /// Starts this number of threads: none for one, which is the present one, or if the system refuses.
    pub fn start(count: usize) -> Self {
        Self::from_builder(count, ThreadPoolBuilder::new())
    }

    fn from_builder(count: usize, builder: ThreadPoolBuilder) -> Self {
        if count <= 1 {
            return Self(None);
        }
        let named = builder.thread_name(|index| format!("cpu {index}"));
        match named.num_threads(count).build() {
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
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Runs `work` on one of the threads. What it spreads starts at once: the threads are awake.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Calls `work` once for each item, with the number of the thread it runs on, in any order.
    pub fn for_each<T: Send>(&self, items: Vec<T>, work: impl Fn(usize, T) + Sync) {
        let Some(pool) = &self.0 else {
            return items.into_iter().for_each(|item| work(0, item));
        };
        pool.install(|| {
            let items = items.into_par_iter().with_max_len(1);
            items.for_each(|item| {
                work(
                    rayon::current_thread_index().expect("a thread of the pool"),
                    item,
                )
            });
        });
    }

    /// Calls `work` once on each thread.
    pub fn broadcast(&self, work: impl Fn() + Sync) {
        match &self.0 {
            Some(pool) => drop(pool.broadcast(|_| work())),
            None => work(),
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
                assert!(count > 1 || there == here);
                seen.lock().unwrap().push(item);
            });
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            assert_eq!(seen, Vec::from_iter(0..10));
            let calls = Mutex::new(0);
            threads.broadcast(|| *calls.lock().unwrap() += 1);
            assert_eq!(calls.into_inner().unwrap(), count);
            assert_eq!(threads.enter(|| 7), 7);
        }
    }
}
