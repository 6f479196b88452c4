//! Shapes of the learning rate over a run.

use crate::named::named;

named! {
    /// Shape of the learning rate over the passes, after the warm-up.
    pub enum Schedule {
        /// The peak rate throughout.
        Constant = "constant",
        /// A straight line to the final rate, reached in the last pass.
        Linear = "linear",
        /// Half a cosine to the final rate, reached in the last pass.
        Cosine = "cosine",
    }
}
