//! Full-batch steps in burn: checks its work against the reference's results, times it, prints one JSON line, as
//! `contestant.py` does for the Python peers.
//!
//! `burn-peer VARIANT --work FILE --case CASE --seconds S`, where a variant is a list of options joined by `+`:
//! `flex` (burn's CPU backend), `gpu` (the best adapter) or `software` (a CPU adapter such as llvmpipe);
//! `h2=grouped` (three convolutions) or `h2=dense` (one, with a kernel that is zero where nothing is connected);
//! `chunk=N` (N examples at a time, gradients added up).

mod net;
mod work;

use std::time::Instant;

use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use serde_json::json;

use crate::net::Net;
use crate::work::{Tensors, Work};

/// The least number of steps of a measurement.
const LEAST_STEPS: usize = 20;

/// The options of a variant.
struct Variant {
    device: Device,
    device_name: String,
    dense: bool,
    chunk: Option<usize>,
}

impl Variant {
    fn parse(text: &str) -> Result<Self, String> {
        let mut device = None;
        let mut dense = false;
        let mut chunk = None;
        for option in text.split('+') {
            match option.split_once('=').unwrap_or((option, "")) {
                ("flex", "") => device = Some((Device::flex(), "flex")),
                ("gpu" | "software", "") => device = Some(adapter(option)?),
                ("h2", "grouped") => dense = false,
                ("h2", "dense") => dense = true,
                ("chunk", count) => match count.parse() {
                    Ok(count) if count > 0 => chunk = Some(count),
                    _ => return Err(format!("{option}: expected chunk=N")),
                },
                _ => {
                    return Err(format!(
                        "found option {option}, expected flex, gpu, software, h2=grouped, h2=dense, chunk=N"
                    ));
                }
            }
        }
        let (device, name) = device.ok_or("found no device, expected flex, gpu or software")?;
        Ok(Self {
            device: device.autodiff(),
            device_name: name.into(),
            dense,
            chunk,
        })
    }
}

/// The best adapter, or a CPU adapter.
#[cfg(feature = "wgpu")]
fn adapter(option: &str) -> Result<(Device, &'static str), String> {
    Ok(match option {
        "gpu" => (
            Device::wgpu(DeviceKind::DefaultDevice),
            "wgpu, best adapter",
        ),
        _ => (Device::wgpu(DeviceKind::Cpu), "wgpu, software adapter"),
    })
}

#[cfg(not(feature = "wgpu"))]
fn adapter(option: &str) -> Result<(Device, &'static str), String> {
    Err(format!("{option}: built without wgpu"))
}

/// A run: weights, optimizer and the chunks of the training set.
struct Trainer<'a> {
    work: &'a Work,
    net: Net,
    optimizer: ModuleOptimizer,
    chunks: Vec<(Tensor<4>, Tensor<2>)>,
    dense: bool,
    step: usize,
}

impl<'a> Trainer<'a> {
    fn new(work: &'a Work, variant: &Variant) -> Self {
        let examples = work.labels.len();
        let size = variant.chunk.unwrap_or(examples);
        // The data needs no gradient.
        let device = variant.device.clone().inner();
        let chunks = (0..examples)
            .step_by(size)
            .map(|first| {
                let count = size.min(examples - first);
                let pixels = work.images[first * 256..(first + count) * 256].to_vec();
                let targets = work.targets(first..first + count);
                (
                    Tensor::from_data(TensorData::new(pixels, [count, 1, 16, 16]), &device),
                    Tensor::from_data(TensorData::new(targets, [count, 10]), &device),
                )
            })
            .collect();
        let optimizer = AdamWConfig::new()
            .with_beta_1(work.number("beta1") as f32)
            .with_beta_2(work.number("beta2") as f32)
            .with_epsilon(work.number("epsilon") as f32)
            .with_weight_decay(work.number("weight_decay") as f32)
            .init();
        Self {
            work,
            net: Net::new(&work.tensors("start"), &variant.device),
            optimizer,
            chunks,
            dense: variant.dense,
            step: 0,
        }
    }

    /// Loss (not yet read) and gradients at the current weights.
    fn backward(&self) -> (Tensor<1>, GradientsParams) {
        let examples = self.work.labels.len() as f64;
        let mut accumulator = GradientsAccumulator::new();
        let mut total: Option<Tensor<1>> = None;
        for (images, targets) in &self.chunks {
            let loss = self
                .net
                .loss(images.clone(), targets.clone(), self.work, self.dense)
                / examples;
            let gradients = GradientsParams::from_grads(loss.backward(), &self.net);
            let loss = loss.inner();
            accumulator.accumulate(&self.net, gradients);
            total = Some(match total {
                None => loss,
                Some(sum) => sum + loss,
            });
        }
        (total.expect("at least one chunk"), accumulator.grads())
    }

    fn gradient(&self) -> (f64, Tensors) {
        let (loss, gradients) = self.backward();
        (read(loss)[0], self.net.gradients(&gradients))
    }

    /// One step; reading the loss waits for it.
    fn train(&mut self) -> f64 {
        let rate = self.work.rates[self.step % self.work.rates.len()];
        let (loss, gradients) = self.backward();
        self.net = self.optimizer.step(rate, self.net.clone(), gradients);
        self.step += 1;
        let loss = read(loss)[0];
        self.net.wait();
        loss
    }
}

/// The values of a tensor; waits for them.
fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn run(arguments: &[String]) -> Result<serde_json::Value, String> {
    let [variant, rest @ ..] = arguments else {
        return Err("usage: burn-peer VARIANT --work FILE --case CASE [--seconds S]".into());
    };
    let flag = |name: &str| {
        rest.chunks(2)
            .find(|pair| pair[0] == name)
            .and_then(|pair| pair.get(1))
    };
    let required = |name: &str| flag(name).ok_or(format!("{name}: missing"));
    let seconds: f64 = flag("--seconds").map_or(Ok(2.0), |text| {
        text.parse()
            .map_err(|_| format!("--seconds: found {text}, expected a number"))
    })?;
    let variant = Variant::parse(variant)?;
    let work = Work::load(required("--work")?, required("--case")?)?;

    let began = Instant::now();
    let mut trainer = Trainer::new(&work, &variant);
    let (loss, gradient) = trainer.gradient();
    // The first gradient and the first step include compilation and autotuning.
    let losses: Vec<f64> = (0..work.losses.len()).map(|_| trainer.train()).collect();
    let check = work.check(loss, &gradient, &losses, &trainer.net.values());
    let first_s = began.elapsed().as_secs_f64();
    let mut result = json!({
        "first_s": first_s,
        "device": variant.device_name,
        "versions": {"burn": env!("BURN_VERSION")},
    });
    if check["ok"] == true {
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < LEAST_STEPS || start.elapsed().as_secs_f64() < seconds {
            let before = Instant::now();
            trainer.train();
            times.push(before.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let [low, median, high] = [0.1, 0.5, 0.9].map(|share| percentile(&times, share));
        result["step_ms"] =
            json!({"median": median, "p10": low, "p90": high, "samples": times.len()});
    }
    result["check"] = check;
    Ok(result)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(result) => println!("{result}"),
        Err(problem) => {
            eprintln!("burn-peer: {problem}");
            std::process::exit(1);
        }
    }
}
