//! Time of each message of a step over MPI ranks, for `scripts/bench-clusters`: medians in microseconds, as JSON.
//!
//! Before each message all ranks meet, so that waiting for a slower rank does not count.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use gpu_train::cpu::FullBatch;
use gpu_train::cpu::ranks::{Host, Ranks, follow};
use gpu_train::data::{Examples, Repeated, embedded};
use gpu_train::engine::Engine;
use gpu_train::recipe::{Recipe, RecipeName};
use gpu_train::world::World;
use gpu_train_program::ranks::join;

/// A tile for each of the 64 blocks: messages are as long for any larger set.
const EXAMPLES: usize = 64 * 64;
const STEPS: u32 = 300;
/// Steps before the clock.
const WARM_UP: usize = 20;
const MESSAGES: [&str; 3] = ["broadcast", "all_to_all", "gather"];

/// A world that times what it is asked for.
struct Timed {
    world: Arc<dyn World>,
    /// Microseconds of each message, in the order of [`MESSAGES`].
    times: [Mutex<Vec<f64>>; 3],
}

impl Timed {
    fn time(&self, message: usize, call: impl FnOnce(&dyn World)) {
        self.world.all_gather(&[0], &mut vec![0; self.count()]);
        let started = Instant::now();
        call(&*self.world);
        let took = 1e6 * started.elapsed().as_secs_f64();
        self.times[message].lock().expect("one thread").push(took);
    }
}

impl World for Timed {
    fn rank(&self) -> usize {
        self.world.rank()
    }

    fn count(&self) -> usize {
        self.world.count()
    }

    fn broadcast(&self, bytes: &mut [u8]) {
        self.time(0, |world| world.broadcast(bytes));
    }

    fn all_gather(&self, own: &[u8], all: &mut [u8]) {
        self.world.all_gather(own, all);
    }

    fn all_to_all(&self, send: &[f32], to: &[usize], received: &mut [f32], from: &[usize]) {
        self.time(1, |world| world.all_to_all(send, to, received, from));
    }

    fn gather(&self, own: &[u64], from: &[usize], all: &mut [u64]) {
        self.time(2, |world| world.gather(own, from, all));
    }
}

fn main() {
    let joined = join().expect("MPI").expect("two processes or more");
    let world = Arc::new(Timed {
        world: joined.world(),
        times: Default::default(),
    });
    let host = Host::agree(&*world, "", "", "").expect("the same program");
    let host = Host { threads: 1, ..host };
    let digits = embedded::digits();
    let sets = || -> [Arc<dyn Examples>; 2] {
        let train = Arc::new(Repeated::new(digits.train.clone(), EXAMPLES));
        [train, Arc::new(digits.test.clone())]
    };
    if joined.rank() > 0 {
        return follow(&*world, host, sets(), None).expect("the same recipe");
    }
    let leader = Arc::new(Ranks::lead(Arc::clone(&world) as Arc<dyn World>, host));
    let recipe = Recipe::named(RecipeName::FullBatchSoftmax);
    let start = recipe.initial_parameters();
    let [train, test] = sets();
    let engine = FullBatch::over(train, test, recipe, &start, host.level, host.threads);
    let mut engine = engine
        .expect("a recipe of the full batch")
        .shared_with(leader);
    engine.train(STEPS).expect("steps");
    let median = |times: &Mutex<Vec<f64>>| {
        let mut times = times.lock().expect("one thread").split_off(WARM_UP);
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let medians = MESSAGES.iter().zip(&world.times);
    let fields: Vec<String> = medians
        .map(|(name, times)| format!("\"{name}_us\": {:.1}", median(times)))
        .collect();
    println!("{{\"ranks\": {}, {}}}", joined.count(), fields.join(", "));
}
