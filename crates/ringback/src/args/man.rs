//! `ringback man`.

use std::path::PathBuf;

use clap::Args;

/// Write the manual: one page for each command.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback man ~/.local/share/man/man1 && man ringback-listen")]
pub(crate) struct ManArgs {
    /// The folder to write the pages to; it is made where there is none.
    pub(crate) folder: PathBuf,
}
