//! `gpu-train man`: manual pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use crate::terminal::Output;
use gpu_train::error::{Error, Result};
use gpu_train::file;

/// Print the manual page, or write all pages into a folder, one per subcommand.
#[derive(Debug, Args)]
#[group(id = "man-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Write gpu-train.1, gpu-train-bench.1, … into DIR, which must exist
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train man | man -l -                 read it
  gpu-train man --out ~/.local/share/man/man1
  man gpu-train-reproduce                  once the pages are written";

/// Prints or writes the pages.
///
/// # Errors
/// If the output cannot be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = super::Arguments::command();
    command.build();
    let Some(folder) = &arguments.out else {
        return Output::Standard.line(page(command)?.trim_end());
    };
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        let subcommands = command.get_subcommands();
        commands.extend(
            subcommands
                .filter(|command| command.get_name() != "help")
                .cloned(),
        );
        // For a subcommand, the names of its parents and its own, joined by hyphens.
        let name = command.get_display_name().unwrap_or("gpu-train");
        let path = folder.join(format!("{name}.1"));
        file::write_atomically(&path, page(command)?.as_bytes())?;
        Output::Standard.line(&path.display().to_string())?;
    }
    Ok(())
}

fn page(command: Command) -> Result<String> {
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::file("standard output", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
