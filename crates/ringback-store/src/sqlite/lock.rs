//! The lock file: one server for a database.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::connection::beside;
use crate::OpenError;

/// The held lock. The system lets go of it with the file, also when the process dies.
#[derive(Debug)]
pub(super) struct ServerLock(#[expect(dead_code, reason = "held, not read")] File);

impl ServerLock {
    /// Takes the lock beside the database, without waiting.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, "-lock");
        let unwritable =
            |error: std::io::Error| OpenError::Unwritable { path: path.clone(), reason: error.to_string() };
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        super::key_file::owner_only(&mut options);
        let file = options.open(&path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => Err(unwritable(error)),
        }
    }
}
