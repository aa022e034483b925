//! A store's URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::postgres_url::PostgresUrl;
use crate::failure::{Failure, Outcome};

/// How a PostgreSQL store's URL begins; both are in use.
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];

/// A store that this release knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// `sqlite:PATH`.
    Sqlite(PathBuf),
    /// `postgres://…`.
    Postgres(Box<PostgresUrl>),
}

/// A text is no store's URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidStoreUrl {
    /// `postgres://…`, and something is wrong with it.
    #[error("this postgres:// URL will not do: {0}")]
    Postgres(String),
    /// Anything else.
    #[error("a store is sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Unknown,
}

impl FromStr for StoreUrl {
    type Err = InvalidStoreUrl;

    fn from_str(text: &str) -> Result<Self, InvalidStoreUrl> {
        if let Some(rest) = POSTGRES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
            let url = PostgresUrl::parse(rest).map_err(InvalidStoreUrl::Postgres)?;
            return Ok(Self::Postgres(Box::new(url)));
        }
        let path = text.strip_prefix("sqlite:").ok_or(InvalidStoreUrl::Unknown)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() { Err(InvalidStoreUrl::Unknown) } else { Ok(Self::Sqlite(path.into())) }
    }
}

/// Without a password, so that it may stand in a log.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl StoreUrl {
    /// Arguments are for everyone on the machine to read.
    pub(crate) fn must_hold_no_password(&self, place: &str) -> Outcome {
        match self {
            Self::Postgres(url) if url.password.is_some() => Err(Failure::configuration(format_args!(
                "{place}: a password in an argument can be read by everyone on this machine: give it in PGPASSWORD, in \
                 the file that store-password-file names, or give the URL in RINGBACK_SERVER_STORE or in the \
                 configuration file"
            ))),
            _ => Ok(()),
        }
    }
}
