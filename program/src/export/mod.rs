//! Trained nets in the formats of other programs, one module per format. Only [`gpu_train::weights`] can be read back.

pub mod onnx;
pub mod scores;
