//! The tools whose absence fails their tests instead of ignoring them.

/// True if `GPU_TRAIN_REQUIRE_TOOLS` names this tool, or is 1 for all of them.
pub fn is_required(tool: &str) -> bool {
    let required = std::env::var("GPU_TRAIN_REQUIRE_TOOLS").unwrap_or_default();
    required.split(',').any(|name| name == tool || name == "1")
}
