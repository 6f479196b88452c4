//! The parameters of one dispatch: as bytes for the uniform at binding 0, and as the WGSL struct that reads them.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::draw::dropout_threshold;
use crate::engine::Split;
use crate::gpu::layout::sizes::EXAMPLES_PER_CHUNK;
use crate::named::named;
use crate::recipe::{Optimizer, Recipe, RecipeName};

named! {
    /// The purpose of a plan: each has its own uniform.
    pub enum Purpose {
        /// One update.
        Training = "training",
        /// Loss and gradient, no update.
        Gradient = "gradient",
        /// Loss and misses of the training set.
        EvaluateTrain = "evaluate-train",
        /// Loss and misses of the test set.
        EvaluateTest = "evaluate-test",
    }
}

impl Purpose {
    /// The set that is read.
    pub fn split(self) -> Split {
        match self {
            Self::EvaluateTest => Split::Test,
            _ => Split::Train,
        }
    }

    /// True where the gradient is computed, and so images are shifted and units dropped.
    pub fn learns(self) -> bool {
        matches!(self, Self::Training | Self::Gradient)
    }
}

/// The parameters of one dispatch, but for those that depend on the recipe and the images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepParams {
    /// The purpose of its plan.
    pub purpose: Purpose,
    /// First example of the set.
    pub first: u32,
    /// Number of examples.
    pub examples: u32,
    /// Examples of the whole batch.
    pub batch: u32,
    /// First row of `partial` that the dispatch writes.
    pub first_row: u32,
    /// Rows of `partial` that all dispatches of the step write.
    pub rows: u32,
    /// True where the gradient is computed.
    pub compute_gradient: bool,
    /// True where parameters are updated and the step counter advances.
    pub is_training: bool,
}

/// A field of the uniform: its name, and its type in WGSL with its bits.
type Field = (&'static str, (&'static str, u32));

impl StepParams {
    /// The parameters of the layered kernels over a whole set.
    pub fn of(purpose: Purpose, examples: usize) -> Self {
        let examples = examples as u32;
        Self {
            purpose,
            first: 0,
            examples,
            batch: examples,
            first_row: 0,
            rows: examples.div_ceil(EXAMPLES_PER_CHUNK),
            compute_gradient: purpose.learns(),
            is_training: purpose == Purpose::Training,
        }
    }

    /// Fields in their order, for pixel codes of this denominator; the WGSL struct and the uniform's bytes come from here.
    fn fields(&self, recipe: &Recipe, denominator: u16) -> [Field; 23] {
        let random = self.purpose.learns();
        let dropout = if random { recipe.dropout } else { 0.0 };
        let shift = if random { recipe.shift } else { 0 };
        let is_muon = recipe.optimizer == Optimizer::Muon;
        let u32_of = |value: u32| ("u32", value);
        let f32_of = |value: f64| ("f32", (value as f32).to_bits());
        [
            ("examples", u32_of(self.examples)),
            ("chunks", u32_of(self.examples.div_ceil(EXAMPLES_PER_CHUNK))),
            ("first", u32_of(self.first)),
            ("batch", u32_of(self.batch)),
            ("first_row", u32_of(self.first_row)),
            ("rows", u32_of(self.rows)),
            ("compute_gradient", u32_of(self.compute_gradient.into())),
            ("is_training", u32_of(self.is_training.into())),
            ("shift", u32_of(shift)),
            ("is_muon", u32_of(is_muon.into())),
            ("seed_low", u32_of(recipe.seed as u32)),
            ("seed_high", u32_of((recipe.seed >> 32) as u32)),
            ("dropout_threshold", u32_of(dropout_threshold(dropout))),
            ("kept_factor", f32_of(1.0 / (1.0 - dropout))),
            ("inverse_denominator", f32_of(1.0 / f64::from(denominator))),
            ("gradient_scale", f32_of(1.0 / f64::from(self.batch))),
            ("momentum", f32_of(recipe.momentum)),
            ("weight_decay", f32_of(recipe.weight_decay)),
            ("beta1", f32_of(recipe.beta1)),
            ("beta2", f32_of(recipe.beta2)),
            ("one_minus_beta1", f32_of(1.0 - recipe.beta1)),
            ("one_minus_beta2", f32_of(1.0 - recipe.beta2)),
            ("epsilon", f32_of(recipe.epsilon)),
        ]
    }

    /// The uniform's contents for pixel codes of this denominator.
    pub fn words(&self, recipe: &Recipe, denominator: u16) -> Vec<u32> {
        let fields = self.fields(recipe, denominator);
        let mut words: Vec<u32> = fields.iter().map(|(_, (_, bits))| *bits).collect();
        // Some devices require uniforms in multiples of 16 bytes.
        words.resize(words.len().next_multiple_of(4), 0);
        words
    }
}

/// The uniform's declaration in WGSL.
pub fn declaration() -> String {
    let any = StepParams::of(Purpose::EvaluateTrain, 1);
    let mut text = String::from("struct StepParams {\n");
    for (name, (kind, _)) in any.fields(&Recipe::named(RecipeName::FullBatchMuon), 1) {
        let _ = writeln!(text, "    {name}: {kind},");
    }
    text + "}\n@group(0) @binding(0) var<uniform> params: StepParams;\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uniform_is_laid_out_as_the_struct() {
        let module = naga::front::wgsl::parse_str(&declaration()).unwrap();
        let (_, params) = module.global_variables.iter().next().unwrap();
        let naga::TypeInner::Struct { members, span } = &module.types[params.ty].inner else {
            panic!("params is a struct");
        };
        let recipe = Recipe::named(RecipeName::FullBatchMuon);
        let params = StepParams::of(Purpose::Training, 65);
        let fields = params.fields(&recipe, 64);
        assert_eq!(members.len(), fields.len());
        assert!(*span as usize <= 4 * params.words(&recipe, 64).len());
        for (index, (member, (name, _))) in members.iter().zip(fields).enumerate() {
            assert_eq!(member.name.as_deref(), Some(name));
            assert_eq!(member.offset as usize, 4 * index);
        }
    }

    #[test]
    fn values_are_of_the_recipe_and_the_purpose() {
        let recipe = Recipe {
            seed: (5 << 32) + 7,
            dropout: 0.2,
            shift: 1,
            beta1: 0.75,
            beta2: 0.875,
            ..Recipe::named(RecipeName::FullBatchMuon)
        };
        let of = |purpose, optimizer| {
            let recipe = Recipe {
                optimizer,
                ..recipe.clone()
            };
            let fields = StepParams::of(purpose, 1_025).fields(&recipe, 64);
            std::collections::HashMap::from(fields.map(|(name, (_, bits))| (name, bits)))
        };
        let training = of(Purpose::Training, Optimizer::Muon);
        for (name, expected) in [
            ("examples", 1_025),
            ("chunks", 3),
            ("first", 0),
            ("batch", 1_025),
            ("rows", 3),
            ("compute_gradient", 1),
            ("is_training", 1),
            ("shift", 1),
            ("is_muon", 1),
            ("seed_low", 7),
            ("seed_high", 5),
            ("dropout_threshold", dropout_threshold(0.2)),
        ] {
            assert_eq!(training[name], expected, "{name}");
        }
        for (name, expected) in [
            ("kept_factor", 1.25),
            ("inverse_denominator", 1.0 / 64.0),
            ("gradient_scale", 1.0 / 1_025.0),
            ("one_minus_beta1", 0.25),
            ("one_minus_beta2", 0.125),
        ] {
            assert_eq!(f32::from_bits(training[name]), expected, "{name}");
        }
        let gradient = of(Purpose::Gradient, Optimizer::AdamW);
        assert_eq!([gradient["is_training"], gradient["is_muon"]], [0, 0]);
        assert_eq!([gradient["compute_gradient"], gradient["shift"]], [1, 1]);
        for purpose in [Purpose::EvaluateTrain, Purpose::EvaluateTest] {
            let evaluation = of(purpose, Optimizer::Muon);
            for name in ["compute_gradient", "is_training", "shift"] {
                assert_eq!(evaluation[name], 0, "{name}");
            }
            assert_eq!(evaluation["dropout_threshold"], dropout_threshold(0.0));
            assert_eq!(f32::from_bits(evaluation["kept_factor"]), 1.0);
        }
    }
}
