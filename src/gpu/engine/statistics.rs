//! Whitened Muon's statistics: estimated on the host between two steps.

use super::Gpu;
use crate::data::Dataset;
use crate::error::Result;
use crate::gpu::step::contents::Value;
use crate::gpu::step::plan::Buffer;
use crate::net::Parameters;
use crate::recipe::{Optimizer, Recipe};
use crate::threads::{Threads, cores};
use crate::whitening::{Sample, Whitening};

/// Examples and threads of an estimate, and whether the device holds one.
pub(super) struct Statistics {
    /// The first training examples, those of the recipe's sample alone.
    examples: Dataset,
    /// The same, from the first estimate on.
    sample: Option<Sample>,
    threads: Threads,
    /// Those of the present parameters, where they came with these; the device does not have them yet.
    pub(super) given: Option<Whitening>,
    /// True if the device holds those of the parameters in the second moment.
    pub(super) are_on_device: bool,
}

impl Statistics {
    /// Of a recipe's runs on these training examples, where it needs them.
    pub(super) fn of(recipe: &Recipe, train: &Dataset) -> Option<Self> {
        (recipe.optimizer == Optimizer::WhitenedMuon).then(|| Self {
            examples: train.truncated(recipe.curvature_sample as usize),
            sample: None,
            threads: Threads::start(cores()),
            given: None,
            are_on_device: false,
        })
    }
}

impl Gpu {
    /// Sees to the statistics of the present step: new ones if they are due, else those of the parameters in the second
    /// moment, which the device lacks after a restart.
    pub(super) async fn estimate_statistics(&mut self) -> Result<()> {
        let Some(statistics) = &mut self.statistics else {
            return Ok(());
        };
        let are_due = self.recipe.statistics_are_due(self.step);
        if statistics.are_on_device && !are_due {
            return Ok(());
        }
        let given = statistics.given.take();
        let state = match &self.known {
            Some(known) => known.state.clone(),
            None => self.state_async().await?,
        };
        let parameters = if are_due {
            state.parameters
        } else {
            state.second_moment
        };
        let whitening = match given {
            Some(given) => given,
            None => self.estimate(&parameters)?,
        };
        let mut write = |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        let second_moment = self.program.range(Value::SecondMoment);
        let floats = self.program.variant.pack(&parameters);
        write(
            &second_moment.buffer,
            second_moment.first,
            bytemuck::cast_slice(&floats),
        );
        self.program.write_whitening(&whitening, &mut write);
        if let Some(statistics) = &mut self.statistics {
            statistics.are_on_device = true;
        }
        Ok(())
    }

    fn estimate(&mut self, parameters: &Parameters) -> Result<Whitening> {
        let statistics = self.statistics.as_mut();
        let statistics = statistics.expect("an optimizer with statistics");
        Whitening::estimate(
            &mut statistics.sample,
            &statistics.examples,
            &self.recipe,
            parameters,
            &statistics.threads,
        )
    }

    /// Up to `most` steps, at least one, to before the next that new statistics are due at.
    pub(super) fn steps_with_these_statistics(&self, most: u32) -> u32 {
        let are_due = |steps: &u32| self.recipe.statistics_are_due(self.step + steps);
        let next = self
            .statistics
            .as_ref()
            .and_then(|_| (1..most).find(are_due));
        next.unwrap_or(most)
    }
}
