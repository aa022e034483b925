//! `ringback store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look after a store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    Backup(BackupArgs),
    Copy(CopyArgs),
}

/// Copy a store to a file, while its server runs.
///
/// The copy is what the store held at one moment, on stable storage, for its owner alone (0600). It does not hold the
/// sealing key: keep that too, elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback store backup --store sqlite:ringback.db --to backup.db")]
pub(crate) struct BackupArgs {
    /// The store, such as sqlite:ringback.db.
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,
    /// Where to; nothing may be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
}

/// Copy a whole SQLite store into a PostgreSQL database: the way from one machine to several.
///
/// Messages with their numbers, states and attempts, registrations, credentials, tokens and idempotency keys go along, sealed
/// with the same key. Stop the server first: a store that a server uses is refused. A copy that breaks off goes on where it
/// stopped when it is asked for again; until it is whole, nothing opens the target. At the end both are checked as `ringback
/// verify` would, and compared. The source is left as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback store copy --from sqlite:ringback.db --to postgres://ringback@db1,db2,db3/ringback")]
pub(crate) struct CopyArgs {
    /// The SQLite store, such as sqlite:ringback.db.
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// The PostgreSQL database, which must not hold a store yet; PGPASSWORD gives its password.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// The file of the sealing key, if it is not beside the source; RINGBACK_KEY gives the key itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}
