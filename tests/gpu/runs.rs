//! Whole runs: trajectories, resuming, counting, evaluation, saturation.

use std::time::Duration;

use gpu_train::engine::{Engine, Split, State};
use gpu_train::error::Error;
use gpu_train::gpu::{Gpu, Kernels, Kind, Options, Variant, WeightPath, describe};
use gpu_train::net::{H1B, PARAMETERS, Parameters};
use gpu_train::threads::Threads;
use gpu_train::whitening::{Sample, Whitening};
use libtest_mimic::Failed;

use crate::compare::{Tolerance, close, identical};
use crate::fixture::{Case, tiling};

/// Ten updates from rounding of 1e-6 on: AdamW divides by the gradient's own size, so where a gradient is tiny its
/// rounding counts in full.
const AFTER_TEN_STEPS: Tolerance = Tolerance::of(1e-3, 1e-3);
/// Losses average over the set and stay close.
const LOSSES: Tolerance = Tolerance::of(2e-5, 1e-5);

pub fn all_identical(found: &State, expected: &State) -> Result<(), Failed> {
    if found.step != expected.step {
        return Err(format!("step: found {}, expected {}", found.step, expected.step).into());
    }
    identical(
        "parameters",
        found.parameters.flat(),
        expected.parameters.flat(),
    )?;
    identical(
        "first moment",
        found.first_moment.flat(),
        expected.first_moment.flat(),
    )?;
    identical(
        "second moment",
        found.second_moment.flat(),
        expected.second_moment.flat(),
    )?;
    Ok(())
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

pub fn ten_steps_agree(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    let mut reference = case.reference();
    let losses = gpu.train(10)?;
    let expected = reference.train(10)?;
    close("losses", &losses, &wide(&expected), LOSSES)?;
    if losses[9] >= losses[0] && !case.random {
        return Err(format!("the loss does not fall: {losses:?}").into());
    }
    let (found, start) = (gpu.state()?.parameters, case.parameters());
    for tensor in &PARAMETERS {
        let expected = reference.parameters().tensor(tensor);
        close(tensor.name, found.tensor(tensor), expected, AFTER_TEN_STEPS)?;
        if close(tensor.name, start.tensor(tensor), expected, AFTER_TEN_STEPS).is_ok() {
            return Err(format!("{}: its start is accepted too", tensor.name).into());
        }
    }
    Ok(())
}

pub fn evaluation_agrees(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    let mut reference = case.reference();
    gpu.train(3)?;
    reference.restore(&gpu.state()?)?;
    for split in [Split::Train, Split::Test, Split::Train] {
        let found = gpu.evaluate(split)?;
        let expected = reference.evaluate(split)?;
        close("loss", &[found.loss as f32], &[expected.loss], LOSSES)?;
        if (found.misses, found.examples) != (expected.misses, expected.examples) {
            return Err(format!("{split:?}: found {found:?}, expected {expected:?}").into());
        }
    }
    Ok(())
}

pub fn two_are_identical(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut states = Vec::new();
    // However the steps are divided among calls.
    for calls in [&[12][..], &[1, 4, 7]] {
        let mut gpu = case.gpu(adapter)?;
        let mut losses = Vec::new();
        for &steps in calls {
            losses.extend(gpu.train(steps)?);
        }
        states.push((gpu.state()?, losses));
    }
    identical("losses", &states[0].1, &states[1].1)?;
    all_identical(&states[0].0, &states[1].0)
}

pub fn restoring_changes_nothing(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gpu.train(3)?;
    let middle = gpu.state()?;
    let losses = gpu.train(5)?;
    let end = gpu.state()?;
    // Into a fresh engine, and back in time in the same one.
    for mut resumed in [case.gpu(adapter)?, gpu] {
        resumed.restore(&middle)?;
        all_identical(&resumed.state()?, &middle)?;
        identical("losses", &resumed.train(5)?, &losses)?;
        all_identical(&resumed.state()?, &end)?;
    }
    Ok(())
}

/// Across the end of a window of 4,096 steps, where the host reads back and starts again.
pub fn steps_are_counted(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    for (steps, total) in [(0, 0), (1, 1), (4_100, 4_101)] {
        let losses = gpu.train(steps)?;
        let step = gpu.state()?.step;
        if losses.len() != steps as usize || step != total {
            return Err(format!("{} losses, step {step}, expected {total}", losses.len()).into());
        }
    }
    Ok(())
}

/// A file of compiled pipelines, where wgpu can store them: the next engine reads it, and a damaged one is replaced.
pub fn pipelines_are_stored(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let options = Options {
        pipelines: Some(folder.path().join("deep")),
        ..Options::default()
    };
    let run = || -> Result<Vec<f32>, Failed> { Ok(case.open(adapter, &options)?.train(3)?) };
    let losses = run()?;
    let is_offered = adapter.features().contains(wgpu::Features::PIPELINE_CACHE);
    let Some(name) = wgpu::util::pipeline_cache_key(&adapter.get_info()).filter(|_| is_offered)
    else {
        return Ok(());
    };
    let path = folder.path().join("deep").join(name);
    let stored = std::fs::read(&path)?;
    identical("losses", &run()?, &losses)?;
    if std::fs::read(&path)? != stored {
        return Err("the same pipelines were stored anew".into());
    }
    let mut damaged = stored.clone();
    damaged[stored.len() - 1] ^= 1;
    for wrong in [&damaged[..], &stored[..20], &[]] {
        std::fs::write(&path, wrong)?;
        identical("losses", &run()?, &losses)?;
        if std::fs::read(&path)? == wrong {
            return Err(format!("{} damaged bytes were kept", wrong.len()).into());
        }
    }
    Ok(())
}

/// Kernels that were measured here agree with each other, the fastest of them are chosen, and the choice is stored: the
/// next run takes it unmeasured, unless it has become one that fails here.
pub fn the_fastest_kernels_are_chosen(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("kernels.json");
    let cache = Some(path.clone());
    let options = Options {
        kernels: Kernels::Tuned { cache },
        tuning_budget: Some(Duration::ZERO),
        ..Options::default()
    };
    let (digits, start) = (case.digits(), case.parameters());
    let open = || Gpu::open(adapter, &digits, case.recipe(), &start, &options);
    let opened = open()?;
    let [(layered, _), (fused, _)] = opened.measured[..] else {
        return Err(format!("measured {:?}, expected two", opened.measured).into());
    };
    if layered != Variant::Layered || !matches!(fused, Variant::Fused(_)) {
        return Err(format!("measured {layered} and {fused}").into());
    }
    let chosen = opened.engine.variant();
    let fastest = opened.measured.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    if fastest.map(|(variant, _)| *variant) != Some(chosen) {
        return Err(format!("{chosen} was chosen of {:?}", opened.measured).into());
    }
    let stored = std::fs::read_to_string(&path)?;
    let again = open()?;
    if again.engine.variant() != chosen || !again.measured.is_empty() {
        return Err(format!("measured {:?} again, expected {chosen}", again.measured).into());
    }
    if describe(adapter)?.kind == Kind::Software {
        // A software adapter is not measured unless it is asked for.
        let options = Options {
            tuning_budget: None,
            ..options.clone()
        };
        let opened = Gpu::open(adapter, &digits, case.recipe(), &start, &options)?;
        if !opened.measured.is_empty() || !matches!(opened.engine.variant(), Variant::Fused(_)) {
            return Err(format!("measured {:?}, expected nothing", opened.measured).into());
        }
    }
    let vast = tiling(10, 256, WeightPath::Uniform, true);
    let mut wrong = vec!["nonsense".into()];
    if describe(adapter).is_ok_and(|adapter| !vast.fits(&adapter.limits)) {
        wrong.push(Variant::Fused(vast).to_string());
    }
    for wrong in wrong {
        let wrong = stored.replace(&chosen.to_string(), &wrong);
        std::fs::write(&path, &wrong)?;
        if open()?.measured.len() != 2 || std::fs::read_to_string(&path)? == wrong {
            return Err(format!("not measured anew: {wrong}").into());
        }
    }
    Ok(())
}

pub fn saturation_gives_no_nan(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    let mut state = gpu.state()?;
    // Sums in the hundreds: tanh saturates, exp would overflow.
    state.parameters = state.parameters.map(|value| 40.0 * value);
    gpu.restore(&state)?;
    let (loss, gradient) = gpu.gradient()?;
    if !loss.is_finite() || !gradient.flat().iter().all(|value| value.is_finite()) {
        return Err(format!("loss {loss}, or a gradient, is not finite").into());
    }
    let mut reference = case.reference();
    reference.restore(&state)?;
    let (expected, _) = reference.gradient()?;
    close("loss", &[loss as f32], &[expected], LOSSES)?;
    let losses = gpu.train(2)?;
    if !losses.iter().all(|loss| loss.is_finite()) {
        return Err(format!("losses {losses:?}").into());
    }
    Ok(())
}

/// Clamping tanh's argument must not turn NaN into a number.
pub fn nan_is_not_hidden(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    let mut state = gpu.state()?;
    state.parameters.flat_mut()[0] = f32::NAN;
    gpu.restore(&state)?;
    let losses = gpu.train(1)?;
    if losses[0].is_nan() {
        return Ok(());
    }
    Err(format!("a weight is NaN, but the loss is {}", losses[0]).into())
}

/// A sample whose statistics are no numbers, of the present parameters and of those in the second moment.
pub fn inputs_without_a_covariance_end_the_run(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gpu.train(1)?;
    let sound = gpu.state()?;
    let (mut at_the_start, mut later) = (State::start(sound.parameters.clone()), sound.clone());
    for values in [&mut at_the_start.parameters, &mut later.second_moment] {
        values.tensor_mut(&H1B)[7] = f32::NAN;
    }
    for state in [at_the_start, later] {
        gpu.restore(&state)?;
        match gpu.train(1) {
            Err(Error::Diverged(message)) if message.contains("inputs of H2 that is not") => {}
            other => return Err(format!("found {other:?}, expected an end").into()),
        }
    }
    gpu.restore(&sound)?;
    gpu.train(1)?;
    Ok(())
}

pub fn reading_changes_nothing(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut undisturbed = case.gpu(adapter)?;
    let losses = undisturbed.train(4)?;
    let mut gpu = case.gpu(adapter)?;
    let mut found = Vec::new();
    for _ in 0..4 {
        found.extend(gpu.train(1)?);
        let before = gpu.state()?;
        gpu.gradient()?;
        gpu.evaluate(Split::Train)?;
        gpu.evaluate(Split::Test)?;
        all_identical(&gpu.state()?, &before)?;
    }
    identical("losses", &found, &losses)?;
    let parameters: Parameters = gpu.state()?.parameters;
    let expected = undisturbed.state()?.parameters;
    identical("parameters", parameters.flat(), expected.flat())?;
    Ok(())
}

/// An engine that is given the statistics of its first weights ends as one that estimates them; others are used, and forgotten
/// with the state they belong to.
pub fn given_statistics_are_taken(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let (recipe, start) = (case.recipe(), case.parameters());
    let estimate = |damping| {
        let (train, threads) = (case.digits().train, Threads::start(1));
        let examples = recipe.curvature_sample as usize;
        Sample::of(&train, examples, damping, &threads)?.whitening(
            &start,
            (&recipe).into(),
            &threads,
        )
    };
    let run = |given: Option<Whitening>, restored: bool| -> Result<State, Failed> {
        let mut engine = case.gpu(adapter)?;
        if let Some(whitening) = given {
            engine.take_whitening(whitening)?;
        }
        if restored {
            engine.restore(&State::start(start.clone()))?;
        }
        engine.train(3)?;
        Ok(engine.state()?)
    };
    let expected = run(None, false)?;
    all_identical(&run(Some(estimate(recipe.damping)?), false)?, &expected)?;
    let others = estimate(10.0 * recipe.damping)?;
    if run(Some(others.clone()), false)? == expected {
        return Err("other statistics changed nothing".into());
    }
    all_identical(&run(Some(others), true)?, &expected)
}
