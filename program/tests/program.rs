//! The program as a user runs it. Tests that need an adapter, a browser or another program are in `machine.rs`.

#[cfg(unix)]
#[path = "common/adapter.rs"]
mod adapter;
mod cli;
#[cfg(unix)]
mod common;
mod data_files;
mod failures;
#[cfg(unix)]
mod help_examples;
#[cfg(unix)]
#[path = "../../tests/common/mod.rs"]
mod numeric;
#[cfg(unix)]
mod paths;
mod predict;
mod report;
mod reproduce;
mod resume;
mod search;
mod shares;
#[path = "common/zip_code.rs"]
mod zip_code;
