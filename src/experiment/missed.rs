//! The examples that a trained net misses, and its guesses.

use crate::data::Dataset;
use crate::experiment::record::MissedExample;
use crate::net::Parameters;
use crate::recipe::Recipe;
use crate::reference::{self, Activations};

/// The examples of a set that these parameters miss, in order, by the scalar reference without shift and dropout.
///
/// The guess is the largest output, the first of equal ones, as in an engine's evaluation. An engine's sums are rounded
/// in another order, so that its count can differ by an example whose two largest outputs are all but equal.
pub fn missed(parameters: &Parameters, recipe: &Recipe, set: &Dataset) -> Vec<MissedExample> {
    let guess = |example| {
        let (codes, denominator) = (set.image_codes(example), set.denominator());
        let values = Activations::evaluation(parameters, codes, denominator, recipe.into());
        reference::guess(&values.out) as u8
    };
    let labels = set.labels().iter().enumerate();
    let looked_at = labels.map(|(example, &label)| MissedExample {
        index: example as u32,
        label,
        guess: guess(example),
    });
    looked_at
        .filter(|example| example.guess != example.label)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::FullBatch;
    use crate::data::embedded;
    use crate::engine::{Engine, Split};
    use crate::recipe::{Activation, Loss, RecipeName};

    /// A net that guesses at random misses nine of ten, one that has been trained for a little fewer: each as counted
    /// by the engine that trained it.
    #[test]
    fn as_many_are_missed_as_an_engine_counts() {
        let mut digits = embedded::digits();
        digits.train = digits.train.truncated(300);
        digits.test = digits.test.truncated(200);
        for (activation, loss) in [
            (Activation::Tanh, Loss::Mse),
            (Activation::Relu, Loss::CrossEntropy),
        ] {
            let recipe = Recipe {
                activation,
                loss,
                seed: 1,
                ..Recipe::named(RecipeName::FullBatchMuon)
            };
            let start = recipe.initial_parameters();
            let engine = FullBatch::new(digits.clone(), recipe.clone(), &start);
            let mut engine = engine.expect("a full-batch recipe");
            let mut counts = Vec::new();
            for steps in [0, 20] {
                engine.train(steps).expect("trained");
                let parameters = engine.state().expect("a state").parameters;
                let found = missed(&parameters, &recipe, &digits.test);
                let counted = engine.evaluate(Split::Test).expect("evaluated").misses;
                assert_eq!(found.len(), counted as usize);
                assert!(found.windows(2).all(|pair| pair[0].index < pair[1].index));
                for example in &found {
                    let label = digits.test.labels()[example.index as usize];
                    assert_eq!(example.label, label);
                    assert!(example.guess != label && example.guess < 10);
                }
                counts.push(counted);
            }
            assert!(counts[1] < counts[0], "{counts:?}");
        }
    }
}
