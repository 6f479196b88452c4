//! The weights that a run starts from: drawn, or computed from training examples.
//!
//! ```
//! use gpu_train::data::embedded;
//! use gpu_train::recipe::{Recipe, RecipeName, Start};
//! use gpu_train::start::StartingPoint;
//!
//! let recipe = Recipe {
//!     start: Start::ClosedForm,
//!     ..Recipe::named(RecipeName::FullBatch)
//! };
//! let train = embedded::digits().train;
//! let start = StartingPoint::of(&recipe, &train, 1)?;
//! assert!(start.seconds > 0.0);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

mod closed_form;
mod eigen;

use web_time::Instant;

use crate::data::Examples;
use crate::error::Result;
use crate::net::Parameters;
use crate::recipe::{Recipe, Start};
use crate::threads::Threads;
use crate::whitening::Whitening;

/// Weights to start from.
#[derive(Debug, Clone)]
pub struct StartingPoint {
    /// The weights.
    pub parameters: Parameters,
    /// Whitened Muon's statistics at these weights, where computing the weights gave them.
    pub whitening: Option<Whitening>,
    /// Seconds of training that they took: labels had a part in them. 0 for drawn or given ones.
    pub seconds: f64,
}

impl From<Parameters> for StartingPoint {
    /// Weights that were drawn or given.
    fn from(parameters: Parameters) -> Self {
        Self {
            parameters,
            whitening: None,
            seconds: 0.0,
        }
    }
}

impl StartingPoint {
    /// The recipe's, on this training set; the same on any number of threads, which are started if there is something to
    /// compute.
    ///
    /// # Errors
    /// Those of [`Recipe::validate_start`], [`Error::Usage`](crate::error::Error::Usage) if the closed form's examples lack
    /// a digit, [`Error::Diverged`](crate::error::Error::Diverged) if a layer's inputs do not vary.
    pub fn of(recipe: &Recipe, train: &dyn Examples, threads: usize) -> Result<Self> {
        match recipe.start {
            Start::Uniform => Ok(recipe.initial_parameters().into()),
            Start::ClosedForm => {
                recipe.validate_start(train.count())?;
                let threads = Threads::start(threads);
                let started = Instant::now();
                let (parameters, whitening) = closed_form::closed_form(recipe, train, &threads)?;
                Ok(Self {
                    parameters,
                    whitening,
                    seconds: started.elapsed().as_secs_f64(),
                })
            }
        }
    }
}
