//! Tests of modules of the core that need no more than their public items.

mod programs;
mod run_loop;
mod tilings;
