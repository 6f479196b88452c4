//! Shared by `reproduce`, `race` and `search`: consecutive seeds, flags for quick trials, and the folder of finished runs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::flags::usage;
use gpu_train::data::Digits;
use gpu_train::error::{Result, plural};
use gpu_train::recipe::{Length, Recipe};

/// Restrictions for quick trials. The output is marked.
#[derive(Debug, Default, Args)]
#[group(id = "restriction-flags")]
#[command(next_help_heading = "Restrictions")]
pub struct Restrictions {
    /// Shorter runs for a quick trial: N epochs; the output is marked and not compared with published figures
    #[arg(long = "epochs", visible_alias = "passes", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    epochs: Option<u64>,
    /// Smaller runs for a quick trial: the first N training examples; the output is marked and not compared with published
    /// figures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    examples: Option<u64>,
}

impl Restrictions {
    /// Truncates the digits. Returns descriptions of the restrictions.
    pub fn apply(&self, digits: &mut Digits) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(examples) = self.examples.map(|examples| examples as usize)
            && examples < digits.train.len()
        {
            digits.train = digits.train.truncated(examples);
            words.push(format!(
                "only the first {examples} training examples (--examples)"
            ));
        }
        if let Some(epochs) = self.epochs {
            let epochs = plural(epochs as usize, "epoch");
            words.push(format!(
                "{epochs} instead of each recipe's length (--epochs)"
            ));
        }
        words
    }

    /// Returns the recipe with the number of epochs from the flags, and with no larger sample than their examples.
    pub fn shortened(&self, recipe: Recipe) -> Recipe {
        let most = self.examples.and_then(|most| u32::try_from(most).ok());
        Recipe {
            curvature_sample: recipe.curvature_sample.min(most.unwrap_or(u32::MAX)),
            length: self.epochs.map_or(recipe.length, Length::Epochs),
            ..recipe
        }
    }
}

/// Returns `count` (at least one) consecutive seeds.
///
/// # Errors
/// [`gpu_train::error::Error::Usage`] if they exceed 2⁶⁴ − 1.
pub fn seeds(first: u64, count: u64) -> Result<Vec<u64>> {
    let last = first.checked_add(count - 1).ok_or_else(|| {
        usage(format!(
            "--first-seed: found {first}, expected at most 2^64 minus the number of seeds"
        ))
    })?;
    Ok((first..=last).collect())
}

/// The folder of finished runs: in the folder of the file that the results are written to, or this one in the present folder.
pub fn runs_folder(out: Option<&Path>, default: &str) -> PathBuf {
    let Some(out) = out else {
        return default.into();
    };
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push("-runs");
    out.with_file_name(name)
}
