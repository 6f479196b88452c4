//! The terminal of standard error.

use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};

/// Number of columns; 80 if unknown.
pub fn columns() -> usize {
    terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| columns.into())
}

/// Returns true if standard error is a terminal with colours and `NO_COLOR` does not forbid them.
pub fn has_colours() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !colours_are_refused() && !dumb
}

/// Returns true if `NO_COLOR` is set and not empty.
pub fn colours_are_refused() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
