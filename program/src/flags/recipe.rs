//! Flags that choose and change a recipe.

use clap::Args;

use super::named;

use gpu_train::error::Result;
use gpu_train::net::Initialization;
use gpu_train::recipe::{
    Activation, Batch, Length, Loss, Optimizer, Recipe, RecipeName, Schedule, Start,
};

/// Name of a recipe, and its fields.
#[derive(Debug, Default, Args)]
#[group(id = "recipe-flags")]
#[command(next_help_heading = "Recipe")]
pub struct Arguments {
    /// The recipe to start from [default: full-batch with --full-batch, reproduction with --per-example]
    #[arg(long, value_name = "NAME", value_parser = named::values::<RecipeName>())]
    recipe: Option<RecipeName>,
    /// Activation of the hidden layers
    #[arg(long, value_parser = named::values::<Activation>())]
    activation: Option<Activation>,
    /// Loss function; mse has tanh outputs and targets ±1
    #[arg(long, value_parser = named::values::<Loss>())]
    loss: Option<Loss>,
    /// Initial weights: uniform in ±2.4/√F or, as the paper's PDF reads, in ±2.4/F, where F is the fan-in of a unit
    #[arg(long, value_name = "SCALE", value_parser = named::values::<Initialization>())]
    init: Option<Initialization>,
    /// Weights to start from: drawn, or computed from the first training examples and their labels (PCA, LDA and least
    /// squares, layer by layer), which is timed as training
    #[arg(long, value_name = "START", value_parser = named::values::<Start>())]
    start: Option<Start>,
    /// Update rule
    #[arg(long, value_parser = named::values::<Optimizer>())]
    optimizer: Option<Optimizer>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Learning rate of the last epoch (linear and cosine schedules)
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    final_learning_rate: Option<f64>,
    /// Weight decay: decoupled for adamw, muon and whitened-muon, added to the gradient for sgd
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Decay rate of adamw's first moment, from 0 to below 1
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    beta1: Option<f64>,
    /// Decay rate of adamw's second moment, from 0 to below 1
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    beta2: Option<f64>,
    /// adamw's ε, added outside the root
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    epsilon: Option<f64>,
    /// Momentum of sgd, muon and whitened-muon, from 0 to below 1
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// diagonal-newton's μ, added to each weight's curvature; whitened-muon's δ, the share of its mean eigenvalue added to
    /// each layer's covariance. Above 0
    #[arg(long, value_name = "MU", allow_negative_numbers = true)]
    damping: Option<f64>,
    /// Number of training examples, from the first on, for diagonal-newton's estimate of the curvature before each epoch
    /// and whitened-muon's statistics of each layer's inputs, and that the closed-form start is made of
    #[arg(long, visible_alias = "statistics-examples", value_name = "N")]
    curvature_sample: Option<u32>,
    /// Number of steps between two estimates of whitened-muon's statistics; 0 for one estimate, at the start
    #[arg(long, value_name = "STEPS")]
    statistics_every: Option<u32>,
    /// Decay of the learning rate after the warm-up
    #[arg(long, value_parser = named::values::<Schedule>())]
    schedule: Option<Schedule>,
    /// Number of updates over which the learning rate rises to its peak
    #[arg(long, value_name = "STEPS")]
    warmup: Option<u64>,
    /// Shift each image by up to PIXELS pixels in each direction, at random in every step
    #[arg(long, value_name = "PIXELS")]
    shift: Option<u32>,
    /// Dropout probability of H2's units before H3, from 0 to below 1
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Seed of the initial weights, shifts and dropout [default: 1337]
    #[arg(long)]
    seed: Option<u64>,
    /// Number of updates (with --per-example: of examples)
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    steps: Option<u64>,
    /// Number of epochs
    #[arg(long = "epochs", visible_alias = "passes", value_name = "N")]
    epochs: Option<u64>,
}

impl Arguments {
    /// Returns the recipe that these flags describe, validated.
    ///
    /// # Errors
    /// [`gpu_train::error::Error::Usage`], naming the flag that is out of its range.
    pub fn recipe(&self, batch: Batch) -> Result<Recipe> {
        let name = self.recipe.unwrap_or(match batch {
            Batch::Full => RecipeName::FullBatch,
            Batch::PerExample => RecipeName::Reproduction,
        });
        self.over(Recipe {
            batch,
            ..Recipe::named(name)
        })
    }

    /// Returns a recipe (or the one that --recipe names) with the changes of these flags, validated.
    ///
    /// # Errors
    /// As [`Arguments::recipe`].
    pub fn over(&self, base: Recipe) -> Result<Recipe> {
        let base = match self.recipe {
            Some(name) => Recipe {
                batch: base.batch,
                ..Recipe::named(name)
            },
            None => base,
        };
        let optimizer = self.optimizer.unwrap_or(base.optimizer);
        let base = base.with_optimizer(optimizer);
        let length = match (self.steps, self.epochs) {
            (Some(steps), _) => Length::Steps(steps),
            (None, Some(epochs)) => Length::Epochs(epochs),
            (None, None) => base.length,
        };
        let recipe = Recipe {
            length,
            activation: self.activation.unwrap_or(base.activation),
            loss: self.loss.unwrap_or(base.loss),
            start: self.start.unwrap_or(base.start),
            initialization: self.init.unwrap_or(base.initialization),
            learning_rate: self.learning_rate.unwrap_or(base.learning_rate),
            final_learning_rate: self.final_learning_rate.unwrap_or(base.final_learning_rate),
            weight_decay: self.weight_decay.unwrap_or(base.weight_decay),
            beta1: self.beta1.unwrap_or(base.beta1),
            beta2: self.beta2.unwrap_or(base.beta2),
            epsilon: self.epsilon.unwrap_or(base.epsilon),
            momentum: self.momentum.unwrap_or(base.momentum),
            damping: self.damping.unwrap_or(base.damping),
            curvature_sample: self.curvature_sample.unwrap_or(base.curvature_sample),
            statistics_every: self.statistics_every.unwrap_or(base.statistics_every),
            schedule: self.schedule.unwrap_or(base.schedule),
            warmup: self.warmup.unwrap_or(base.warmup),
            shift: self.shift.unwrap_or(base.shift),
            dropout: self.dropout.unwrap_or(base.dropout),
            seed: self.seed.unwrap_or(base.seed),
            ..base
        };
        recipe.validate()?;
        Ok(recipe)
    }
}
