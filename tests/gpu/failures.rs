//! Devices that fail: each call says so, and what was kept before stays good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gpu_train::checkpoint::{self, Origin};
use gpu_train::data::DigitsRecord;
use gpu_train::engine::{Engine, EngineKind, Evaluation, Split, State};
use gpu_train::error::{Error, Result};
use gpu_train::gpu::layout::sizes::STEP;
use gpu_train::gpu::step::contents::Value;
use gpu_train::gpu::{Gpu, Kernels, Options};
use gpu_train::net::Parameters;
use gpu_train::train::{self, Cadence, Event};
use libtest_mimic::Failed;

use crate::fixture::Case;
use crate::runs::all_identical;

/// An engine whose device is lost after N steps.
struct Doomed {
    gpu: Gpu,
    left: u32,
}

impl Engine for Doomed {
    fn kind(&self) -> EngineKind {
        self.gpu.kind()
    }
    fn device(&self) -> String {
        self.gpu.device()
    }
    fn restore(&mut self, state: &State) -> Result<()> {
        self.gpu.restore(state)
    }
    fn state(&mut self) -> Result<State> {
        self.gpu.state()
    }
    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        self.left = self.left.saturating_sub(steps);
        if self.left == 0 {
            self.gpu.device_to_lose().destroy();
        }
        self.gpu.train(steps)
    }
    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        self.gpu.gradient()
    }
    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        self.gpu.evaluate(split)
    }
}

fn origin(case: &Case, gpu: &Gpu) -> Origin {
    Origin {
        version: "test".into(),
        engine: gpu.kind(),
        device: gpu.device(),
        kernels: Some(gpu.variant().to_string()),
        recipe: case.recipe(),
        digits: DigitsRecord {
            source: "random".into(),
            sha256: "none".into(),
            train_examples: case.examples as u32,
            test_examples: 67,
        },
    }
}

fn expect_device_error<T>(what: &str, result: Result<T>) -> std::result::Result<String, Failed> {
    match result {
        Err(Error::Device(message)) if message.lines().count() == 1 => Ok(message),
        Err(other) => {
            Err(format!("{what}: found {other:?}, expected an error of the device").into())
        }
        Ok(_) => Err(format!("{what}: found no error on a lost device").into()),
    }
}

/// A device destroyed in the middle of a run: an error at every call, and from the last checkpoint a new device resumes
/// to the very end that the unbroken run has.
pub fn a_lost_device_ends_the_run(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> std::result::Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("run.ckpt");
    let recipe = case.recipe();
    let origin = origin(case, &case.gpu(adapter)?);
    let cadence = Cadence {
        evaluate_every: 4,
        checkpoint_every: Some(1),
    };
    let mut keep = |event: Event<'_>| match event {
        Event::Checkpoint { state, past } => checkpoint::save(&path, &origin, state, past),
        _ => Ok(()),
    };
    let mut doomed = Doomed {
        gpu: case.gpu(adapter)?,
        left: 6,
    };
    let outcome = train::run(&mut doomed, &recipe, case.examples, cadence, &mut keep);
    let message = expect_device_error("the run", outcome)?;
    if !message.contains("the device was lost") {
        return Err(message.into());
    }
    expect_device_error("train", doomed.train(1))?;
    expect_device_error("state", doomed.state())?;
    expect_device_error("evaluate", doomed.evaluate(Split::Test))?;
    expect_device_error("gradient", doomed.gradient())?;
    drop(doomed);
    let kept = checkpoint::load(&path)?;
    if kept.state.step != 5 {
        return Err(format!(
            "found the checkpoint of step {}, expected 5",
            kept.state.step
        )
        .into());
    }
    let mut resumed = case.gpu(adapter)?;
    resumed.restore(&kept.state)?;
    train::resume(
        &mut resumed,
        &recipe,
        case.examples,
        cadence,
        kept.past,
        &mut keep,
    )?;
    let mut unbroken = case.gpu(adapter)?;
    unbroken.train(recipe.validate_updates(case.examples)?)?;
    all_identical(&resumed.state()?, &unbroken.state()?)
}

/// A device destroyed while it computes, as by a driver that is reset: the call that waits for it ends with the error.
pub fn a_device_lost_at_work_ends_the_call(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> std::result::Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gpu.train(1)?;
    let device = gpu.device_to_lose();
    let destroyed = AtomicBool::new(false);
    let trained = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Some steps of many.
            std::thread::sleep(Duration::from_millis(20));
            device.destroy();
            destroyed.store(true, Ordering::SeqCst);
        });
        let trained = gpu.train(50_000);
        if !destroyed.load(Ordering::SeqCst) {
            return Err(Failed::from(
                "50,000 steps ended before the device was lost",
            ));
        }
        Ok(trained)
    });
    let message = expect_device_error("train", trained?)?;
    if !message.contains("the device was lost") {
        return Err(message.into());
    }
    expect_device_error("state", gpu.state())?;
    Ok(())
}

/// A device that does not answer in time, in training or while kernels are measured: an error that says so, and it can
/// be dropped.
pub fn a_device_that_hangs_is_left(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> std::result::Result<(), Failed> {
    let options = Options {
        kernels: Kernels::Tuned { cache: None },
        // No device does a step of thousands of examples in so little.
        timeout: Some(Duration::from_nanos(1)),
        tuning_budget: Some(Duration::ZERO),
        ..Options::default()
    };
    let trained = case
        .open(adapter, &options)
        .and_then(|mut gpu| gpu.train(50));
    let (digits, recipe, start) = (case.digits(), case.recipe(), case.parameters());
    let tuned = Gpu::open(adapter, &digits, recipe, &start, &options);
    for message in [
        expect_device_error("train", trained)?,
        expect_device_error("tuning", tuned)?,
    ] {
        let expected = ["has not answered for 0.000000001 s", "--device-timeout"];
        if !expected.iter().all(|text| message.contains(text)) {
            return Err(message.into());
        }
    }
    Ok(())
}

/// Steps that the device has not counted are noticed when its state is read, and its next state is good.
pub fn a_step_that_did_not_run_is_noticed(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> std::result::Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gpu.train(1)?;
    let state = gpu.state()?;
    gpu.restore(&state)?;
    let progress = gpu.program().range(Value::Progress);
    let counter = progress.first + STEP as u64;
    gpu.opened()
        .write(gpu.buffer(&progress.buffer), counter, &[0]);
    let message = expect_device_error("the state", gpu.state())?;
    if !message.contains("is at step 0") || !message.contains("expected step 1") {
        return Err(message.into());
    }
    gpu.restore(&state)?;
    all_identical(&gpu.state()?, &state)
}
