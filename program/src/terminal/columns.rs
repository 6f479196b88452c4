//! The terminal behind standard error.

use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};

/// Its columns; 80 where they are unknown.
pub fn columns() -> usize {
    terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| columns.into())
}

/// Whether it is one, and nothing speaks against colours (`NO_COLOR`, a terminal without any).
pub fn has_colours() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !colours_are_refused() && !dumb
}

/// Whether `NO_COLOR` is set to anything.
pub fn colours_are_refused() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
