//! The fields of a recipe that a search may change, and their random values.

use std::fmt;
use std::str::FromStr;

use rand_mt::Mt64;
use serde::Serialize;

use crate::named::{Named, named};
use crate::recipe::{Optimizer, Recipe};

named! {
    /// A field of a recipe that a search may draw.
    pub enum Field {
        /// Peak learning rate.
        LearningRate = "learning-rate",
        /// The final learning rate, as a share of the peak.
        FinalShare = "final-share",
        /// Weight decay.
        WeightDecay = "weight-decay",
        /// Decay rate of AdamW's first moment.
        Beta1 = "beta1",
        /// Decay rate of AdamW's second moment.
        Beta2 = "beta2",
        /// Momentum of SGD, Muon and whitened Muon.
        Momentum = "momentum",
        /// Damping of diagonal Newton and whitened Muon.
        Damping = "damping",
        /// Steps between two estimates of whitened Muon's statistics.
        StatisticsEvery = "statistics-every",
        /// Updates of the warm-up, as a share of all.
        WarmupShare = "warmup-share",
        /// Dropout's probability.
        Dropout = "dropout",
        /// Shape of the rate over the epochs.
        Schedule = "schedule",
        /// Update rule.
        Optimizer = "optimizer",
        /// Nonlinearity.
        Activation = "activation",
        /// The loss function.
        Loss = "loss",
    }
}

/// Range or list that a field's value is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choices {
    /// Log-uniform between two numbers, rounded to two digits.
    Between(f64, f64),
    /// One of these, each as likely.
    OneOf(Vec<String>),
}

/// A field and its values, written as `learning-rate=0.01..0.08` or `schedule=linear|cosine`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Range {
    /// The field.
    pub field: Field,
    /// Its values.
    pub values: Choices,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "expected FIELD=LOW..HIGH or FIELD=A|B|C";
        let Some((name, values)) = text.split_once('=') else {
            return Err(format!("found {text:?}, {form}"));
        };
        let field = Field::of_name(name).ok_or_else(|| {
            let known = Field::NAMES.join(", ");
            format!("found the field {name:?}, expected one of {known}")
        })?;
        let values = match values.split_once("..") {
            Some((low, high)) => match (low.parse::<f64>(), high.parse::<f64>()) {
                (Ok(low), Ok(high)) if 0.0 < low && low < high && high.is_finite() => {
                    Choices::Between(low, high)
                }
                _ => {
                    return Err(format!(
                        "found {text:?}, expected two numbers above 0, the lower first"
                    ));
                }
            },
            None => Choices::OneOf(values.split('|').map(str::to_owned).collect()),
        };
        let range = Self { field, values };
        range.check()?;
        Ok(range)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.field;
        match &self.values {
            Choices::Between(low, high) => write!(f, "{name}={low}..{high}"),
            Choices::OneOf(values) => write!(f, "{name}={}", values.join("|")),
        }
    }
}

impl Range {
    /// Tries every end or choice.
    fn check(&self) -> Result<(), String> {
        let texts = match &self.values {
            Choices::Between(low, high) => vec![low.to_string(), high.to_string()],
            Choices::OneOf(texts) => texts.clone(),
        };
        let recipe = Recipe::named(crate::recipe::RecipeName::FullBatchMuon);
        for text in texts {
            let mut tried = recipe.clone();
            self.field.set(&mut tried, &text, 1)?;
            tried
                .validate()
                .map_err(|error| format!("found {self}: {error}"))?;
        }
        Ok(())
    }
}

impl Field {
    /// Puts a value into a recipe for a training set of `examples`; a share is of a value that the recipe already has, so rate
    /// and length come first.
    fn set(self, recipe: &mut Recipe, text: &str, examples: usize) -> Result<(), String> {
        let number = || {
            let found = text.parse::<f64>().ok().filter(|value| value.is_finite());
            found.ok_or_else(|| format!("found {text:?}, expected a number"))
        };
        match self {
            Self::LearningRate => {
                let share = recipe.final_learning_rate / recipe.learning_rate;
                recipe.learning_rate = number()?;
                recipe.final_learning_rate = significant(recipe.learning_rate * share);
            }
            Self::FinalShare => {
                recipe.final_learning_rate = significant(recipe.learning_rate * number()?)
            }
            Self::WeightDecay => recipe.weight_decay = number()?,
            Self::Beta1 => recipe.beta1 = number()?,
            Self::Beta2 => recipe.beta2 = number()?,
            Self::Momentum => recipe.momentum = number()?,
            Self::Damping => recipe.damping = number()?,
            Self::StatisticsEvery => {
                let steps = text
                    .parse()
                    .map_err(|_| format!("found {text:?}, expected a number of steps"));
                recipe.statistics_every = steps?;
            }
            Self::WarmupShare => {
                let share = number()?;
                if !(0.0..1.0).contains(&share) {
                    return Err(format!(
                        "found {text:?}, expected a share from 0 up to, but not, 1"
                    ));
                }
                recipe.warmup = (recipe.updates(examples) as f64 * share).round() as u64;
            }
            Self::Dropout => recipe.dropout = number()?,
            Self::Schedule => recipe.schedule = text.parse()?,
            Self::Optimizer => recipe.optimizer = text.parse()?,
            Self::Activation => recipe.activation = text.parse()?,
            Self::Loss => recipe.loss = text.parse()?,
        }
        Ok(())
    }
}

/// Two significant digits: more would claim a precision that no search has.
fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// All that a search may draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Space(Vec<Range>);

impl Space {
    /// The usual ranges for a recipe, with these in place of some.
    pub fn of(recipe: &Recipe, own: &[Range]) -> Self {
        let shapes = "schedule=linear|cosine final-share=0.01|0.03|0.1 warmup-share=0.03|0.1|0.2";
        let numbers = match recipe.optimizer {
            Optimizer::Sgd => {
                "learning-rate=0.02..1 momentum=0.8|0.9|0.95 weight-decay=0.00001..0.003"
            }
            Optimizer::Muon => {
                "learning-rate=0.005..0.05 momentum=0.7|0.8|0.9|0.95 weight-decay=0.05..4 \
                 beta1=0.85|0.9|0.95 beta2=0.9|0.95|0.98"
            }
            Optimizer::WhitenedMuon => {
                "learning-rate=0.1..0.5 momentum=0|0.2|0.4|0.6 weight-decay=0|0.1|0.2|0.3|0.5 damping=0.02|0.03|0.05 \
                 statistics-every=0|1|2|4"
            }
            _ => {
                "learning-rate=0.008..0.08 weight-decay=0.02..3 beta1=0.8|0.85|0.9|0.95 beta2=0.9|0.95|0.98|0.99"
            }
        };
        let usual = shapes.split(' ').chain(numbers.split(' '));
        let usual = usual.map(|text| text.parse::<Range>().expect("a range"));
        let mut ranges: Vec<Range> = own.to_vec();
        ranges.extend(usual.filter(|range| own.iter().all(|own| own.field != range.field)));
        // Shares are of a rate drawn before.
        ranges.sort_by_key(|range| range.field != Field::LearningRate);
        Self(ranges)
    }

    /// The ranges, the learning rate's first.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// One candidate, for a training set of `examples`.
    pub fn draw(&self, base: &Recipe, examples: usize, sampler: &mut Sampler) -> Recipe {
        let mut recipe = base.clone();
        for range in &self.0 {
            let text = match &range.values {
                Choices::Between(low, high) => {
                    significant(sampler.logarithmic(*low, *high)).to_string()
                }
                Choices::OneOf(values) => values[sampler.below(values.len())].clone(),
            };
            range
                .field
                .set(&mut recipe, &text, examples)
                .expect("checked when it was read");
        }
        recipe
    }
}

/// The search's own random numbers: the draws of a run are the recipe's.
pub struct Sampler(Mt64);

impl Sampler {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mt64::new(seed))
    }

    fn logarithmic(&mut self, low: f64, high: f64) -> f64 {
        let share = self.0.next_u64() as f64 / 2f64.powi(64);
        (low.ln() + (high.ln() - low.ln()) * share).exp()
    }

    fn below(&mut self, count: usize) -> usize {
        (self.0.next_u64() % count as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Length, RecipeName};

    #[test]
    fn a_warm_up_is_a_share_of_all_updates() {
        for (name, updates) in [
            (RecipeName::Reproduction, 40),
            (RecipeName::FullBatchMuon, 4),
        ] {
            let mut recipe = Recipe {
                length: Length::Epochs(40),
                ..Recipe::named(name)
            };
            Field::WarmupShare.set(&mut recipe, "0.1", 10).unwrap();
            assert_eq!(recipe.warmup, updates);
        }
    }

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for text in [
            "learning-rate=0.01..0.08",
            "schedule=linear|cosine",
            "beta1=0.9",
            "optimizer=muon|adamw",
        ] {
            assert_eq!(text.parse::<Range>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refusals_say_what_was_found() {
        for (text, part) in [
            ("learning-rate", "expected FIELD="),
            ("rate=1..2", "expected one of learning-rate"),
            ("learning-rate=2..1", "the lower first"),
            ("learning-rate=1..1", "the lower first"),
            ("learning-rate=0..1", "above 0"),
            ("learning-rate=1..inf", "two numbers"),
            ("beta1=0.5..1.5", "--beta1"),
            ("schedule=linear|square", "expected one of constant"),
            ("warmup-share=1", "a share"),
            ("momentum=x|0.9", "expected a number"),
            ("statistics-every=1.5", "expected a number of steps"),
        ] {
            let refused = text.parse::<Range>().unwrap_err();
            assert!(refused.contains(part), "{text}: {refused}");
        }
    }

    #[test]
    fn a_space_has_the_usual_ranges_of_its_rule_but_for_its_own() {
        let own = ["weight-decay=0.1", "dropout=0.3"].map(|text| text.parse().unwrap());
        for (optimizer, rate, another) in [
            (Optimizer::Sgd, "0.02..1", "momentum=0.8|0.9|0.95"),
            (Optimizer::Muon, "0.005..0.05", "beta1=0.85|0.9|0.95"),
            (
                Optimizer::WhitenedMuon,
                "0.1..0.5",
                "damping=0.02|0.03|0.05",
            ),
            (Optimizer::AdamW, "0.008..0.08", "beta2=0.9|0.95|0.98|0.99"),
        ] {
            let recipe = Recipe {
                optimizer,
                ..Recipe::named(RecipeName::FullBatch)
            };
            let space = Space::of(&recipe, &own);
            let texts: Vec<String> = space.ranges().iter().map(Range::to_string).collect();
            assert_eq!(texts[0], format!("learning-rate={rate}"));
            for expected in ["weight-decay=0.1", "dropout=0.3", another] {
                let field = expected.split_inclusive('=').next().unwrap();
                let found = texts.iter().filter(|text| text.starts_with(field));
                assert_eq!(found.collect::<Vec<_>>(), [expected]);
            }
        }
    }

    #[test]
    fn a_rate_takes_its_final_one_along() {
        let mut recipe = Recipe {
            learning_rate: 0.02,
            final_learning_rate: 0.005,
            ..Recipe::named(RecipeName::FullBatchMuon)
        };
        Field::LearningRate.set(&mut recipe, "0.048", 1).unwrap();
        assert_eq!(recipe.learning_rate, 0.048);
        assert_eq!(recipe.final_learning_rate, 0.012);
        Field::FinalShare.set(&mut recipe, "0.1", 1).unwrap();
        assert_eq!(recipe.final_learning_rate, 0.0048);
    }

    #[test]
    fn numbers_are_drawn_with_even_logarithms_and_every_choice() {
        let mut sampler = Sampler::new(1);
        let drawn: Vec<f64> = (0..200).map(|_| sampler.logarithmic(0.01, 1.0)).collect();
        assert!(drawn.iter().all(|number| (0.01..=1.0).contains(number)));
        let mut choices: Vec<usize> = (0..200).map(|_| sampler.below(3)).collect();
        choices.sort_unstable();
        choices.dedup();
        assert_eq!(choices, [0, 1, 2]);
        let below = drawn.iter().filter(|number| **number < 0.1).count();
        assert!((80..120).contains(&below), "{below}");
    }

    #[test]
    fn candidates_stay_in_their_ranges_and_a_seed_repeats_them() {
        let base = Recipe {
            optimizer: Optimizer::Muon,
            ..Recipe::named(RecipeName::FullBatchMuon)
        };
        let own = [
            "learning-rate=0.01..0.02".parse().unwrap(),
            "dropout=0.1|0.2".parse().unwrap(),
        ];
        let space = Space::of(&base, &own);
        let drawn = |seed| -> Vec<Recipe> {
            let mut sampler = Sampler::new(seed);
            (0..200)
                .map(|_| space.draw(&base, 1, &mut sampler))
                .collect()
        };
        let candidates = drawn(1);
        assert_eq!(candidates, drawn(1));
        assert_ne!(candidates, drawn(2));
        for recipe in &candidates {
            recipe.validate().unwrap();
            assert!((0.01..=0.02).contains(&recipe.learning_rate));
            assert!([0.1, 0.2].contains(&recipe.dropout));
            let share = recipe.final_learning_rate / recipe.learning_rate;
            assert!((0.0095..0.105).contains(&share), "{share}");
        }
        assert!(candidates.iter().any(|recipe| recipe.dropout == 0.1));
        assert!(candidates.iter().any(|recipe| recipe.learning_rate > 0.017));
    }
}
