//! What can go wrong with a store, told apart by what its caller should do.

use std::path::PathBuf;

/// A store's operation did not happen, or nobody knows whether it did.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached or written now. A write that failed so may or may not have happened: send it
    /// again with the same key.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// There is less free space than the reserve that is kept for outcomes.
    #[error("the store's disk is full: less than its reserve is free")]
    Full,
    /// What the store holds contradicts itself.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Nothing was written: these shards are another node's by now.
    #[error("another node owns {} of the shards that were written to", .0.len())]
    NotOwner(Vec<u16>),
}

/// A store could not be opened. The message says what was found and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server holds the store's lock.
    #[error("{path} is in use by another server")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder can't be created, read or written.
    #[error("{path} can't be opened: {reason}")]
    Unwritable {
        /// The database or its folder.
        path: PathBuf,
        /// The system's or the database's own words.
        reason: String,
    },
    /// It is no database of Ringback's, or it is damaged.
    #[error("{path} is not a usable Ringback database: {reason}")]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer release has written it.
    #[error(
        "{path} was written by a newer release (schema {found}; this one knows up to {known}): run that release, or restore a copy"
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// An older release has written it, and only a server brings it up to date.
    #[error(
        "{path} was written by an older release (schema {found}; this one works with {known}): start the server once, which brings it up to date"
    )]
    TooOld {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The version that this release works with.
        known: i64,
    },
    /// The database can't be reached.
    #[error("{store} can't be reached: {reason}")]
    Unreachable {
        /// The database, without its password.
        store: String,
        /// What was tried, and what came of it.
        reason: String,
    },
    /// Nobody has made a store in the database yet.
    #[error("there is no store in {store} yet: is it the right database? `ringback serve` makes one")]
    NoStore {
        /// The database, without its password.
        store: String,
    },
    /// The database is not one that a promise can be kept with. The message says which setting would be right.
    #[error("{store} can't be used: {reason}")]
    Unsuitable {
        /// The database, without its password.
        store: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database is used by newer releases, which this one must not stand beside.
    #[error("{store} is used by releases from {oldest} on, and this is {ours}: run a newer release")]
    Outdated {
        /// The database, without its password.
        store: String,
        /// The oldest release that may still use it.
        oldest: String,
        /// This release.
        ours: String,
    },
    /// The sealing key is missing, malformed, or not the one that sealed this store.
    #[error(transparent)]
    Key(#[from] crate::vault::KeyError),
    /// The store's URL is not of a form that is known.
    #[error("a store is sqlite:PATH or postgres://USER@HOST/DATABASE, not {0:?}")]
    Url(String),
}
