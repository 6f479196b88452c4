//! Trains LeCun's 1989 zip-code convnet, one example at a time as it was then, or over the whole training set at once
//! on a GPU, and compares the two.

pub mod bench;
pub mod cli;
pub mod cpu;
pub mod data;
pub mod draw;
pub mod engine;
pub mod error;
pub mod file;
pub mod gpu;
pub mod muon;
pub mod net;
pub mod predict;
pub mod race;
pub mod recipe;
pub mod records;
pub mod reference;
pub mod report;
pub mod reproduce;
pub mod schedule;
pub mod search;
pub mod train;
pub mod weights;
