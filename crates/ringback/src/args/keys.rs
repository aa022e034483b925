//! `ringback keys …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look after the key that a store is sealed with.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    Rotate(RotateArgs),
}

/// Seal a store with a new key, beside a running server.
///
/// Where the key is in the file beside the database, a new one is made and takes its place there; the old one is kept
/// in a file of its own, for back-ups from before. Where the key is given, give the new one too, and start the server
/// with it from then on. A server that runs takes the new key up by itself. A rotation that was broken off is resumed by
/// the same command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback keys rotate --store sqlite:ringback.db
  ringback keys rotate --store sqlite:ringback.db --key-file old.key --new-key-file new.key")]
pub(crate) struct RotateArgs {
    /// The store, such as sqlite:ringback.db.
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,
    /// The file of the present key, if it is not beside the database; RINGBACK_KEY gives the key itself.
    #[arg(long, value_name = "FILE", conflicts_with = "key_command")]
    pub(crate) key_file: Option<PathBuf>,
    /// A command that prints the present key.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) key_command: Option<String>,
    /// The file of the new key; RINGBACK_NEW_KEY gives the key itself.
    #[arg(long, value_name = "FILE", conflicts_with = "new_key_command")]
    pub(crate) new_key_file: Option<PathBuf>,
    /// A command that prints the new key.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) new_key_command: Option<String>,
}
