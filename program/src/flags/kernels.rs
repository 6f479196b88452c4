//! The flags that choose a GPU's kernels, and the engine with them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use gpu_train::data::Digits;
use gpu_train::error::Result;
use gpu_train::gpu::{Gpu, Kernels, Kind, Options, Variant, describe};
use gpu_train::net::Parameters;
use gpu_train::recipe::Recipe;

/// Which kernels do a step on a GPU.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "kernel-flags")]
#[command(next_help_heading = "Device")]
pub struct Arguments {
    /// A GPU's kernels: layered, or fused:tile=8,lanes=128,groups=264,weights=uniform,input=reread
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

/// An engine on a GPU, and how its kernels were found.
pub struct Opened {
    /// The engine.
    pub engine: Gpu,
    /// Seconds spent on measuring kernels, before the engine was made.
    pub tuning: f64,
    /// What was found, for people.
    pub note: String,
}

impl Arguments {
    /// The same flags with these kernels, as another run had them.
    pub fn with(&self, variant: Variant) -> Self {
        Self {
            kernels: Some(variant),
            no_tune: false,
            ..self.clone()
        }
    }

    /// Whether a flag was given.
    pub fn are_given(&self) -> bool {
        self.kernels.is_some() || self.no_tune
    }

    /// How an engine is opened with these flags; measured kernels are kept in `cache`.
    pub fn options(&self, cache: Option<PathBuf>) -> Options {
        Options {
            kernels: match self.kernels {
                Some(variant) => Kernels::Fixed(variant),
                None if self.no_tune => Kernels::Standard,
                None => Kernels::Tuned { cache },
            },
            timeout: self.device_timeout,
            ..Options::default()
        }
    }

    /// Kernels that the flags ask for on this adapter, measured now whatever is kept from before (`None` for the
    /// standard ones), and the seconds that took.
    ///
    /// # Errors
    /// If the adapter fails.
    pub fn afresh(
        &self,
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: &Recipe,
        parameters: &Parameters,
    ) -> Result<(Option<Variant>, f64)> {
        let software = describe(adapter).is_some_and(|found| found.kind == Kind::Software);
        if self.are_given() || software {
            return Ok((self.kernels, 0.0));
        }
        let options = self.options(None);
        let opened = Gpu::open(adapter, digits, recipe.clone(), parameters, &options)?;
        Ok((Some(opened.engine.variant()), opened.tuning))
    }

    /// The engine on this adapter.
    ///
    /// # Errors
    /// If the adapter lacks something or fails.
    pub fn open(
        &self,
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: &Recipe,
        parameters: &Parameters,
    ) -> Result<Opened> {
        let options = self.options(cache_file());
        let opened = Gpu::open(adapter, digits, recipe.clone(), parameters, &options)?;
        let (tuning, shapes) = (opened.tuning, opened.measured.len());
        let how = match shapes {
            0 => String::new(),
            _ => format!(", the fastest of {shapes} in {tuning:.1} s"),
        };
        Ok(Opened {
            note: format!("kernels: {}{how}", opened.engine.variant()),
            engine: opened.engine,
            tuning,
        })
    }
}

/// File of the kernels chosen before: `gpu-train/kernels.json` in the user's cache folder, if there is one.
fn cache_file() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("gpu-train").join("kernels.json"))
}
