//! The flags that choose a GPU's kernels, and the engine with them.

use std::time::Duration;

use clap::Args;

use gpu_train::data::Digits;
use gpu_train::error::Result;
use gpu_train::gpu::{Gpu, PATIENCE, Variant, tune};
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
    /// A GPU that has not answered for so long counts as hung [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    patience: Option<Duration>,
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

    /// The kernels that the flags ask for on this adapter, measured now whatever is kept from before (none for those that
    /// suit most GPUs), and the seconds that took.
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
        if self.are_given() {
            return Ok((self.kernels, 0.0));
        }
        let tuned = tune::tune(adapter, digits, recipe, parameters, None)?;
        // What is not measured costs nothing worth telling.
        let seconds = if tuned.measured.is_empty() {
            0.0
        } else {
            tuned.seconds
        };
        Ok((Some(tuned.variant), seconds))
    }

    /// The engine on this adapter.
    ///
    /// # Errors
    /// If the adapter lacks something or fails.
    pub fn open(
        &self,
        adapter: wgpu::Adapter,
        digits: &Digits,
        recipe: &Recipe,
        parameters: &Parameters,
    ) -> Result<Opened> {
        let (mut tuning, mut how) = (0.0, String::new());
        let mut engine = if let Some(variant) = self.kernels {
            Gpu::with(adapter, digits, recipe.clone(), parameters, variant)?
        } else if self.no_tune {
            Gpu::new(adapter, digits, recipe.clone(), parameters)?
        } else {
            let cache = tune::cache_file();
            let tuned = tune::tune(&adapter, digits, recipe, parameters, cache.as_deref())?;
            tuning = tuned.seconds;
            if !tuned.measured.is_empty() {
                how = format!(", the fastest of {} in {tuning:.1} s", tuned.measured.len());
            }
            Gpu::with(adapter, digits, recipe.clone(), parameters, tuned.variant)?
        };
        engine.set_patience(self.patience.unwrap_or(PATIENCE));
        let note = format!("kernels: {}{how}", engine.variant());
        Ok(Opened {
            engine,
            tuning,
            note,
        })
    }
}
