//! The command `gpu-train`, made of the library `gpu_train`.
//!
//! | folder | content |
//! |---|---|
//! | [`commands`] | one file per subcommand: arguments, call, output |
//! | [`flags`] | flags that several subcommands share |
//! | [`terminal`] | output, progress, Ctrl-C |
//! | [`ranks`] | processes that an MPI launcher has started for one run |
//! | [`text`] | records as human-readable text |
//! | [`logs`] | metrics.jsonl and TensorBoard's event files |
//! | [`pictures`] | SVG pictures and report.html |
//! | [`export`] | ONNX, scores |
//! | [`decode`] | PNG, JPEG, PNM and BMP to grey levels |

pub mod commands;
pub mod decode;
pub mod export;
pub mod flags;
pub mod logs;
pub mod pictures;
pub mod ranks;
pub mod terminal;
pub mod text;
