//! The flags that choose several adapters, to compare them.

use clap::{Args, ValueEnum};

use super::named;
use gpu_train::error::Result;
use gpu_train::gpu::{AdapterChoice, Backend, Options};
use gpu_train::target::Adapter;

/// Kinds of adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A real GPU.
    Gpu,
    /// A software adapter such as llvmpipe.
    Software,
}

/// Adapters to measure.
#[derive(Debug, Default, Args)]
#[group(id = "adapter-flags")]
#[command(next_help_heading = "Device")]
pub struct Arguments {
    /// Kinds of adapter to measure, a list or repeated [default: gpu]
    #[arg(
        long = "device",
        value_enum,
        value_name = "DEVICE",
        value_delimiter = ','
    )]
    devices: Vec<Kind>,
    /// The adapters whose names contain these, ignoring case (see `gpu-train devices`)
    #[arg(long = "adapter", value_name = "NAME-PART", value_delimiter = ',')]
    adapters: Vec<String>,
    /// The graphics interface to go through
    #[arg(long, value_parser = named::values::<Backend>())]
    backend: Option<Backend>,
}

impl Arguments {
    /// Tells whether an adapter is asked for.
    pub fn names_an_adapter(&self) -> bool {
        !self.devices.is_empty() || !self.adapters.is_empty() || self.backend.is_some()
    }

    /// The adapters asked for, to be opened with these options; if none is, a real GPU, which must be there if it is
    /// `needed`.
    ///
    /// # Errors
    /// If an adapter is not there.
    pub fn find(&self, options: &Options, needed: bool) -> Result<Vec<Adapter>> {
        let choose = |software, name_part| {
            let choice = AdapterChoice {
                software,
                name_part,
                backend: self.backend,
            };
            Adapter::choose(&choice, options.clone())
        };
        if !self.names_an_adapter() && !needed {
            let found = Adapter::choose_that_answers(options.clone());
            return Ok(found.into_iter().collect());
        }
        if self.adapters.is_empty() {
            let default = &[Kind::Gpu][..];
            let kinds = if self.devices.is_empty() {
                default
            } else {
                &self.devices
            };
            let kinds = kinds.iter().map(|kind| *kind == Kind::Software);
            return kinds.map(|software| choose(software, None)).collect();
        }
        let software = self.devices == [Kind::Software];
        let names = self.adapters.iter().cloned();
        names.map(|name| choose(software, Some(name))).collect()
    }
}
