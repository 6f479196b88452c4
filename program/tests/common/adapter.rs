//! The software adapter that some tests need.

use gpu_train::gpu::{AdapterChoice, choose};

/// Tells whether a software adapter is missing and nobody requires one.
pub fn lacks_adapter() -> bool {
    let software = AdapterChoice {
        software: true,
        ..AdapterChoice::default()
    };
    let required = std::env::var("GPU_TRAIN_REQUIRE_ADAPTER").is_ok_and(|value| value == "1");
    !required && choose(&software).is_err()
}
