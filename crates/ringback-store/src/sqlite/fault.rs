//! What went wrong inside, told apart by what the writer does about it.

use rusqlite::{Error, ErrorCode};

use crate::{KeyError, StoreError};

/// A step failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// In the database.
    Sql(Error),
    /// Before or after it.
    Store(StoreError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::Store(StoreError::Unavailable(error.to_string()))
    }
}

impl Fault {
    /// What is stored makes no sense.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Store(StoreError::Damaged(what.into()))
    }

    /// Whether the connection can't be trusted after it. Anything is such a fault that is not known to be harmless.
    pub(super) fn breaks_connection(&self) -> bool {
        match self {
            Self::Store(_) => false,
            Self::Sql(Error::SqliteFailure(failure, _)) => !matches!(
                failure.code,
                ErrorCode::ConstraintViolation
                    | ErrorCode::TypeMismatch
                    | ErrorCode::TooBig
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
            ),
            Self::Sql(_) => false,
        }
    }

    /// What the caller hears.
    pub(super) fn into_error(self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Sql(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
            )
            | None => StoreError::Damaged(error.to_string()),
            Some(_) => StoreError::Unavailable(error.to_string()),
        }
    }
}
