//! `ringback dev`.

use std::path::PathBuf;

use clap::Args;

/// The port of `dev`'s server.
pub(crate) const SERVER_PORT: u16 = 8080;
/// The port of `dev`'s built-in listener.
pub(crate) const LISTENER_PORT: u16 = 9000;

/// Run all of it on this machine: a server, a listener, an account and sample messages.
///
/// Everything listens on loopback only, and what it makes is kept in one folder: start it again and it goes on where it
/// was, with the same credentials. They are in FOLDER/credentials.toml and can be used with `--profile dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback dev
  ringback callbacks list 0242078689-00001 --profile dev")]
pub(crate) struct DevArgs {
    /// The folder for the database and the credentials.
    #[arg(long, value_name = "FOLDER", default_value = "ringback-data")]
    pub(crate) data: PathBuf,
    /// The server's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = SERVER_PORT)]
    pub(crate) port: u16,
    /// The built-in listener's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = LISTENER_PORT)]
    pub(crate) listener_port: u16,
    /// Publish no sample messages.
    #[arg(long)]
    pub(crate) no_samples: bool,
}
