//! Experiments over whole runs: the race to the reproduction's misses, the essay's table, the search for a recipe's
//! numbers, and the benchmark.
//!
//! | file | content |
//! |---|---|
//! | [`mod@race`] | the race's rule, entrants, rounds and standings |
//! | [`reproduce`] | the table's rows, and the table |
//! | [`search`] | candidates, and the digits that they are compared on |
//! | [`bench`](mod@bench) | time per step |
//! | [`run`] | one timed run: a job in, its record out |
//! | [`queue`], [`folder`] | runs in their order, kept as they end, resumed |
//! | [`share`] | the runs dealt to several processes |
//! | [`verdict`] | the verdict on the essay's ~100X |
//! | [`statistics`] | quantiles, mean, intervals |
//! | [`missed`] | the examples that a trained net misses |
//! | [`record`] | the JSON that all of them write |
//!
//! A run against the clock, as a race makes of each contestant and seed:
//!
//! ```
//! use gpu_train::data::{DigitsRecord, embedded};
//! use gpu_train::experiment::run::Job;
//! use gpu_train::recipe::{Recipe, RecipeName};
//! use gpu_train::target::Target;
//!
//! let mut digits = embedded::digits();
//! digits.train = digits.train.truncated(1_000);
//! let record = DigitsRecord::of(&digits);
//! let recipe = Recipe { seed: 7, ..Recipe::named(RecipeName::FullBatch) };
//! let job = Job::new("full-batch", (&digits, &record), recipe, Target::Cpu(1));
//! let (found, parameters) = job.run("2026-01-31", 1, None, &mut |_examples| Ok(()))?;
//! assert_eq!(found.identity.seed, 7);
//! assert!(parameters.is_some());
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

pub mod bench;
pub mod folder;
pub mod missed;
pub mod queue;
pub mod race;
pub mod record;
pub mod reproduce;
pub mod run;
pub mod search;
pub mod share;
pub mod statistics;
pub mod verdict;
