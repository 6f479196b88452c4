//! The functions of a trained net.

use serde::{Deserialize, Serialize};

use super::{Activation, Loss, Recipe};

/// The functions that the net applies to its sums; the weights alone do not tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Functions {
    /// Of the hidden layers.
    pub activation: Activation,
    /// Trained for; it decides what the outputs are: logits, or tanh's values.
    pub loss: Loss,
}

/// By the names of their flags' values: `tanh and mse`.
impl std::fmt::Display for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} and {}", self.activation, self.loss)
    }
}

impl From<&Recipe> for Functions {
    fn from(recipe: &Recipe) -> Self {
        Self {
            activation: recipe.activation,
            loss: recipe.loss,
        }
    }
}
