//! Experiments over whole runs: the race to the reproduction's misses, the essay's table, the search for a recipe's
//! numbers, and the benchmark.
//!
//! | file | content |
//! |---|---|
//! | [`mod@race`] | the race's rule, one run against the clock, the standings |
//! | [`reproduce`] | the table's rows, one run of a row, the folder of finished runs |
//! | [`search`] | candidates and folds |
//! | [`bench`](mod@bench) | time per step |
//! | [`record`] | the JSON that all of them write |
//! | [`verdict`] | the verdict on the essay's ~100X |

pub mod bench;
pub mod race;
pub mod record;
pub mod reproduce;
pub mod search;
pub mod verdict;
