//! The flags that choose a GPU's kernels and its time-out.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use gpu_train::gpu::{Kernels, Options, Variant};

/// Kernels of a step on a GPU.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "kernel-flags")]
#[command(next_help_heading = "Device")]
pub struct Arguments {
    /// A GPU's kernels: layered, or fused:tile=8,lanes=128,groups=264,weights=uniform,input=reread[,checks=off]
    /// [default: the fastest of a few on this adapter, found at its first use and kept]
    #[arg(long, value_name = "KERNELS", conflicts_with = "no_tune")]
    kernels: Option<Variant>,
    /// Take kernels that suit most GPUs instead of measuring
    #[arg(long)]
    no_tune: bool,
    /// A GPU that has not answered for this long counts as hung [default: 30; of a software adapter: 300]
    #[arg(long, visible_alias = "patience", value_name = "SECONDS", value_parser = seconds)]
    device_timeout: Option<Duration>,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    let found = Duration::try_from_secs_f64(seconds).ok();
    let possible = found.filter(|found| !found.is_zero());
    possible.ok_or("expected seconds above 0".into())
}

impl Arguments {
    /// Tells whether a flag for the kernels was given.
    pub fn are_given(&self) -> bool {
        self.kernels.is_some() || self.no_tune
    }

    /// Options that engines are opened with; choices that were measured before are taken from `cache`.
    pub fn options(&self, cache: Option<PathBuf>) -> Options {
        Options {
            kernels: match self.kernels {
                Some(variant) => Kernels::Fixed(variant),
                None if self.no_tune => Kernels::Standard,
                None => Kernels::Tuned { cache },
            },
            timeout: self.device_timeout,
            pipelines: cache_folder(),
            ..Options::default()
        }
    }
}

/// `gpu-train` in the user's cache folder, if there is one.
fn cache_folder() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("gpu-train"))
}

/// File of the kernels chosen before, if there is a cache folder.
pub fn cache_file() -> Option<PathBuf> {
    Some(cache_folder()?.join("kernels.json"))
}
