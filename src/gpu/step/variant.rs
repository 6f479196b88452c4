//! The choice of kernels, as `--kernels` takes it.

use serde::{Deserialize, Serialize};

use crate::gpu::layout::tiling::{FORM, Tiling};

/// The kernels that do a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// A kernel for each layer and direction; every tensor is stored in device memory.
    Layered,
    /// Two kernels; what is between the images and the gradient never leaves a workgroup.
    Fused(Tiling),
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Layered => f.write_str("layered"),
            Self::Fused(tiling) => write!(f, "fused:{tiling}"),
        }
    }
}

impl std::str::FromStr for Variant {
    type Err = String;

    /// Parses the output of `Display`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("fused:") {
            _ if text == "layered" => Ok(Self::Layered),
            Some(tiling) => tiling.parse().map(Self::Fused),
            None => Err(format!("found {text:?}, expected layered or fused:{FORM}")),
        }
    }
}
