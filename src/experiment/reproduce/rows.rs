//! The rows of the table, as data. Another recipe is one more entry.

use crate::data::Source;
use crate::experiment::record::Published;
use crate::recipe::{Length, Recipe, RecipeName};

/// Test examples of every published figure.
const TEST_EXAMPLES: u32 = crate::data::mnist1989::TEST as u32;
/// Training examples of the essay's larger set.
const LARGE: usize = 50_000;

/// A published test error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// In percent, as printed.
    pub percent: f64,
    /// Misses, as printed.
    pub printed_misses: u32,
}

/// Training of a row on the first 50,000 of MNIST.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Large {
    /// Epochs; none for the recipe's own length.
    pub epochs: Option<u64>,
    /// The essay's figure.
    pub essay: Figure,
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its name, as `--rows` takes it.
    pub name: &'static str,
    /// Title, in a few words.
    pub title: &'static str,
    /// The recipe.
    pub recipe: RecipeName,
    /// The essay's figure on MNIST as of 1989; of a stage's full-batch form that of the stage.
    pub essay: Option<Figure>,
    /// On 50,000 examples, if the essay did that.
    pub large: Option<Large>,
}

const fn figure(percent: f64, printed_misses: u32) -> Option<Figure> {
    Some(Figure {
        percent,
        printed_misses,
    })
}

const fn large(epochs: Option<u64>, percent: f64, printed_misses: u32) -> Option<Large> {
    let essay = Figure {
        percent,
        printed_misses,
    };
    Some(Large { epochs, essay })
}

const fn row(
    name: &'static str,
    recipe: RecipeName,
    essay: Option<Figure>,
    large: Option<Large>,
    title: &'static str,
) -> Row {
    Row {
        name,
        title,
        recipe,
        essay,
        large,
    }
}

const STAGE_0: Option<Figure> = figure(4.09, 82);
const STAGE_1: Option<Figure> = figure(4.38, 87);
const STAGE_2: Option<Figure> = figure(3.59, 72);
const STAGE_3: Option<Figure> = figure(2.19, 43);
const STAGE_4: Option<Figure> = figure(1.59, 32);

/// All rows: the essay's stages one example at a time, then over the full batch.
#[rustfmt::skip]
pub const ROWS: [Row; 18] = [
    row("stage-0", RecipeName::Reproduction, STAGE_0, large(Some(100), 2.74, 54), "reproduction: tanh, MSE, SGD"),
    row("stage-1", RecipeName::Softmax, STAGE_1, None, "+ softmax cross-entropy"),
    row("stage-2", RecipeName::AdamW, STAGE_2, None, "+ AdamW"),
    row("stage-3", RecipeName::Augmentation, STAGE_3, None, "+ shifts by a pixel"),
    row("stage-4", RecipeName::Dropout, STAGE_4, large(Some(80), 1.25, 24), "+ dropout and ReLU"),
    row("newton-1989", RecipeName::Newton1989, STAGE_0, None, "stage 0 with the paper's optimizer"),
    row("stage-0-plain", RecipeName::ReproductionPlain, STAGE_0, None, "stage 0 from weights within 2.4/F"),
    row("newton-1989-plain", RecipeName::Newton1989Plain, STAGE_0, None, "the paper's optimizer from weights within 2.4/F"),
    row("full-batch-0", RecipeName::FullBatch1989, STAGE_0, large(None, 2.74, 54), "stage 0 over the full batch"),
    row("full-batch-1", RecipeName::FullBatchSoftmax, STAGE_1, None, "stage 1 over the full batch"),
    row("full-batch-2", RecipeName::FullBatchAdamW, STAGE_2, None, "stage 2 over the full batch"),
    row("full-batch-3", RecipeName::FullBatchAugmentation, STAGE_3, None, "stage 3 over the full batch"),
    row("full-batch-4", RecipeName::FullBatchModern, STAGE_4, large(None, 1.25, 24), "stage 4 over the full batch"),
    row("full-batch", RecipeName::FullBatch, STAGE_0, None, "fewest full-batch steps to the reproduction's misses"),
    row("full-batch-random", RecipeName::FullBatchRandom, STAGE_0, None, "the same from drawn weights"),
    row("full-batch-muon", RecipeName::FullBatchMuon, STAGE_0, None, "the same from drawn weights, by Muon"),
    row("per-example", RecipeName::PerExample, STAGE_0, None, "fewest epochs of batch 1 to the reproduction's misses"),
    row("per-example-closed-form", RecipeName::PerExampleClosedForm, STAGE_0, None, "the same from the closed-form start"),
];

impl Row {
    /// The row of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name == name)
    }

    /// The rows of the published table for these digits.
    pub fn of(source: Source) -> Vec<&'static Self> {
        let published = |row: &&Self| !matches!(source, Source::Mnist(_)) || row.large.is_some();
        ROWS.iter().filter(published).collect()
    }

    /// Its recipe on these digits.
    pub fn recipe(&self, source: Source, seed: u64) -> Recipe {
        let recipe = Recipe::named(self.recipe);
        let epochs = match source {
            Source::Mnist(LARGE) => self.large.and_then(|large| large.epochs),
            _ => None,
        };
        Recipe {
            length: epochs.map_or(recipe.length, Length::Epochs),
            seed,
            ..recipe
        }
    }

    /// Published figure for it on these digits.
    pub fn published(&self, source: Source) -> Option<Published> {
        let published = |figure: Figure, misses, source: &str| Published {
            misses,
            printed_misses: figure.printed_misses,
            percent: figure.percent,
            examples: TEST_EXAMPLES,
            source: source.into(),
        };
        let figure = match source {
            Source::Mnist1989 => self.essay?,
            Source::Mnist(LARGE) => self.large?.essay,
            Source::Mnist(_) => return None,
            // One net, trained by the paper's own optimizer; its only figure is compared with every row.
            Source::ZipCode => return Some(published(figure(5.0, 102)?, 102, "paper, 1989")),
        };
        let misses = (figure.percent / 100.0 * f64::from(TEST_EXAMPLES)).round();
        Some(published(figure, misses as u32, "essay, 2022"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Batch;

    fn misses(rows: &[&str], source: Source) -> Vec<(u32, u32)> {
        let published = rows.iter().map(|name| {
            let row = Row::named(name).expect("a row");
            row.published(source).expect("a figure")
        });
        published
            .map(|figure| (figure.printed_misses, figure.misses))
            .collect()
    }

    #[test]
    fn published_misses_are_printed_ones_and_those_of_the_percentages() {
        let expected = [(82, 82), (87, 88), (72, 72), (43, 44), (32, 32)];
        for form in ["stage", "full-batch"] {
            let names: Vec<String> = (0..5).map(|stage| format!("{form}-{stage}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(misses(&names, Source::Mnist1989), expected);
            let ends = [names[0], names[4]];
            assert_eq!(misses(&ends, Source::Mnist(50_000)), [(54, 55), (24, 25)]);
        }
        assert_eq!(misses(&["full-batch"], Source::Mnist1989), [(82, 82)]);
        assert_eq!(misses(&["stage-3"], Source::ZipCode), [(102, 102)]);
        let stage = Row::named("stage-0").expect("a row");
        assert_eq!(stage.published(Source::Mnist(49_999)), None);
    }

    #[test]
    fn names_are_unique_and_stages_see_one_example_at_a_time() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(Row::named(row.name), Some(&ROWS[index]));
            let batch = match row.name.starts_with("full-batch") {
                true => Batch::Full,
                false => Batch::PerExample,
            };
            let recipe = row.recipe(Source::ZipCode, 7);
            assert_eq!((recipe.batch, recipe.seed), (batch, 7), "{}", row.name);
        }
    }

    #[test]
    fn on_fifty_thousand_the_stages_have_the_essays_passes() {
        let length = |name, source| Row::named(name).expect("a row").recipe(source, 7).length;
        let large = Source::Mnist(50_000);
        assert_eq!(length("stage-0", large), Length::Epochs(100));
        assert_eq!(length("stage-4", large), Length::Epochs(80));
        assert_eq!(length("stage-0", Source::Mnist1989), Length::Epochs(23));
        let full = Recipe::named(RecipeName::FullBatch1989).length;
        assert_eq!(length("full-batch-0", large), full);
        let names: Vec<_> = Row::of(large).iter().map(|row| row.name).collect();
        assert_eq!(
            names,
            ["stage-0", "stage-4", "full-batch-0", "full-batch-4"]
        );
        assert_eq!(Row::of(Source::ZipCode).len(), ROWS.len());
    }
}
