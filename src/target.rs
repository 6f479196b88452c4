//! The place where a run trains, and the one way to get an engine there.
//!
//! ```
//! use gpu_train::data::embedded;
//! use gpu_train::engine::EngineKind;
//! use gpu_train::recipe::{Batch, RecipeName, Recipe};
//! use gpu_train::target::{Target, open};
//!
//! let digits = embedded::digits();
//! let recipe = Recipe::named(RecipeName::Reproduction);
//! let target = Target::Cpu(2).of_batch(recipe.batch);
//! let opened = open(&target, &digits, &recipe, recipe.initial_parameters().into())?;
//! assert_eq!(opened.engine.kind(), EngineKind::PerExample);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::sync::Arc;

use web_time::Instant;

use crate::cpu::simd::Level;
use crate::cpu::{FullBatch, PerExample, Ranks};
use crate::data::Digits;
use crate::engine::{Engine, EngineKind};
use crate::error::Result;
use crate::gpu::{self, AdapterChoice, AdapterDescription, Gpu, Kernels, Kind, Options};
use crate::net::Parameters;
use crate::recipe::{Batch, Recipe};
use crate::reference::Reference;
use crate::start::StartingPoint;
use crate::threads::cores;

/// The place where a run trains.
#[derive(Debug, Clone)]
pub enum Target {
    /// The scalar reference, on one core.
    Reference,
    /// The full batch on up to this number of threads. They change no bit of what is computed.
    Cpu(usize),
    /// Batch 1 on one core.
    PerExample,
    /// The full batch on the processors of several processes, which change no bit either. This one leads them.
    Ranks(Arc<Ranks>),
    /// The full batch on an adapter.
    Adapter(Adapter),
}

/// An adapter, and how engines are opened on it.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// The adapter.
    pub adapter: wgpu::Adapter,
    /// Its description.
    pub description: AdapterDescription,
    /// Kernels to run, and time-out of the device.
    pub options: Options,
    /// Seconds that finding the adapter took: part of every set-up.
    finding: f64,
}

/// An engine at the start of a run.
pub struct Opened<E: ?Sized = dyn Engine> {
    /// The engine.
    pub engine: Box<E>,
    /// Seconds until the engine was ready for its first step, tuning not counted.
    pub set_up: f64,
    /// Seconds spent on measuring kernels.
    pub tuning: f64,
    /// A GPU's kernels, as `--kernels` takes them.
    pub kernels: Option<String>,
    /// Notes to print.
    pub notes: Vec<String>,
}

/// Opens an engine at the start of a run from these weights.
///
/// # Errors
/// [`Error::Usage`](crate::error::Error::Usage) if the target cannot train this recipe,
/// [`Error::Device`](crate::error::Error::Device) if an adapter lacks something or fails.
pub fn open(
    target: &Target,
    digits: &Digits,
    recipe: &Recipe,
    start: StartingPoint,
) -> Result<Opened> {
    let mut opened = open_at(target, digits, recipe, &start.parameters)?;
    if let Some(whitening) = start.whitening {
        opened.engine.take_whitening(whitening)?;
    }
    Ok(opened)
}

fn open_at(
    target: &Target,
    digits: &Digits,
    recipe: &Recipe,
    start: &Parameters,
) -> Result<Opened> {
    let started = Instant::now();
    // A clone shares the images.
    let (data, copy) = (digits.clone(), recipe.clone());
    let engine: Box<dyn Engine> = match target {
        Target::Reference => Box::new(Reference::<f32>::new(data, copy, start)?),
        Target::PerExample => Box::new(PerExample::new(data, copy, start)?),
        Target::Cpu(threads) => {
            let (level, threads) = (Level::best(), *threads);
            Box::new(FullBatch::with_level_and_threads(
                data, copy, start, level, threads,
            )?)
        }
        Target::Ranks(ranks) => {
            let (level, threads) = (ranks.level(), ranks.threads());
            let engine = FullBatch::with_level_and_threads(data, copy, start, level, threads)?;
            Box::new(engine.shared_with(Arc::clone(ranks)))
        }
        Target::Adapter(adapter) => {
            let opened = adapter.open(digits, recipe, start)?;
            return Ok(Opened {
                engine: opened.engine,
                set_up: opened.set_up,
                tuning: opened.tuning,
                kernels: opened.kernels,
                notes: opened.notes,
            });
        }
    };
    Ok(Opened {
        engine,
        set_up: started.elapsed().as_secs_f64(),
        tuning: 0.0,
        kernels: None,
        notes: Vec::new(),
    })
}

impl Target {
    /// The target of recipes of this batch where full-batch ones train here: one core for batch 1, unless it is the
    /// reference's.
    #[must_use]
    pub fn of_batch(&self, batch: Batch) -> Self {
        match (self, batch) {
            (Self::Reference, _) | (_, Batch::Full) => self.clone(),
            (_, Batch::PerExample) => Self::PerExample,
        }
    }

    /// The recipe's starting point for a run here, on as many threads as the run has; for an adapter, on all cores.
    ///
    /// # Errors
    /// As [`StartingPoint::of`].
    pub fn starting_point(&self, digits: &Digits, recipe: &Recipe) -> Result<StartingPoint> {
        let threads = match self {
            Self::Reference | Self::PerExample => 1,
            Self::Cpu(threads) => *threads,
            Self::Ranks(ranks) => ranks.threads(),
            Self::Adapter(_) => cores(),
        };
        StartingPoint::of(recipe, &digits.train, threads)
    }

    /// The engine that trains here.
    pub fn engine(&self) -> EngineKind {
        match self {
            Self::Reference => EngineKind::Reference,
            Self::Cpu(_) | Self::Ranks(_) => EngineKind::Cpu,
            Self::PerExample => EngineKind::PerExample,
            Self::Adapter(_) => EngineKind::Gpu,
        }
    }

    /// The adapter, if it is one.
    pub fn adapter(&self) -> Option<&Adapter> {
        match self {
            Self::Adapter(adapter) => Some(adapter),
            _ => None,
        }
    }
}

impl Adapter {
    /// The adapter that fits a choice best.
    ///
    /// # Errors
    /// [`Error::Device`](crate::error::Error::Device) if none does.
    pub fn choose(choice: &AdapterChoice, options: Options) -> Result<Self> {
        let started = Instant::now();
        Self::found(gpu::choose(choice)?, options, started)
    }

    /// The real GPU to take where none is asked for.
    ///
    /// # Errors
    /// As [`gpu::choose_that_answers`].
    pub fn choose_that_answers(options: Options) -> Result<Self> {
        let started = Instant::now();
        Self::found(gpu::choose_that_answers()?, options, started)
    }

    /// The adapter that describes itself like this, if it is here.
    pub fn named(name: &str, options: Options) -> Option<Self> {
        let started = Instant::now();
        let adapters = gpu::adapters().into_iter();
        let mut found = adapters.flat_map(|adapter| Self::found(adapter, options.clone(), started));
        found.find(|adapter| adapter.description.to_string() == name)
    }

    /// The adapter that a browser offers.
    ///
    /// # Errors
    /// As [`gpu::request`].
    pub async fn request(options: Options) -> Result<Self> {
        let started = Instant::now();
        Self::found(gpu::request().await?, options, started)
    }

    fn found(adapter: wgpu::Adapter, options: Options, started: Instant) -> Result<Self> {
        Ok(Self {
            description: gpu::describe(&adapter)?,
            adapter,
            options,
            finding: started.elapsed().as_secs_f64(),
        })
    }

    /// Opens an engine at the start of a run from these parameters.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(
        &self,
        digits: &Digits,
        recipe: &Recipe,
        start: &Parameters,
    ) -> Result<Opened<Gpu>> {
        gpu::block_on(self.open_async(digits, recipe, start))
    }

    /// [`Adapter::open`] without blocking.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open_async(
        &self,
        digits: &Digits,
        recipe: &Recipe,
        start: &Parameters,
    ) -> Result<Opened<Gpu>> {
        let started = Instant::now();
        let (adapter, options) = (&self.adapter, &self.options);
        let opened = Gpu::open_async(adapter, digits, recipe.clone(), start, options).await?;
        let (tuning, variant) = (opened.tuning, opened.engine.variant().to_string());
        let how = match opened.measured.len() {
            0 => String::new(),
            shapes => format!(", the fastest of {shapes} in {tuning:.1} s"),
        };
        Ok(Opened {
            engine: Box::new(opened.engine),
            set_up: self.finding + started.elapsed().as_secs_f64() - tuning,
            tuning,
            notes: vec![format!("kernels: {variant}{how}")],
            kernels: Some(variant),
        })
    }

    /// This adapter with its kernels settled for all runs of a recipe, and the seconds spent on measuring them, if they
    /// are to be measured.
    ///
    /// # Errors
    /// As [`open`].
    pub fn settled(
        mut self,
        digits: &Digits,
        recipe: &Recipe,
        start: &Parameters,
    ) -> Result<(Self, f64)> {
        let is_measured = matches!(self.options.kernels, Kernels::Tuned { .. });
        if !is_measured || self.description.kind == Kind::Software {
            return Ok((self, 0.0));
        }
        let opened = self.open(digits, recipe, start)?;
        self.options.kernels = Kernels::Fixed(opened.engine.variant());
        Ok((self, opened.tuning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::error::Error;
    use crate::recipe::RecipeName;

    #[test]
    fn each_target_opens_its_engine_or_refuses_the_recipe() {
        let digits = embedded::digits();
        let digits = Digits {
            train: digits.train.truncated(20),
            test: digits.test.truncated(10),
            ..digits
        };
        let full = Recipe::named(RecipeName::FullBatchMuon);
        let one = Recipe::named(RecipeName::Reproduction);
        let cases = [
            (Target::Reference, &full, true),
            (Target::Reference, &one, true),
            (Target::Cpu(2), &full, true),
            (Target::Cpu(2), &one, false),
            (Target::PerExample, &one, true),
            (Target::PerExample, &full, false),
        ];
        for (target, recipe, fits) in cases {
            match open(&target, &digits, recipe, recipe.initial_parameters().into()) {
                Ok(mut opened) => {
                    assert!(fits, "{target:?}");
                    assert_eq!(opened.engine.kind(), target.engine());
                    assert_eq!(opened.engine.state().expect("a state").step, 0);
                    assert!(opened.set_up > 0.0 && opened.tuning == 0.0);
                    assert_eq!(opened.kernels, None);
                }
                Err(Error::Usage(_)) => assert!(!fits, "{target:?}"),
                Err(error) => panic!("{target:?}: {error}"),
            }
        }
    }

    #[test]
    fn batch_1_trains_on_one_core_wherever_full_batch_does() {
        let of = |target: Target, batch| target.of_batch(batch).engine();
        assert_eq!(
            of(Target::Cpu(8), Batch::PerExample),
            EngineKind::PerExample
        );
        assert_eq!(of(Target::Cpu(8), Batch::Full), EngineKind::Cpu);
        assert_eq!(
            of(Target::Reference, Batch::PerExample),
            EngineKind::Reference
        );
    }
}
