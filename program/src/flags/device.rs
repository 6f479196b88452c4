//! The flags that choose a device, and the engine they lead to.

use clap::{Args, ValueEnum};

use super::{kernels, named};
use crate::flags::usage;
use crate::terminal::context::cores;
use gpu_train::checkpoint::Origin;
use gpu_train::cpu;
use gpu_train::data::Digits;
use gpu_train::engine::{Engine, EngineKind};
use gpu_train::error::Result;
use gpu_train::gpu::{AdapterChoice, Backend, adapters, choose, describe};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::reference::Reference;

/// Which engine trains.
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

/// Where to train.
#[derive(Debug, Default, Args)]
#[group(id = "device-flags")]
#[command(next_help_heading = "Device")]
pub struct Arguments {
    /// What trains over the full batch [default: auto; of reproduce: cpu]
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
    /// Where the checkpoint was made that is to be gone on with.
    #[arg(skip)]
    resumed: Option<Origin>,
}

/// An engine at the start of a run.
pub struct Opened {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Seconds spent on measuring kernels for it.
    pub tuning: f64,
    /// A GPU's kernels.
    pub kernels: Option<String>,
    /// Notes to print.
    pub notes: Vec<String>,
}

/// Where training is to happen.
#[derive(Debug, Clone)]
pub enum Place {
    /// The native engine on so many threads.
    Cpu(usize),
    /// The scalar reference.
    Reference,
    /// This adapter.
    Adapter(wgpu::Adapter),
}

impl Arguments {
    /// The same flags where, without --device, the native engine trains (unless an adapter is named).
    #[must_use]
    pub fn or_cpu(self) -> Self {
        let default = if self.names_one() || self.kernels.are_given() {
            Device::Auto
        } else {
            Device::Cpu
        };
        Self {
            device: self.device.or(Some(default)),
            ..self
        }
    }

    /// The same flags to go on with a checkpoint: without any, where it was made; on its adapter, with its kernels.
    #[must_use]
    pub fn resuming(self, origin: &Origin) -> Self {
        let device = match origin.engine {
            EngineKind::Cpu => Some(Device::Cpu),
            EngineKind::Reference => Some(Device::Reference),
            _ => None,
        };
        let given = self.device.is_some() || self.names_one() || self.kernels.are_given();
        Self {
            device: self.device.or(if given { None } else { device }),
            resumed: Some(origin.clone()),
            ..self
        }
    }

    /// The adapter that a checkpoint was made on, where no flag asks for something else and it is here.
    fn resumed_adapter(&self) -> Option<wgpu::Adapter> {
        let origin = self.resumed.as_ref()?;
        let wanted = |adapter: &wgpu::Adapter| {
            describe(adapter).is_some_and(|found| found.to_string() == origin.device)
        };
        let free = self.device.is_none() && !self.names_one();
        if free && origin.engine == EngineKind::Gpu {
            adapters().into_iter().find(wanted)
        } else {
            None
        }
    }

    /// The kernels to take on an adapter: those of a checkpoint that was made on it, unless a flag asks for others.
    fn kernels_for(&self, adapter: &wgpu::Adapter) -> kernels::Arguments {
        let origin = self.resumed.as_ref().filter(|origin| {
            describe(adapter).is_some_and(|found| found.to_string() == origin.device)
        });
        let variant = origin.and_then(|origin| origin.kernels.as_ref()?.parse().ok());
        match variant {
            Some(variant) if !self.kernels.are_given() => self.kernels.with(variant),
            _ => self.kernels.clone(),
        }
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

    fn choice(&self, software: bool) -> AdapterChoice {
        AdapterChoice {
            software,
            name_part: self.adapter.clone(),
            backend: self.backend,
        }
    }

    /// Where the flags say that recipes of this batch are trained, and a note to print.
    ///
    /// # Errors
    /// If no adapter matches.
    pub fn place(&self, batch: Batch) -> Result<(Place, Option<String>)> {
        let adapter = |software| Ok((Place::Adapter(choose(&self.choice(software))?), None));
        if let Some(adapter) = self.resumed_adapter() {
            return Ok((Place::Adapter(adapter), None));
        }
        match self.device() {
            Device::Gpu => adapter(false),
            Device::Software => adapter(true),
            Device::Cpu => Ok((Place::Cpu(cores()), None)),
            Device::Reference => Ok((Place::Reference, None)),
            Device::Auto if batch == Batch::PerExample => Ok((Place::Cpu(1), None)),
            // A named adapter that is not there is an error, not a reason to use the processor.
            Device::Auto if self.names_one() => adapter(false),
            Device::Auto => Ok(match choose(&self.choice(false)) {
                Ok(adapter) => (Place::Adapter(adapter), None),
                Err(error) => {
                    let note = format!(
                        "no GPU here ({error}): training on the CPU cores with the native engine instead"
                    );
                    (Place::Cpu(cores()), Some(note))
                }
            }),
        }
    }

    /// The engine the flags ask for, at the start of a run.
    ///
    /// # Errors
    /// If no adapter matches, or the device lacks something.
    pub fn engine(
        &self,
        digits: &Digits,
        recipe: &Recipe,
        parameters: &Parameters,
    ) -> Result<Opened> {
        let (place, note) = self.place(recipe.batch)?;
        let mut opened = self.open(&place, digits, recipe, parameters)?;
        opened.notes.extend(note);
        Ok(opened)
    }

    /// The engine at a place, at the start of a run.
    ///
    /// # Errors
    /// If the device lacks something.
    pub fn open(
        &self,
        place: &Place,
        digits: &Digits,
        recipe: &Recipe,
        parameters: &Parameters,
    ) -> Result<Opened> {
        let engine: Box<dyn Engine> = match place {
            Place::Adapter(adapter) => {
                let adapter = adapter.clone();
                let kernels = self.kernels_for(&adapter);
                let opened = kernels.open(adapter, digits, recipe, parameters)?;
                return Ok(Opened {
                    kernels: Some(opened.engine.variant().to_string()),
                    engine: Box::new(opened.engine),
                    tuning: opened.tuning,
                    notes: vec![opened.note],
                });
            }
            Place::Reference => Box::new(Reference::<f32>::new(
                digits.clone(),
                recipe.clone(),
                parameters,
            )),
            Place::Cpu(threads) => {
                cpu::engine(digits.clone(), recipe.clone(), parameters, *threads)
            }
        };
        Ok(Opened {
            engine,
            tuning: 0.0,
            kernels: None,
            notes: Vec::new(),
        })
    }
}
