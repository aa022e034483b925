//! `ringback completions`.

use clap::Args;
use clap_complete::Shell;

/// Print what a shell needs to complete commands, flags and values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback completions bash > ~/.local/share/bash-completion/completions/ringback
  ringback completions zsh > ~/.zfunc/_ringback
  ringback completions fish > ~/.config/fish/completions/ringback.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}
