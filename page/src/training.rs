//! Training of one contestant: once with evaluations for its curve, once more against the clock.

use gpu_train::cpu;
use gpu_train::data::{Digits, embedded};
use gpu_train::engine::{Engine, Evaluation, Split, State};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{Contestant, ContestantKind, RaceRun};
use gpu_train::gpu::{Gpu, Kind, Options};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Functions, Recipe, RecipeName};
use gpu_train::start::StartingPoint;
use gpu_train::target::{self, Adapter, Target};
use gpu_train::train::{Cadence, Event, History, Loop, Next, Point, refuse_divergence};
use js_sys::{Float32Array, Function};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};
use web_time::Instant;

use crate::{json, sentence};

/// Evaluations of an epoch of batch 1, for its curve.
const LOOKS_PER_EPOCH: u32 = 4;

/// Someone who trains the net in the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The full batch on WebGPU.
    Gpu,
    /// The full batch on one core.
    Cpu,
    /// Batch 1 on one core.
    PerExample,
}

impl Entry {
    /// The entry that the page calls by this name.
    pub fn named(name: &str) -> crate::Result<Self> {
        match name {
            "gpu" => Ok(Self::Gpu),
            "cpu" => Ok(Self::Cpu),
            "per-example" => Ok(Self::PerExample),
            _ => Err(JsError::new(&format!(
                "found the contestant {name:?}, expected gpu, cpu or per-example"
            ))),
        }
    }

    /// Its recipe: all three start from the same weights.
    pub fn recipe(self, seed: u32) -> Recipe {
        let name = match self {
            Self::Gpu | Self::Cpu => RecipeName::FullBatch,
            Self::PerExample => RecipeName::PerExampleClosedForm,
        };
        Recipe {
            seed: seed.into(),
            ..Recipe::named(name)
        }
    }
}

/// An engine of any of them; a GPU's calls are awaited.
pub enum Trainer {
    Gpu(Box<Gpu>),
    Cpu(Box<dyn Engine>),
}

impl Trainer {
    /// Opens the engine of an entry.
    async fn open(
        entry: Entry,
        digits: &Digits,
        recipe: &Recipe,
        start: &Parameters,
    ) -> Result<Opened> {
        let target = match entry {
            Entry::Gpu => {
                let adapter = Adapter::request(Options::default()).await?;
                let opened = adapter.open_async(digits, recipe, start).await?;
                return Ok(Opened {
                    set_up: opened.set_up,
                    kernels: opened.kernels,
                    trainer: Self::Gpu(opened.engine),
                });
            }
            Entry::Cpu => Target::Cpu(1),
            Entry::PerExample => Target::PerExample,
        };
        let opened = target::open(&target, digits, recipe, start.clone().into())?;
        Ok(Opened {
            set_up: opened.set_up,
            kernels: None,
            trainer: Self::Cpu(opened.engine),
        })
    }

    fn engine(&mut self) -> &mut dyn Engine {
        match self {
            Self::Gpu(gpu) => gpu.as_mut(),
            Self::Cpu(engine) => engine.as_mut(),
        }
    }

    /// Goes to the start of a run.
    pub fn begin(&mut self, start: StartingPoint) -> Result<()> {
        let engine = self.engine();
        engine.restore(&State::start(start.parameters))?;
        start
            .whitening
            .map_or(Ok(()), |whitening| engine.take_whitening(whitening))
    }

    pub async fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        match self {
            Self::Gpu(gpu) => gpu.train_async(steps).await,
            Self::Cpu(engine) => engine.train(steps),
        }
    }

    async fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        match self {
            Self::Gpu(gpu) => gpu.evaluate_async(split).await,
            Self::Cpu(engine) => engine.evaluate(split),
        }
    }

    async fn state(&mut self) -> Result<State> {
        match self {
            Self::Gpu(gpu) => gpu.state_async().await,
            Self::Cpu(engine) => engine.state(),
        }
    }
}

/// An engine that is ready for its first step.
pub struct Opened {
    pub trainer: Trainer,
    /// Seconds that it took.
    set_up: f64,
    kernels: Option<String>,
}

/// News for the page.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum News<'a> {
    Phase {
        phase: &'a str,
        note: &'a str,
    },
    Device {
        device: &'a str,
        kernels: Option<&'a str>,
    },
    Progress {
        step: u32,
        steps: u32,
        seconds: f64,
    },
    Evaluated {
        #[serde(flatten)]
        point: &'a Point,
        steps: u32,
        functions: Functions,
    },
}

/// Result of a contestant's training; its one run has the times.
#[derive(Serialize)]
struct Outcome {
    contestant: Contestant,
    functions: Functions,
}

/// A contestant under way.
struct Course<'a> {
    entry: Entry,
    digits: Digits,
    recipe: Recipe,
    /// Called with the JSON of the news, and the weights where they belong to it.
    emit: &'a Function,
}

impl Course<'_> {
    fn emit(&self, news: &News, weights: Option<&Parameters>) {
        let weights = weights.map_or(JsValue::NULL, |weights| {
            Float32Array::from(weights.flat()).into()
        });
        // The page's own function: it only posts a message.
        let _ = self
            .emit
            .call2(&JsValue::NULL, &json(news).into(), &weights);
    }

    fn phase(&self, phase: &str, note: &str) {
        self.emit(&News::Phase { phase, note }, None);
    }

    fn evaluated(&self, point: &Point, steps: u32, weights: &Parameters) {
        let functions = (&self.recipe).into();
        let news = News::Evaluated {
            point,
            steps,
            functions,
        };
        self.emit(&news, Some(weights));
    }

    fn start(&self) -> Result<StartingPoint> {
        StartingPoint::of(&self.recipe, &self.digits.train, 1)
    }

    /// Trains with an evaluation at the start and after each step, or quarter of an epoch.
    async fn with_curve(&self, trainer: &mut Trainer) -> Result<()> {
        self.phase("start", "computing the closed-form start");
        let start = self.start()?;
        self.phase("training", "training, with evaluations for the curve");
        let (examples, mut history) = (self.digits.train.len(), History::start(start.seconds));
        let steps = self.recipe.validate_updates(examples)?;
        let at_start = start.parameters.clone();
        trainer.begin(start)?;
        history.points.push(Point {
            step: 0,
            seconds: history.seconds,
            train: trainer.evaluate(Split::Train).await?,
            test: trainer.evaluate(Split::Test).await?,
        });
        self.evaluated(history.last(), steps, &at_start);
        let epoch = self.recipe.updates_per_epoch(examples) as u32;
        let cadence = Cadence::every((epoch / LOOKS_PER_EPOCH).max(1));
        let mut run = Loop::new(&self.recipe, examples, cadence, history)?;
        while let Some(next) = run.next() {
            match next {
                Next::Train(count) => {
                    let started = Instant::now();
                    let losses = trainer.train(count).await?;
                    if let Event::Progress {
                        step,
                        steps,
                        seconds,
                        ..
                    } = run.trained(losses, started.elapsed())?
                    {
                        self.emit(
                            &News::Progress {
                                step,
                                steps,
                                seconds,
                            },
                            None,
                        );
                    }
                }
                Next::Evaluate => {
                    let train = trainer.evaluate(Split::Train).await?;
                    let test = trainer.evaluate(Split::Test).await?;
                    let weights = trainer.state().await?.parameters;
                    if let Event::Evaluated { point, steps } = run.evaluated(train, test) {
                        self.evaluated(point, steps, &weights);
                    }
                }
                Next::Checkpoint => {}
            }
            run.watched(Ok(()))?;
        }
        run.finish().map(drop)
    }

    /// The whole run with nothing in between, as the native race times it, and its weights.
    async fn against_the_clock(&self, trainer: &mut Trainer) -> Result<(RaceRun, Parameters)> {
        self.phase("clock", "once more against the clock");
        let steps = self.recipe.validate_updates(self.digits.train.len())?;
        let start = self.start()?;
        let of_start = start.seconds;
        trainer.begin(start)?;
        let started = Instant::now();
        let losses = trainer.train(steps).await?;
        let parameters = trainer.state().await?.parameters;
        let train = of_start + started.elapsed().as_secs_f64();
        refuse_divergence(&self.recipe, self.digits.train.len(), 0, &losses)?;
        if !parameters.flat().iter().all(|value| value.is_finite()) {
            let text = "training diverged: a weight is not finite after the last step";
            return Err(Error::Diverged(text.into()));
        }
        let run = RaceRun {
            round: 0,
            seed: self.recipe.seed,
            setup: 0.0,
            train,
            start: of_start,
            test_misses: trainer.evaluate(Split::Test).await?.misses,
            train_misses: trainer.evaluate(Split::Train).await?.misses,
        };
        Ok((run, parameters))
    }

    /// The contestant of a race, after its run.
    fn contestant(
        &self,
        trainer: &Trainer,
        device: String,
        kernels: Option<String>,
        run: RaceRun,
    ) -> Result<Contestant> {
        let (kind, place, cores) = match (self.entry, trainer) {
            (Entry::PerExample, _) => (ContestantKind::PerExample, "batch 1", Some(1)),
            (_, Trainer::Gpu(gpu)) if gpu.adapter().kind < Kind::Software => {
                (ContestantKind::Gpu, device.as_str(), None)
            }
            (_, Trainer::Gpu(_)) => (ContestantKind::Software, device.as_str(), None),
            (_, Trainer::Cpu(_)) => (ContestantKind::Cpu, "cpu, 1 core", Some(1)),
        };
        let examples = self.digits.train.len();
        let steps = self.recipe.validate_updates(examples)?;
        Ok(Contestant {
            name: format!("{place}: {}", self.recipe.name),
            kind,
            recipe_name: self.recipe.name.clone(),
            recipe: serde_json::to_value(&self.recipe).expect("a recipe has only plain fields"),
            cores,
            kernels,
            steps,
            presentations: self.recipe.presentations(steps, examples),
            tuning: 0.0,
            runs: vec![run],
            failed: Vec::new(),
            standing: None,
            device,
        })
    }

    async fn run(self, adapter: Option<String>) -> Result<(Outcome, Parameters)> {
        self.phase(
            "opening",
            match self.entry {
                Entry::Gpu => "compiling the shaders and uploading the digits",
                _ => "making the engine",
            },
        );
        let drawn = self.recipe.initial_parameters();
        let opened = Trainer::open(self.entry, &self.digits, &self.recipe, &drawn).await?;
        let (mut trainer, kernels) = (opened.trainer, opened.kernels);
        // A browser names its adapter to scripts only.
        let device = adapter.unwrap_or_else(|| trainer.engine().device());
        self.emit(
            &News::Device {
                device: &device,
                kernels: kernels.as_deref(),
            },
            None,
        );
        self.with_curve(&mut trainer).await?;
        let (mut run, parameters) = self.against_the_clock(&mut trainer).await?;
        run.setup = opened.set_up;
        let outcome = Outcome {
            contestant: self.contestant(&trainer, device, kernels, run)?,
            functions: (&self.recipe).into(),
        };
        Ok((outcome, parameters))
    }
}

/// The engine of an entry, on these digits, at the start of its recipe from drawn weights.
pub async fn opened(entry: Entry, digits: &Digits, recipe: &Recipe) -> crate::Result<Trainer> {
    let start = recipe.initial_parameters();
    let opened = Trainer::open(entry, digits, recipe, &start).await;
    Ok(opened.map_err(sentence)?.trainer)
}

/// Trains a contestant: `gpu`, `cpu` or `per-example`. `adapter` is the GPU's name; `emit` is called with the JSON of each
/// piece of news, and the weights or null. Returns the JSON of the outcome, then calls `emit` no more.
///
/// # Errors
/// A sentence: the device fails, a shader does not compile, training diverges.
#[wasm_bindgen]
pub async fn train(
    contestant: String,
    seed: u32,
    adapter: Option<String>,
    emit: Function,
) -> crate::Result<js_sys::Array> {
    let entry = Entry::named(&contestant)?;
    let course = Course {
        entry,
        digits: embedded::digits(),
        recipe: entry.recipe(seed),
        emit: &emit,
    };
    let (outcome, parameters) = course.run(adapter).await.map_err(sentence)?;
    let weights = Float32Array::from(parameters.flat());
    Ok(js_sys::Array::of2(&json(&outcome).into(), &weights))
}

/// Name of the processor's instruction set that the CPU's engines use.
#[wasm_bindgen]
pub fn processor() -> String {
    cpu::simd::Level::best().name().into()
}
