//! Shared by the numeric tests: a comparator that NaN cannot pass, fixtures, random digits.

#![allow(dead_code)] // each test binary uses its part

pub mod compare;
pub mod observer;

use std::collections::HashMap;
use std::path::Path;

use gpu_train::data::{Dataset, Digits, idx};
use gpu_train::net::{Initialization, PARAMETERS, PIXELS, Parameters};

use compare::{Tolerance, close};

/// Applies [`close`] to every parameter tensor, with tolerances relative to its largest element.
pub fn compare_parameters(
    what: &str,
    got: &Parameters,
    want: &Parameters<f64>,
    relative: f64,
) -> Result<(), String> {
    for tensor in &PARAMETERS {
        let name = format!("{what} {}", tensor.name);
        let with = Tolerance {
            floor: 1e-12,
            atol: relative,
            rtol: relative,
        };
        close(&name, got.tensor(tensor), want.tensor(tensor), with)?;
    }
    Ok(())
}

/// Safetensors file with every tensor as f64.
pub struct Fixture(HashMap<String, Vec<f64>>);

impl Fixture {
    /// Reads `tests/fixtures/NAME.safetensors`, PyTorch's results in float64 (`tests/fixtures/make.py`).
    pub fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).expect("a fixture");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let data = view.data();
            let values = match view.dtype() {
                safetensors::Dtype::F64 => data
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect(),
                safetensors::Dtype::F32 => data
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f64::from(f32::from_le_bytes(*b)))
                    .collect(),
                safetensors::Dtype::I64 => data
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| i64::from_le_bytes(*b) as f64)
                    .collect(),
                safetensors::Dtype::U8 => data.iter().map(|&b| f64::from(b)).collect(),
                other => panic!("{name}: {other:?}"),
            };
            (name, values)
        });
        Self(tensors.collect())
    }

    /// Values of one tensor.
    pub fn get(&self, name: &str) -> &[f64] {
        &self.0[name]
    }

    /// Eight parameter tensors whose names start with `prefix`.
    pub fn parameters(&self, prefix: &str) -> Parameters<f64> {
        let mut parameters = Parameters::zeros();
        for tensor in &PARAMETERS {
            let values = self.get(&format!("{prefix}{}", tensor.name));
            parameters.tensor_mut(tensor).copy_from_slice(values);
        }
        parameters
    }

    /// Digits from `x` and `y`, used as both training and test set.
    pub fn digits(&self) -> Digits {
        // The fixtures' images are the embedded ones: multiples of 1/64 before scaling by 1/127.5.
        let codes = self
            .get("x")
            .iter()
            .map(|v| ((v + 1.0) * 8_160.0).round() as u16);
        let labels = self.get("y").iter().map(|&v| v as u8).collect();
        let set = Dataset::new(codes.collect(), 8_160, labels);
        Digits {
            train: set.clone(),
            test: set,
            source: "fixture".into(),
        }
    }
}

/// Reproducible stream of random numbers for tests (SplitMix64).
pub struct Noise(pub u64);

impl Noise {
    /// Next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Next number, uniform in −1..1.
    pub fn signed(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// Random images with random labels. As in digits, a third of the pixels are background; the rest are noise. Each label has a
/// different bright part of the image, so that the gradients of the examples do not cancel. The range of the codes and the
/// denominator (no power of two) are those of the embedded digits.
pub fn random_set(examples: usize, seed: u64) -> Dataset {
    let mut noise = Noise(seed);
    let mut below = |bound: u64| (noise.bits() % bound) as u16;
    let labels: Vec<u8> = (0..examples).map(|_| below(10) as u8).collect();
    let mut codes = Vec::with_capacity(examples * PIXELS);
    for label in &labels {
        codes.extend((0..PIXELS).map(|pixel| {
            if pixel / 24 == usize::from(*label) {
                8_160 + below(8_161)
            } else if below(3) == 0 {
                0
            } else {
                below(16_321)
            }
        }));
    }
    Dataset::new(codes, 8_160, labels)
}

/// Writes files of MNIST's names and shapes: pixels and labels that depend on the example, so that a mix-up shows. The labels are
/// gzipped, under the dotted name that some copies have.
pub fn made_up_mnist(folder: &Path) {
    for (name, count) in [("train", 60_000), ("t10k", 10_000)] {
        let pixels: Vec<u8> = (0..count * 784u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let labels: Vec<u8> = (0..count).map(|i| (i * 7 % 10) as u8).collect();
        let images = idx::encode(&[count as usize, 28, 28], &pixels);
        let file = |rest| folder.join(format!("{name}-{rest}"));
        std::fs::write(file("images-idx3-ubyte"), images).expect("written");
        let labels = idx::encode_gzip(&[count as usize], &labels);
        std::fs::write(file("labels.idx1-ubyte.gz"), labels).expect("written");
    }
}

/// Random digits with equal numbers of training and test examples.
pub fn random_digits(examples: usize, seed: u64) -> Digits {
    Digits {
        train: random_set(examples, seed),
        test: random_set(examples, seed + 1),
        source: "random".into(),
    }
}

/// Weights of the initial distribution and biases of both signs, so that a swapped bias is detected.
pub fn random_parameters(seed: u64) -> Parameters {
    let mut parameters = gpu_train::net::initial_parameters(seed, 0.0, Initialization::Sqrt);
    let mut noise = Noise(seed);
    for tensor in PARAMETERS.iter().filter(|tensor| tensor.fan_in == 0) {
        for value in parameters.tensor_mut(tensor) {
            *value = 0.3 * noise.signed();
        }
    }
    parameters
}

/// Test that needs only an adapter.
pub type AdapterTest = fn(&wgpu::Adapter) -> Result<(), libtest_mimic::Failed>;

/// Creates a trial per test and adapter, named after the adapter. Without an adapter the tests are ignored or, if
/// `GPU_TRAIN_REQUIRE_ADAPTER` is 1, fail; they never pass. `GPU_TRAIN_ADAPTER` selects adapters whose names contain it.
pub fn adapter_trials<F>(tests: &[(impl AsRef<str>, F)]) -> Vec<libtest_mimic::Trial>
where
    F: Fn(&wgpu::Adapter) -> Result<(), libtest_mimic::Failed> + Clone + Send + 'static,
{
    use libtest_mimic::Trial;
    let mut adapters = gpu_train::gpu::adapters();
    if let Ok(part) = std::env::var("GPU_TRAIN_ADAPTER") {
        let wanted = part.to_lowercase();
        adapters.retain(|adapter| adapter.get_info().name.to_lowercase().contains(&wanted));
    }
    if adapters.is_empty() {
        let required = std::env::var_os("GPU_TRAIN_REQUIRE_ADAPTER").is_some_and(|v| v == "1");
        println!(
            "no graphics adapter here: GPU tests {}",
            if required { "fail" } else { "are ignored" }
        );
        let without = |name: &str| {
            let run = || Err("no graphics adapter (scripts/test installs one)".into());
            Trial::test(format!("{name}::no_adapter"), run).with_ignored_flag(!required)
        };
        let names = tests.iter().map(|(name, _)| name.as_ref());
        return names.map(without).collect();
    }
    let mut trials = Vec::new();
    for adapter in adapters {
        let info = adapter.get_info();
        println!(
            "adapter: {} ({:?}, {})",
            info.name, info.backend, info.driver_info
        );
        let label = format!("{}_{:?}", info.name.replace(' ', "_"), info.backend);
        for (name, test) in tests {
            let (name, test, adapter) = (name.as_ref(), test.clone(), adapter.clone());
            trials.push(Trial::test(format!("{name}::{label}"), move || {
                test(&adapter)
            }));
        }
    }
    trials
}
