//! What `reproduce` and `race` share: consecutive seeds, and flags for trying things out on less than is published.

use clap::Args;

use crate::flags::usage;
use gpu_train::data::Digits;
use gpu_train::error::Result;
use gpu_train::recipe::{Length, Recipe};

/// Less than is published, to try things out; what comes of it says so.
#[derive(Debug, Default, Args)]
#[group(id = "restriction-flags")]
#[command(next_help_heading = "Restrictions")]
pub struct Restrictions {
    /// Shorter runs, to try things out: so many passes; the output says so, and compares nothing with published figures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    passes: Option<u64>,
    /// Smaller runs, to try things out: the first N training examples; the output says so, and compares nothing with
    /// published figures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    examples: Option<u64>,
}

impl Restrictions {
    /// Cuts the digits; returns in words what sets the runs apart from published ones.
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
            let plural = if passes == 1 { "" } else { "es" };
            words.push(format!(
                "{passes} pass{plural} instead of each recipe's own (--passes)"
            ));
        }
        words
    }

    /// The recipe, of as many passes as the flags say.
    pub fn shortened(&self, recipe: Recipe) -> Recipe {
        Recipe {
            length: self.passes.map_or(recipe.length, Length::Passes),
            ..recipe
        }
    }
}

/// So many seeds (at least one) from the first on.
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
