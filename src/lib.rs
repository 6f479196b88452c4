//! Trains LeCun's 1989 zip-code convnet, one example at a time as it was then, or over the whole training set at once
//! on a GPU, and compares the two.
//!
//! The program `gpu-train` (package of this name) is made of this library. A run is four things: digits, a recipe, an engine, and the loop
//! over it.
//!
//! ```
//! use gpu_train::data;
//! use gpu_train::recipe::{RecipeName, Recipe};
//! use gpu_train::target::{self, Target};
//! use gpu_train::train::{self, Cadence};
//!
//! let mut digits = data::embedded::digits();
//! digits.train = digits.train.truncated(1_000);
//! let recipe = Recipe::named(RecipeName::FullBatch);
//! let target = Target::Cpu(1);
//! let start = target.starting_point(&digits, &recipe)?;
//! let mut engine = target::open(&target, &digits, &recipe, start)?.engine;
//! let (examples, cadence) = (digits.train.len(), Cadence::every(2));
//! let history = train::run(engine.as_mut(), &recipe, examples, cadence, &mut |_| Ok(()))?;
//! // After 4 steps, of 2,007; guessing misses nine in ten.
//! assert!(history.last().test.misses < 300);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```
//!
//! # Map
//!
//! | what | where |
//! |---|---|
//! | what is trained and how | [`recipe`]; the net itself as data: [`net`] |
//! | on what | [`data`] |
//! | engines, all with one trait | [`engine`]; [`cpu`], [`gpu`], and [`mod@reference`], which proves the others |
//! | where a run trains, and how its engine is opened | [`target`] |
//! | one step over several processes | [`cpu::ranks`]; the messages between them: [`world`] |
//! | statistics of the layers' inputs, for whitened Muon | [`whitening`] |
//! | the loop | [`train`] |
//! | trained nets in files | [`weights`], [`checkpoint`] |
//! | random numbers, the same on every engine | [`draw`] |
//! | a digit in a picture | [`predict`] |
//! | experiments: race, table, search, benchmark | [`experiment`] |
//!
//! `examples/` holds whole programs. Every error is an [`error::Error`]: one line that says what was found and what was
//! expected.

pub mod checkpoint;
pub mod cpu;
pub mod data;
pub mod draw;
pub mod engine;
pub mod error;
pub mod experiment;
pub mod file;
pub mod gpu;
pub mod named;
pub mod net;
pub mod predict;
pub mod recipe;
pub mod reference;
pub mod start;
pub mod target;
pub mod threads;
pub mod train;
pub mod weights;
pub mod whitening;
pub mod world;
