//! `gpu-train completions`: completions for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::terminal::Output;
use gpu_train::error::Result;

/// Print the completion script of a shell, to be stored where the shell looks for it.
#[derive(Debug, Args)]
#[group(id = "completions-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train completions bash > ~/.local/share/bash-completion/completions/gpu-train
  gpu-train completions zsh > ~/.zfunc/_gpu-train
  gpu-train completions fish > ~/.config/fish/completions/gpu-train.fish";

/// Prints the script.
///
/// # Errors
/// If it cannot be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "gpu-train", &mut script);
    Output::Standard.line(String::from_utf8_lossy(&script).trim_end())
}
