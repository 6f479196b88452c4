//! The flags that choose a device, and the engine they lead to.

use clap::{Args, ValueEnum};

use super::kernels;
use super::train::usage;
use crate::cpu::{FullBatch, PerExample};
use crate::data::Digits;
use crate::engine::Engine;
use crate::error::Result;
use crate::gpu::{AdapterChoice, Backend, choose};
use crate::net::Parameters;
use crate::recipe::{Batch, Recipe};
use crate::reference::Reference;

/// Which engine trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Device {
    /// A real GPU if there is one, else the native CPU engine.
    #[default]
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
    /// What trains over the full batch
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    device: Device,
    /// The adapter whose name contains this, ignoring case (see `gpu-train devices`)
    #[arg(long, value_name = "NAME-PART")]
    adapter: Option<String>,
    /// The graphics interface to go through
    #[arg(long)]
    backend: Option<Backend>,
    #[command(flatten)]
    kernels: kernels::Arguments,
}

/// An engine at the start of a run.
pub struct Opened {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Seconds spent on measuring kernels for it.
    pub tuning: f64,
    /// Notes to print.
    pub notes: Vec<String>,
}

impl Arguments {
    /// Checks that the flags fit together.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] where they do not.
    pub fn validate(&self, batch: Batch) -> Result<()> {
        let needs_gpu = matches!(self.device, Device::Gpu | Device::Software);
        if batch == Batch::PerExample && needs_gpu {
            return Err(usage(
                "--device: found a GPU with --per-example, expected auto, cpu or reference \
                 (the baseline is one CPU core)",
            ));
        }
        let names_one = self.adapter.is_some() || self.backend.is_some();
        if names_one && matches!(self.device, Device::Cpu | Device::Reference) {
            return Err(usage(
                "--adapter, --backend: found with --device cpu or reference, expected auto, gpu or software",
            ));
        }
        if self.kernels.are_given() && matches!(self.device, Device::Cpu | Device::Reference) {
            return Err(usage(
                "--kernels, --no-tune: found with --device cpu or reference, expected auto, gpu or software",
            ));
        }
        if names_one && batch == Batch::PerExample {
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
        let open = |adapter| -> Result<Opened> {
            let opened = self.kernels.open(adapter, digits, recipe, parameters)?;
            Ok(Opened {
                engine: Box::new(opened.engine),
                tuning: opened.tuning,
                notes: vec![opened.note],
            })
        };
        let gpu = |software: bool| open(choose(&self.choice(software))?);
        let plain = |engine| Opened {
            engine,
            tuning: 0.0,
            notes: Vec::new(),
        };
        let cpu = || -> Box<dyn Engine> {
            match recipe.batch {
                Batch::Full => Box::new(FullBatch::new(digits.clone(), recipe.clone(), parameters)),
                Batch::PerExample => {
                    Box::new(PerExample::new(digits.clone(), recipe.clone(), parameters))
                }
            }
        };
        match self.device {
            Device::Gpu => gpu(false),
            Device::Software => gpu(true),
            Device::Cpu => Ok(plain(cpu())),
            Device::Reference => Ok(plain(Box::new(Reference::<f32>::new(
                digits.clone(),
                recipe.clone(),
                parameters,
            )))),
            Device::Auto if recipe.batch == Batch::PerExample => Ok(plain(cpu())),
            // A named adapter that is not there is an error, not a reason to use the processor.
            Device::Auto if self.adapter.is_some() || self.backend.is_some() => gpu(false),
            Device::Auto => match choose(&self.choice(false)) {
                Ok(adapter) => open(adapter),
                Err(error) => {
                    let note = format!(
                        "no GPU here ({error}): training on the CPU cores with the native engine instead"
                    );
                    Ok(Opened {
                        notes: vec![note],
                        ..plain(cpu())
                    })
                }
            },
        }
    }
}
