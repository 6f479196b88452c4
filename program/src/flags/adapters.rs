//! The flags that choose several adapters, to measure one beside the other.

use clap::{Args, ValueEnum};

use super::named;
use gpu_train::gpu::{AdapterChoice, Backend};

/// Which kind of adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A real GPU.
    Gpu,
    /// A software adapter such as llvmpipe.
    Software,
}

/// Which adapters.
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
    /// Whether an adapter is asked for.
    pub fn names_an_adapter(&self) -> bool {
        !self.devices.is_empty() || !self.adapters.is_empty() || self.backend.is_some()
    }

    /// The adapters asked for; a real GPU if none is.
    pub fn choices(&self) -> Vec<AdapterChoice> {
        let choice = |software, name_part| AdapterChoice {
            software,
            name_part,
            backend: self.backend,
        };
        let kinds = if self.devices.is_empty() {
            vec![Kind::Gpu]
        } else {
            self.devices.clone()
        };
        let softwares = kinds.into_iter().map(|kind| kind == Kind::Software);
        if self.adapters.is_empty() {
            return softwares.map(|software| choice(software, None)).collect();
        }
        let only_software = self.devices == [Kind::Software];
        let names = self.adapters.iter().cloned();
        names
            .map(|name| choice(only_software, Some(name)))
            .collect()
    }
}
