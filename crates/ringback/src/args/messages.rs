//! `ringback messages …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::connection::ConnectionArgs;

/// Publish messages.
#[derive(Debug, Subcommand)]
pub(crate) enum MessagesCommand {
    Publish(PublishArgs),
}

/// Publish one message, or many.
///
/// The file holds one message as JSON, or one on each line (NDJSON). What is published is the contract's callback
/// message without `username` and `password`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback messages publish message.json --profile dev
  ringback messages publish --profile dev < messages.ndjson")]
pub(crate) struct PublishArgs {
    /// The file; stdin where it is left out or `-`.
    pub(crate) file: Option<PathBuf>,
    /// Print JSON: the answer to the message, or a line for each.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
