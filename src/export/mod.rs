//! Trained nets in other programs' formats, one module a format. [`crate::weights`] is the one that is read back.

pub mod onnx;
pub mod scores;
