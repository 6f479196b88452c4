//! Trained nets in other programs' formats, one module a format. [`gpu_train::weights`] is the one that is read back.

pub mod onnx;
pub mod scores;
