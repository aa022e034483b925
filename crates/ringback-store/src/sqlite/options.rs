//! What a database is opened with.

use std::path::PathBuf;

use crate::SealingKey;

/// Where the database is, who opens it, and what it may hold.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The database's file. `PATH-lock`, `PATH.key`, `PATH-wal` and `PATH-shm` stand beside it.
    pub path: PathBuf,
    /// Where the sealing key comes from.
    pub key: KeySource,
    /// Who opens it.
    pub role: Role,
    /// What it may hold.
    pub limits: Limits,
}

impl SqliteOptions {
    /// For a server, with the key beside the database and the default limits.
    pub fn server(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), key: KeySource::Beside, role: Role::Server, limits: Limits::default() }
    }

    /// For an operator's command, with the key beside the database and the default limits.
    pub fn admin(path: impl Into<PathBuf>) -> Self {
        Self { role: Role::Admin, ..Self::server(path) }
    }
}

/// Where the sealing key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// The file `PATH.key`: 64 hexadecimal digits that only its owner can read; made with a new database, and refused
    /// to be made anew for one that exists.
    Beside,
    /// This key.
    Given(SealingKey),
}

/// Who opens a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one server: it holds the lock file and migrates.
    Server,
    /// An operator's command, beside a server or without one: no lock, no migration; a new database is made.
    Admin,
}

/// How much a store takes before it refuses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pending messages of one account.
    pub pending_per_account: u64,
    /// Pending messages of all accounts together.
    pub pending_in_all: u64,
    /// Bytes of free disk space below which no message is accepted, so that outcomes can still be recorded.
    pub free_space_reserve: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_per_account: 1_000_000,
            pending_in_all: 10_000_000,
            free_space_reserve: 256 * 1024 * 1024,
        }
    }
}
