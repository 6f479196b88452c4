//! The flags that choose where a run trains.

use clap::{Args, ValueEnum};

use super::{kernels, named, usage};
use gpu_train::checkpoint::Origin;
use gpu_train::cpu::cores;
use gpu_train::engine::EngineKind;
use gpu_train::error::Result;
use gpu_train::gpu::{AdapterChoice, Backend, Kernels, Options};
use gpu_train::recipe::Batch;
use gpu_train::target::{Adapter, Target};

/// Devices to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A real GPU if there is one, else the native CPU engine.
    Auto,
    /// A real GPU.
    Gpu,
    /// A software adapter such as llvmpipe: WGSL without a GPU, for checking, slow.
    Software,
    /// The native SIMD engine on all cores.
    Cpu,
    /// The scalar reference on one core, slowest.
    Reference,
}

/// Flags that choose where to train.
#[derive(Debug, Default, Args)]
#[group(id = "device-flags")]
#[command(next_help_heading = "Device")]
pub struct Arguments {
    /// Engine for the full batch [default: auto; of reproduce: cpu]
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// The adapter whose name contains this, ignoring case (see `gpu-train devices`)
    #[arg(long, value_name = "NAME-PART")]
    adapter: Option<String>,
    /// The graphics interface to go through
    #[arg(long, value_parser = named::values::<Backend>())]
    backend: Option<Backend>,
    #[command(flatten)]
    kernels: kernels::Arguments,
    /// Origin of the checkpoint that is resumed.
    #[arg(skip)]
    resumed: Option<Origin>,
}

impl Arguments {
    /// Makes the native engine the default, unless an adapter is named.
    pub fn default_to_cpu(&mut self) {
        if !self.are_given() {
            self.device = Some(Device::Cpu);
        }
    }

    /// Makes the engine, adapter and kernels of a checkpoint the default.
    pub fn resume(&mut self, origin: &Origin) {
        if !self.are_given() {
            self.device = match origin.engine {
                EngineKind::Cpu => Some(Device::Cpu),
                EngineKind::Reference => Some(Device::Reference),
                EngineKind::Gpu | EngineKind::PerExample => None,
            };
        }
        self.resumed = Some(origin.clone());
    }

    fn are_given(&self) -> bool {
        self.device.is_some() || self.names_one() || self.kernels.are_given()
    }

    /// The adapter that the checkpoint was made on, if it is here and no flag asks for another device.
    fn resumed_adapter(&self) -> Option<Adapter> {
        let origin = self.resumed.as_ref()?;
        let is_free = self.device.is_none() && !self.names_one();
        let was_gpu = origin.engine == EngineKind::Gpu;
        (is_free && was_gpu).then(|| Adapter::named(&origin.device, self.options()))?
    }

    /// The target on an adapter: with the kernels of a checkpoint that was made on it, unless a flag asks for others.
    fn on(&self, mut adapter: Adapter) -> Target {
        let name = adapter.description.to_string();
        let origin = self.resumed.as_ref().filter(|origin| origin.device == name);
        let variant = origin.and_then(|origin| origin.kernels.as_ref()?.parse().ok());
        if let Some(variant) = variant
            && !self.kernels.are_given()
        {
            adapter.options.kernels = Kernels::Fixed(variant);
        }
        Target::Adapter(adapter)
    }

    fn options(&self) -> Options {
        self.kernels.options(kernels::cache_file())
    }

    fn device(&self) -> Device {
        self.device.unwrap_or(Device::Auto)
    }

    fn names_one(&self) -> bool {
        self.adapter.is_some() || self.backend.is_some()
    }

    /// Checks that the flags fit together.
    ///
    /// # Errors
    /// [`gpu_train::error::Error::Usage`] where they do not.
    pub fn validate(&self, batch: Batch) -> Result<()> {
        let device = self.device();
        let needs_gpu = matches!(device, Device::Gpu | Device::Software);
        if batch == Batch::PerExample && needs_gpu {
            return Err(usage(
                "--device: found a GPU with --per-example, expected auto, cpu or reference \
                 (the baseline is one CPU core)",
            ));
        }
        if self.names_one() && matches!(device, Device::Cpu | Device::Reference) {
            return Err(usage(
                "--adapter, --backend: found with --device cpu or reference, expected auto, gpu or software",
            ));
        }
        if self.kernels.are_given() && matches!(device, Device::Cpu | Device::Reference) {
            return Err(usage(
                "--kernels, --no-tune: found with --device cpu or reference, expected auto, gpu or software",
            ));
        }
        if self.names_one() && batch == Batch::PerExample {
            return Err(usage(
                "--adapter, --backend: found with --per-example, which runs on one CPU core",
            ));
        }
        Ok(())
    }

    /// Checks that the flags fit a run on several processes, which is one of the full batch on processors.
    ///
    /// # Errors
    /// [`gpu_train::error::Error::Usage`] if they do not.
    pub fn validate_ranks(&self, ranks: usize, batch: Batch) -> Result<()> {
        let refuse = |flag, found| {
            Err(usage(format!(
                "{flag}: found {found} on {ranks} ranks, expected --full-batch --device cpu, or one process"
            )))
        };
        match self.device() {
            _ if batch == Batch::PerExample => refuse("--per-example", "it"),
            _ if self.names_one() => refuse("--adapter, --backend", "an adapter"),
            Device::Gpu | Device::Software => refuse("--device", "a GPU"),
            Device::Reference => refuse("--device", "the reference"),
            Device::Auto | Device::Cpu => Ok(()),
        }
    }

    /// The target that the flags choose for recipes of this batch, and a note to print.
    ///
    /// # Errors
    /// If no adapter matches.
    pub fn target(&self, batch: Batch) -> Result<(Target, Option<String>)> {
        let choose = |software| {
            let choice = AdapterChoice {
                software,
                name_part: self.adapter.clone(),
                backend: self.backend,
            };
            Adapter::choose(&choice, self.options()).map(|adapter| self.on(adapter))
        };
        if let Some(adapter) = self.resumed_adapter() {
            return Ok((self.on(adapter), None));
        }
        let cpu = Target::Cpu(cores()).of_batch(batch);
        let target = match self.device() {
            Device::Gpu => choose(false)?,
            Device::Software => choose(true)?,
            Device::Reference => Target::Reference,
            // A named adapter that is not there is an error, not a reason to use the processor.
            Device::Auto if self.names_one() => choose(false)?,
            Device::Auto if batch == Batch::Full => {
                match Adapter::choose_that_answers(self.options()) {
                    Ok(adapter) => self.on(adapter),
                    Err(error) => {
                        let note = format!(
                            "no GPU here ({error}): training on the CPU cores with the native engine instead"
                        );
                        return Ok((cpu, Some(note)));
                    }
                }
            }
            Device::Cpu | Device::Auto => cpu,
        };
        Ok((target, None))
    }
}
