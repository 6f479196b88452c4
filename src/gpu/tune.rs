//! Which kernels suit an adapter: a few shapes are measured at the start, and the choice is kept for the next time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::adapter::{AdapterDescription, Kind, described};
use super::engine::Gpu;
use super::layout::tiling::{GROUPS, LANES, LANES_PER_EXAMPLE, TILES, Tiling, WeightPath};
use super::step::variant::Variant;
use crate::data::Digits;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::file;
use crate::net::{PARAMETERS, Parameters};
use crate::recipe::Recipe;

/// How long all of it may take; the shape that is being measured then is finished.
const BUDGET: Duration = Duration::from_secs(4);
/// What one measurement of a shape lasts.
const A_SAMPLE: Duration = Duration::from_millis(20);
/// A shape is taken if it is faster by more than the noise.
const FASTER: f64 = 0.98;
/// How far a gradient may be from the layered kernels', of the tensor's largest element.
const AGREEMENT: f32 = 1e-3;

/// The kernels chosen, and how.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// The choice.
    pub variant: Variant,
    /// What it took, in seconds.
    pub seconds: f64,
    /// Each shape looked at with its milliseconds a step; empty where the choice was kept from before.
    pub measured: Vec<(Variant, f64)>,
}

/// A kept choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The adapter with its driver, the program's version, and the size of the work.
    key: String,
    /// The choice, as `--kernels` takes it.
    kernels: String,
}

/// Where choices are kept: `gpu-train/kernels.json` in the user's cache folder, if there is one.
pub fn cache_file() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("gpu-train").join("kernels.json"))
}

fn key(adapter: &AdapterDescription, recipe: &Recipe, examples: usize) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (activation, loss) = (recipe.activation, recipe.loss);
    format!(
        "{adapter}; {}; gpu-train {version}; {examples} examples, {activation:?}, {loss:?}",
        adapter.driver
    )
}

/// What is kept, or nothing where the file is missing or makes no sense.
fn read(path: &Path) -> Vec<Kept> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Keeps a choice. A cache that cannot be written costs time, not the run.
fn keep(path: &Path, kept: Kept) {
    let mut all = read(path);
    all.retain(|other| other.key != kept.key);
    all.push(kept);
    let text = serde_json::to_vec_pretty(&all).unwrap_or_default();
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let _ = file::write_atomically(path, &text);
}

/// The kernels for an adapter: those kept from before, else the fastest of the shapes measured now.
///
/// A software adapter is not measured: compiling a shape takes longer there than a short run. With `cache` none, nothing
/// is read or kept.
///
/// # Errors
/// [`Error::Device`] if the adapter fails.
pub fn tune(
    adapter: &wgpu::Adapter,
    digits: &Digits,
    recipe: &Recipe,
    parameters: &Parameters,
    cache: Option<&Path>,
) -> Result<Tuning> {
    let started = Instant::now();
    let description = described(adapter)?;
    let chosen = |variant| Tuning {
        variant,
        seconds: started.elapsed().as_secs_f64(),
        measured: Vec::new(),
    };
    if description.kind == Kind::Software {
        return Ok(chosen(Variant::Fused(Tiling::default_for(&description))));
    }
    let key = key(&description, recipe, digits.train.len());
    let kept = cache.map(read).unwrap_or_default();
    let kept = kept.into_iter().find(|kept| kept.key == key);
    if let Some(Ok(variant)) = kept.map(|kept| kept.kernels.parse()) {
        return Ok(chosen(variant));
    }
    let tuning = measure(adapter, digits, recipe, parameters, BUDGET)?;
    if let Some(path) = cache {
        let kernels = tuning.variant.to_string();
        keep(path, Kept { key, kernels });
    }
    Ok(tuning)
}

/// Measures shapes on an adapter of any kind, none after the budget is spent but the layered kernels and one fused shape.
///
/// # Errors
/// [`Error::Device`] if the adapter fails.
pub fn measure(
    adapter: &wgpu::Adapter,
    digits: &Digits,
    recipe: &Recipe,
    parameters: &Parameters,
    budget: Duration,
) -> Result<Tuning> {
    let started = Instant::now();
    let description = described(adapter)?;
    let bench = Bench {
        adapter,
        digits,
        recipe,
        parameters,
        until: started + budget,
    };
    let (variant, measured) = bench.search(&description)?;
    Ok(Tuning {
        variant,
        seconds: started.elapsed().as_secs_f64(),
        measured,
    })
}

/// What the shapes are measured on.
struct Bench<'a> {
    adapter: &'a wgpu::Adapter,
    digits: &'a Digits,
    recipe: &'a Recipe,
    parameters: &'a Parameters,
    until: Instant,
}

impl Bench<'_> {
    fn engine(&self, variant: Variant) -> Result<Gpu> {
        Gpu::with(
            self.adapter.clone(),
            self.digits,
            self.recipe.clone(),
            self.parameters,
            variant,
        )
    }

    /// Milliseconds a step: the best of three samples, which other work on the device disturbs least.
    fn milliseconds(engine: &mut Gpu) -> Result<f64> {
        let start = Instant::now();
        engine.train(1)?;
        let steps =
            (A_SAMPLE.as_secs_f64() / start.elapsed().as_secs_f64()).clamp(1.0, 256.0) as u32;
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let start = Instant::now();
            engine.train(steps)?;
            best = best.min(1e3 * start.elapsed().as_secs_f64() / f64::from(steps));
        }
        Ok(best)
    }

    /// A shape's gradient and milliseconds a step, if it runs at all and gives the expected gradient.
    fn sample(&self, variant: Variant, expected: Option<&Parameters>) -> Result<(Parameters, f64)> {
        let mut engine = self.engine(variant)?;
        let (_, found) = engine.gradient()?;
        if expected.is_some_and(|expected| !agree(&found, expected)) {
            let text = format!("{variant} gives another gradient than other kernels here");
            return Err(Error::Device(text));
        }
        let time = Self::milliseconds(&mut engine)?;
        tracing::info!(kernels = %variant, milliseconds = time, "measured a step");
        Ok((found, time))
    }

    /// From the layered kernels, whose gradient all others must reproduce on this very device, by one property of the
    /// shape after the other. A shape that a driver cannot cope with is left out.
    fn search(&self, adapter: &AdapterDescription) -> Result<(Variant, Vec<(Variant, f64)>)> {
        let mut measured = Vec::new();
        let mut expected = None;
        let mut failure = None;
        // For a large set they take more memory than an adapter may have.
        match self.sample(Variant::Layered, None) {
            Ok((gradient, time)) => {
                measured.push((Variant::Layered, time));
                expected = Some(gradient);
            }
            Err(error) => failure = Some(error),
        }
        let mut best: Option<(Tiling, f64)> = None;
        for property in 0..4 {
            let around = best.map_or(Tiling::default_for(adapter), |(tiling, _)| tiling);
            for tiling in neighbours(around, property, adapter) {
                let variant = Variant::Fused(tiling);
                let known = measured.iter().any(|(other, _)| *other == variant);
                if known || (best.is_some() && Instant::now() > self.until) {
                    continue;
                }
                match self.sample(variant, expected.as_ref()) {
                    Ok((gradient, time)) => {
                        measured.push((variant, time));
                        expected.get_or_insert(gradient);
                        if best.is_none_or(|(_, fastest)| time < FASTER * fastest) {
                            best = Some((tiling, time));
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
        }
        let fused = best.map(|(tiling, time)| (Variant::Fused(tiling), time));
        let layered = measured
            .iter()
            .copied()
            .filter(|(variant, _)| *variant == Variant::Layered);
        match layered.chain(fused).min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((variant, _)) => Ok((variant, measured)),
            None => {
                Err(failure.unwrap_or_else(|| Error::Device(format!("{adapter}: no kernels fit"))))
            }
        }
    }
}

/// Shapes that differ in one property from this one, which comes first: the tile with its lanes, the lanes, the way for
/// weights, the number of workgroups.
fn neighbours(around: Tiling, property: u32, adapter: &AdapterDescription) -> Vec<Tiling> {
    let mut found = vec![around];
    match property {
        0 => found.extend(TILES.iter().rev().map(|&tile| {
            let lanes = LANES
                .into_iter()
                .find(|lanes| *lanes >= LANES_PER_EXAMPLE * tile);
            let lanes = lanes.unwrap_or(around.lanes);
            Tiling {
                tile,
                lanes,
                ..around
            }
        })),
        1 => found.extend(LANES.map(|lanes| Tiling { lanes, ..around })),
        2 => found.extend(
            [WeightPath::Uniform, WeightPath::Storage].map(|weights| Tiling { weights, ..around }),
        ),
        _ => found.extend(GROUPS.map(|groups| Tiling { groups, ..around })),
    }
    let limits = &adapter.limits;
    found
        .into_iter()
        .map(|tiling| tiling.keeping_x_if_it_fits(limits))
        .filter(|tiling| tiling.is_possible() && tiling.fits(limits))
        .collect()
}

/// Whether two gradients are the same but for rounding.
fn agree(found: &Parameters, expected: &Parameters) -> bool {
    PARAMETERS.iter().all(|tensor| {
        let (found, expected) = (found.tensor(tensor), expected.tensor(tensor));
        let largest = expected
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let pairs = found.iter().zip(expected);
        // Phrased so that NaN disagrees.
        pairs
            .into_iter()
            .all(|(a, b)| (a - b).abs() <= AGREEMENT * largest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapter::Backend;
    use crate::net::{Initialization, initial_parameters};

    fn adapter(workgroup_bytes: u32) -> AdapterDescription {
        let mut card = AdapterDescription::for_tests("card", Backend::Vulkan, Kind::Discrete);
        card.driver = "driver 1".into();
        card.limits.workgroup_bytes = workgroup_bytes;
        card
    }

    #[test]
    fn all_neighbours_can_run() {
        for bytes in [16_384, 32_768, 49_152] {
            let adapter = adapter(bytes);
            let usual = Tiling::default_for(&adapter);
            assert!(usual.fits(&adapter.limits) && usual.is_possible());
            for property in 0..4 {
                let found = neighbours(usual, property, &adapter);
                assert!(
                    found.len() > 1 && found[0] == usual,
                    "{property}: {found:?}"
                );
                assert!(
                    found
                        .iter()
                        .all(|t| t.fits(&adapter.limits) && t.is_possible())
                );
            }
        }
    }

    #[test]
    fn gradients_that_differ_are_told_apart() {
        let expected = initial_parameters(1, -1.0, Initialization::Sqrt);
        assert!(agree(&expected, &expected));
        for wrong in [f32::NAN, 0.5] {
            let mut found = expected.clone();
            found.flat_mut()[5_000] += wrong;
            assert!(!agree(&found, &expected), "{wrong}");
        }
    }

    #[test]
    fn choices_are_kept_by_key_and_nonsense_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("kernels.json");
        let kept = |key: &str, kernels: &str| Kept {
            key: key.into(),
            kernels: kernels.into(),
        };
        keep(&path, kept("a", "layered"));
        keep(&path, kept("b", "layered"));
        let usual = Variant::Fused(Tiling::default_for(&adapter(32_768)));
        keep(&path, kept("a", &usual.to_string()));
        let all = read(&path);
        assert_eq!(all, [kept("b", "layered"), kept("a", &usual.to_string())]);
        assert_eq!(all[1].kernels.parse::<Variant>().unwrap(), usual);
        std::fs::write(&path, "nonsense").unwrap();
        assert!(read(&path).is_empty());
    }

    #[test]
    fn another_driver_or_work_is_another_key() {
        let recipe = Recipe::named(crate::recipe::Name::FullBatch);
        let card = adapter(32_768);
        let newer = AdapterDescription {
            driver: "driver 2".into(),
            ..card.clone()
        };
        let keys = [
            key(&card, &recipe, 10),
            key(&newer, &recipe, 10),
            key(&card, &recipe, 11),
        ];
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    }
}
