//! `ringback verify`.

use std::path::PathBuf;

use clap::Args;

/// Check a store's ledger against its rows, and say what is wrong.
///
/// For each account, what was accepted must be what is pending, delivered, dead and cancelled, those that the retention
/// dropped included; the counters must say what the rows say; each pending message must have its body. It may run beside
/// a server. Where anything is wrong, it ends with 9.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback verify --store sqlite:ringback.db")]
pub(crate) struct VerifyArgs {
    /// The store, such as sqlite:ringback.db.
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,
    /// The file of the store's sealing key, if it is not beside the database; RINGBACK_KEY gives the key itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
