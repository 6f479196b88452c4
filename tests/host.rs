//! Every test of the library that needs no adapter.

mod common;
mod cpu;
mod curvature;
mod data_files;
mod documents;
mod finite_differences;
mod layers;
mod properties;
mod units;
