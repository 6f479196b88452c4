//! Ranks as threads of this process.

use std::sync::{Barrier, Mutex};

use super::*;
use crate::cpu::FullBatch;
use crate::data::{Digits, DigitsRecord, Repeated, embedded};
use crate::engine::{Engine, Evaluation, State};
use crate::recipe::RecipeName;

/// A message of each rank on its way.
struct Shared {
    barrier: Barrier,
    bytes: Vec<Mutex<Vec<u8>>>,
    /// Flips a bit of this rank's weights in every order.
    broken: Option<usize>,
}

struct Thread<'a> {
    rank: usize,
    shared: &'a Shared,
}

impl Thread<'_> {
    /// The bytes of each rank.
    fn exchange(&self, own: &[u8]) -> Vec<Vec<u8>> {
        *self.shared.bytes[self.rank].lock().unwrap() = own.to_vec();
        self.shared.barrier.wait();
        let all = self
            .shared
            .bytes
            .iter()
            .map(|one| one.lock().unwrap().clone());
        let all = all.collect();
        self.shared.barrier.wait();
        all
    }
}

impl World for Thread<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.shared.bytes.len()
    }

    fn broadcast(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.exchange(bytes)[0]);
        if self.shared.broken == Some(self.rank) && bytes.len() > 30_000 {
            bytes[20_000] ^= 1;
        }
    }

    fn all_gather(&self, own: &[u8], all: &mut [u8]) {
        all.copy_from_slice(&self.exchange(own).concat());
    }

    fn all_to_all(&self, send: &[f32], to: &[usize], received: &mut [f32], from: &[usize]) {
        assert_eq!(send.len(), to.iter().sum::<usize>());
        let (mut parts, mut rest) = (Vec::new(), send);
        for &count in to {
            let (part, others) = rest.split_at(count);
            (rest, _) = (others, parts.push(part));
        }
        let own = serde_json::to_vec(&parts).unwrap();
        let mut all = Vec::new();
        for (sent, &count) in self.exchange(&own).iter().zip(from) {
            let mut parts: Vec<Vec<f32>> = serde_json::from_slice(sent).unwrap();
            let part = parts.swap_remove(self.rank);
            assert_eq!(part.len(), count);
            all.extend(part);
        }
        received.copy_from_slice(&all);
    }

    fn gather(&self, own: &[u64], from: &[usize], all: &mut [u64]) {
        assert_eq!(own.len(), from[self.rank]);
        let bytes = self.exchange(bytemuck::cast_slice(own)).concat();
        if self.rank == 0 {
            all.copy_from_slice(&bytemuck::pod_collect_to_vec::<u8, u64>(&bytes));
        } else {
            assert!(all.is_empty());
        }
    }
}

/// Runs this on each of some ranks; returns what each returned.
fn on_ranks<T: Send>(
    count: usize,
    broken: Option<usize>,
    run: impl Fn(Arc<dyn World>) -> T + Sync,
) -> Vec<T> {
    let shared: &'static Shared = Box::leak(Box::new(Shared {
        barrier: Barrier::new(count),
        bytes: (0..count).map(|_| Mutex::default()).collect(),
        broken,
    }));
    std::thread::scope(|scope| {
        let run = &run;
        let start = |rank| scope.spawn(move || run(Arc::new(Thread { rank, shared })));
        let threads: Vec<_> = (0..count).map(start).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// A rest in the last tile, and fewer blocks than ranks in the test set.
fn digits() -> Digits {
    let digits = embedded::digits();
    Digits {
        train: digits.train.truncated(64 * 9 + 7),
        test: digits.test.truncated(65),
        ..digits
    }
}

type Course = (Vec<f32>, State, [Evaluation; 2]);

fn course(engine: &mut FullBatch) -> Result<Course> {
    let losses = engine.train(4)?;
    let evaluations = [
        engine.evaluate(Split::Train)?,
        engine.evaluate(Split::Test)?,
    ];
    Ok((losses, engine.state()?, evaluations))
}

/// The course of a run on these ranks.
fn shared(recipe: &Recipe, count: usize, broken: Option<usize>) -> Result<Course> {
    let digits = digits();
    let mut courses = on_ranks(count, broken, |world| {
        let sha256 = DigitsRecord::of(&digits).sha256;
        let host = Host::agree(&*world, "1", &sha256, "one machine").unwrap();
        if world.rank() > 0 {
            let part = |set| -> Arc<dyn Examples> { Arc::new(Held::of(set, world.rank(), count)) };
            let sets = [part(&digits.train), part(&digits.test)];
            follow(&*world, host, sets, Some(recipe)).unwrap();
            return None;
        }
        let ranks = Arc::new(Ranks::lead(world, host));
        let start = recipe.initial_parameters();
        let mut engine = FullBatch::with_level_and_threads(
            digits.clone(),
            recipe.clone(),
            &start,
            ranks.level(),
            ranks.threads(),
        )
        .unwrap()
        .shared_with(ranks);
        Some(course(&mut engine))
    });
    courses.swap_remove(0).expect("of rank 0")
}

#[test]
fn any_number_of_ranks_computes_the_bytes_of_one_process() {
    for name in [
        RecipeName::FullBatch,
        RecipeName::FullBatchSoftmax,
        RecipeName::FullBatchAdamW,
        RecipeName::FullBatchModern,
    ] {
        // Shift and dropout are drawn by the numbers of examples.
        let recipe = Recipe {
            curvature_sample: 500,
            ..Recipe::named(name)
        };
        let start = recipe.initial_parameters();
        let mut alone = FullBatch::new(digits(), recipe.clone(), &start).unwrap();
        let expected = course(&mut alone).unwrap();
        for count in [2, 4, 13] {
            let found = shared(&recipe, count, None).unwrap();
            assert!(found == expected, "{name:?} on {count} ranks");
        }
    }
}

#[test]
fn a_rank_with_other_weights_is_found() {
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    let error = shared(&recipe, 3, Some(2)).unwrap_err().to_string();
    assert!(error.starts_with("rank 2: found other weights"), "{error}");
}

#[test]
fn ranks_that_differ_refuse_and_neighbours_share_cores() {
    let agree = |texts: fn(usize) -> [&'static str; 3]| {
        on_ranks(3, None, |world| {
            let [version, digits, place] = texts(world.rank());
            Host::agree(&*world, version, digits, place).map_err(|error| error.to_string())
        })
    };
    let hosts = agree(|rank| ["1", "ab", if rank < 2 { "here" } else { "there" }]);
    let threads = |rank: usize| hosts[rank].as_ref().unwrap().threads;
    let cores = crate::threads::cores();
    assert_eq!(
        [0, 1, 2].map(threads),
        [(cores / 2).max(1), (cores / 2).max(1), cores]
    );
    assert_eq!(hosts[0].as_ref().unwrap().level, Level::best());
    let versions = agree(|rank| [if rank == 1 { "2" } else { "1" }, "ab", "here"]);
    assert!(versions[0].is_ok() && versions[2].is_ok());
    assert_eq!(
        versions[1].as_ref().unwrap_err(),
        "version: found 2, expected the same as on rank 0, which has another"
    );
    let digits = agree(|rank| ["1", if rank == 2 { "cd" } else { "ab" }, "here"]);
    assert!(
        digits[1].is_ok()
            && digits[2]
                .as_ref()
                .unwrap_err()
                .starts_with("digits: found cd")
    );
}

#[test]
fn all_ranks_take_the_fastest_instruction_set_that_each_has() {
    let all = Level::available();
    for slowest in 1..=all.len() {
        let hosts = on_ranks(3, None, |world| {
            let levels = match world.rank() {
                1 => &all[..slowest],
                _ => &all[..],
            };
            Host::agree_on(&*world, ["1", "ab", "here"], levels).unwrap()
        });
        for host in hosts {
            assert_eq!(host.level, all[slowest - 1]);
        }
    }
}

#[test]
fn a_rank_with_another_recipe_refuses_it() {
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    let errors = on_ranks(2, None, |world| {
        let host = Host::agree(&*world, "1", "", "").unwrap();
        if world.rank() == 0 {
            // Leads no more: rank 1 ends.
            std::mem::forget(Ranks::lead(Arc::clone(&world), host));
            let json = serde_json::to_vec(&recipe).unwrap();
            Order::Open(json.len() as u32).give(&*world, None);
            world.broadcast(&mut json.clone());
            return None;
        }
        let own = Recipe {
            shift: 1,
            ..recipe.clone()
        };
        let set = || -> Arc<dyn Examples> { Arc::new(digits().train) };
        let error = follow(&*world, host, [set(), set()], Some(&own)).unwrap_err();
        Some(error.to_string())
    });
    assert_eq!(
        errors[1].as_deref(),
        Some("recipe: found shift 1, expected 0 as on rank 0: every rank takes the same command")
    );
}

#[test]
fn a_part_has_the_examples_of_its_blocks() {
    let set = digits().train;
    let mut next = 0;
    for rank in 0..4 {
        let own = own_examples(set.len(), rank, 4);
        assert_eq!(own.start, next);
        let part = Held::of(&set, rank, 4);
        assert_eq!(
            (part.count(), part.denominator()),
            (set.len(), set.denominator())
        );
        let mut room = [0; crate::net::PIXELS];
        for example in own.clone() {
            assert_eq!(part.image(example, &mut room), set.image_codes(example));
            assert_eq!(part.label(example), set.labels()[example]);
        }
        next = own.end;
    }
    assert_eq!(next, set.len());
    assert!(own_examples(65, 0, 4).is_empty());
    assert_eq!(
        Repeated::new(set, 100_000_000).count(),
        own_examples(100_000_000, 3, 4).end
    );
}
