//! What went wrong inside, told apart by what is done about it.

use tokio_postgres::error::SqlState;

use crate::{KeyError, StoreError};

/// A step failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// In the database, or on the way there.
    Sql(tokio_postgres::Error),
    /// Before or after it.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
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

    /// The database gave no answer.
    pub(super) fn unavailable(what: impl Into<String>) -> Self {
        Self::Store(StoreError::Unavailable(what.into()))
    }

    /// Whether somebody else was at the same rows, and the same once more may well succeed. Nothing was committed.
    pub(super) fn is_conflict(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        let conflicts = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        error.code().is_some_and(|code| conflicts.contains(code))
    }

    /// Whether a partition is missing for a row.
    pub(super) fn lacks_partition(&self) -> bool {
        matches!(self, Self::Sql(error) if error.code() == Some(&SqlState::CHECK_VIOLATION))
    }

    /// Whether the connection can't be used after it: it is gone, or leads to a server that takes no writes.
    pub(super) fn breaks_connection(&self) -> bool {
        match self {
            Self::Store(StoreError::Unavailable(_)) => true,
            Self::Store(_) => false,
            Self::Sql(error) => {
                let Some(code) = error.code() else { return true };
                let gone = ["08", "57", "53", "25", "58"];
                gone.iter().any(|class| code.code().starts_with(class))
            }
        }
    }

    /// What the caller hears.
    pub(super) fn into_error(self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Sql(error) => error,
        };
        let Some(database) = error.as_db_error() else {
            // What is behind it says more: which certificate, which address.
            let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
            return StoreError::Unavailable(format!("no answer from the database: {error}{why}"));
        };
        let what = database.message().to_owned();
        match database.code().code().get(..2) {
            _ if database.code() == &SqlState::DISK_FULL => StoreError::Full,
            Some("22" | "23" | "42" | "XX" | "P0") => StoreError::Damaged(what),
            _ => StoreError::Unavailable(what),
        }
    }
}
