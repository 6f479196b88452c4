//! Opening an engine: the one place that opens a device to train on.

use std::path::PathBuf;
use std::time::Duration;

use super::adapter::{AdapterChoice, Kind, adapters, choose, describe};
use super::device::Device;
use super::engine::{Gpu, Opened, Work};
use super::layout::tiling::Tiling;
use super::step::Variant;
use super::step::check_recipe;
use super::step::plan::{Buffer, BufferSpec};
use super::tune;
use super::wait::block_on;
use crate::data::Digits;
use crate::error::Result;
use crate::net::Parameters;
use crate::recipe::Recipe;

/// Longest wait for an adapter on trial.
const TRIAL: Duration = Duration::from_secs(10);
/// Word that it has to hand back.
const TRIAL_WORD: u32 = 0x1989_2022;

/// The real GPU to take where none is asked for: the first, in order of preference, that finishes a small submission.
///
/// # Errors
/// [`crate::error::Error::Device`] if there is no real GPU, or none that answers: the first one's.
pub fn choose_that_answers() -> Result<wgpu::Adapter> {
    let mut failed = None;
    for adapter in adapters() {
        if describe(&adapter)?.kind >= Kind::Software {
            break;
        }
        match block_on(try_out(&adapter)) {
            Ok(()) => return Ok(adapter),
            Err(error) => {
                tracing::warn!("passed over an adapter: {error}");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or_else(|| choose(&AdapterChoice::default()), Err)
}

/// Writes a word to an adapter and reads it back.
async fn try_out(adapter: &wgpu::Adapter) -> Result<()> {
    let device = Device::open(adapter, Some(TRIAL)).await?;
    let name = Buffer::of("trial");
    let resources = device.create(&[BufferSpec::storage(name.clone(), 4)], &[])?;
    let buffer = resources.buffer(&name);
    device.write(buffer, 0, &[TRIAL_WORD]);
    match *device.read(&[(buffer, 0, 1)]).await? {
        [TRIAL_WORD] => Ok(()),
        ref found => Err(device.error(format!(
            "found {found:?} read back, expected the {TRIAL_WORD} that was written"
        ))),
    }
}

/// The choice of an engine's kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kernels {
    /// These.
    Fixed(Variant),
    /// Fused kernels in a shape that suits most devices.
    #[default]
    Standard,
    /// The fastest of a few on this adapter: measured now, or stored in `cache` when they were measured before. On a
    /// software adapter the standard ones: compiling a shape takes longer there than a short run.
    Tuned {
        /// File of the choices made so far.
        cache: Option<PathBuf>,
    },
}

/// Options for opening an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Kernels to run.
    pub kernels: Kernels,
    /// Longest wait for a submission, after which the device counts as hung, also while kernels are measured; if `None`,
    /// as in [`Device::open`].
    pub timeout: Option<Duration>,
    /// Largest buffer for images in bytes, where the adapter offers more: the fused kernels go through a larger set in
    /// shards, and add up.
    pub buffer_bytes: Option<u64>,
    /// Folder of pipelines that were compiled before, one file per adapter; if `None`, they are not stored.
    pub pipelines: Option<PathBuf>,
    /// Time for measuring kernels, of a software adapter too; if `None`, 4 s, and a software adapter is not measured.
    /// Once it is spent, no more are measured than the layered kernels and one fused shape.
    pub tuning_budget: Option<Duration>,
}

impl Gpu {
    /// Opens an adapter and makes an engine at the start of a run from these parameters.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] if the recipe's updates see one example each or are diagonal Newton's;
    /// [`crate::error::Error::Device`] if the adapter lacks something, the sets or the kernels do not fit, or it fails.
    pub fn open(
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        start: &Parameters,
        options: &Options,
    ) -> Result<Opened> {
        block_on(Self::open_async(adapter, digits, recipe, start, options))
    }

    /// [`Gpu::open`] without blocking.
    pub async fn open_async(
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        start: &Parameters,
        options: &Options,
    ) -> Result<Opened> {
        check_recipe(&recipe)?;
        let work = Work {
            digits,
            recipe: &recipe,
            start,
            buffer_bytes: options.buffer_bytes.unwrap_or(u64::MAX),
        };
        let mut device = Device::open(adapter, options.timeout).await?;
        if let Some(folder) = &options.pipelines {
            device = device.with_stored_pipelines(folder);
        }
        let real = device.description().kind < Kind::Software;
        let budget = options.tuning_budget.or(real.then_some(tune::BUDGET));
        let opened = match (&options.kernels, budget) {
            (Kernels::Tuned { cache }, Some(budget)) => {
                tune::open(device, &work, cache.as_deref(), budget).await?
            }
            (kernels, _) => {
                let variant = match kernels {
                    Kernels::Fixed(variant) => *variant,
                    _ => Variant::Fused(Tiling::default_for(device.description())),
                };
                Opened::unmeasured(Self::on(&device, &work, variant).await?)
            }
        };
        opened.engine.opened().pipelines().store();
        Ok(opened)
    }
}
