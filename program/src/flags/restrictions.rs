//! Flags that `reproduce`, `race` and `search` share: consecutive seeds, less than is published to try things out, and
//! the folder of finished runs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::flags::usage;
use gpu_train::data::Digits;
use gpu_train::error::Result;
use gpu_train::experiment::plural;
use gpu_train::recipe::{Length, Recipe};

/// Less than is published, to try things out; the results say so.
#[derive(Debug, Default, Args)]
#[group(id = "restriction-flags")]
#[command(next_help_heading = "Restrictions")]
pub struct Restrictions {
    /// Shorter runs, to try things out: N epochs; the output says so, and compares nothing with published figures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    passes: Option<u64>,
    /// Smaller runs, to try things out: the first N training examples; the output says so, and compares nothing with
    /// published figures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    examples: Option<u64>,
}

impl Restrictions {
    /// Cuts the digits; returns in words why the runs are not comparable with published ones.
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
        if let Some(passes) = self.passes {
            let epochs = plural(passes as usize, "epoch");
            words.push(format!("{epochs} instead of each recipe's own (--passes)"));
        }
        words
    }

    /// The recipe, with as many epochs as the flags say.
    pub fn shortened(&self, recipe: Recipe) -> Recipe {
        Recipe {
            length: self.passes.map_or(recipe.length, Length::Passes),
            ..recipe
        }
    }
}

/// `count` seeds (at least one) from the first on.
///
/// # Errors
/// [`gpu_train::error::Error::Usage`] if there are not as many.
pub fn seeds(first: u64, count: u64) -> Result<Vec<u64>> {
    let last = first.checked_add(count - 1).ok_or_else(|| {
        usage(format!(
            "--first-seed: found {first}, expected at most 2^64 less the number of seeds"
        ))
    })?;
    Ok((first..=last).collect())
}

/// The folder of finished runs: beside the file that the results are written to, or this one in the present folder.
pub fn runs_folder(out: Option<&Path>, default: &str) -> PathBuf {
    let Some(out) = out else {
        return default.into();
    };
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push("-runs");
    out.with_file_name(name)
}
