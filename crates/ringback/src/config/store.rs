//! Which store, its key, and how much it takes.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ringback_store::{KeySource, Limits, Role, SqliteOptions};

use super::key;
use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one("store", "URL", "The store [default: sqlite:ringback.db]"),
    Setting::one(
        "key-file",
        "FILE",
        "The file of the store's sealing key, 32 bytes as hex or base64; RINGBACK_KEY gives the key itself [default: \
         the file beside the database]",
    ),
    Setting::one(
        "pending-per-account",
        "MESSAGES",
        "Pending messages of one account at most [default: 1000000]",
    ),
    Setting::one(
        "pending-in-all",
        "MESSAGES",
        "Pending messages of all accounts at most [default: 10000000]",
    ),
    Setting::one(
        "free-space-reserve",
        "BYTES",
        "Free disk space below which no message is accepted [default: 268435456]",
    ),
];

/// A store that this release knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// `sqlite:PATH`.
    Sqlite(PathBuf),
}

/// A text is no store's URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidStoreUrl {
    /// `postgres://…`.
    #[error("PostgreSQL is not in this release; a store is sqlite:PATH")]
    Postgres,
    /// Anything else.
    #[error("a store is sqlite:PATH")]
    Unknown,
}

impl FromStr for StoreUrl {
    type Err = InvalidStoreUrl;

    fn from_str(text: &str) -> Result<Self, InvalidStoreUrl> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Err(InvalidStoreUrl::Postgres);
        }
        let path = text.strip_prefix("sqlite:").ok_or(InvalidStoreUrl::Unknown)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() { Err(InvalidStoreUrl::Unknown) } else { Ok(Self::Sqlite(path.into())) }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Sqlite(path) = self;
        write!(f, "sqlite:{}", path.display())
    }
}

/// Which store, and how to open it.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) url: StoreUrl,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) limits: Limits,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { url: StoreUrl::Sqlite("ringback.db".into()), key_file: None, limits: Limits::default() }
    }
}

impl StoreSettings {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Self::default();
        Ok(Self {
            // An URL may hold a password, so it is not repeated in the error.
            url: match layers.one::<String>("store")? {
                None => default.url,
                Some(url) => url.parse().map_err(|error: InvalidStoreUrl| {
                    Failure::configuration(format_args!(
                        "{}: {error}",
                        layers.origin("store").unwrap_or_default()
                    ))
                })?,
            },
            key_file: layers.one("key-file")?,
            limits: Limits {
                pending_per_account: layers
                    .one("pending-per-account")?
                    .unwrap_or(default.limits.pending_per_account),
                pending_in_all: layers.one("pending-in-all")?.unwrap_or(default.limits.pending_in_all),
                free_space_reserve: layers
                    .one("free-space-reserve")?
                    .unwrap_or(default.limits.free_space_reserve),
            },
        })
    }

    /// What to open it with.
    pub(crate) fn options(&self, role: Role) -> Outcome<SqliteOptions> {
        let StoreUrl::Sqlite(path) = &self.url;
        let key: KeySource = key::source(self.key_file.as_deref())?;
        Ok(SqliteOptions { path: path.clone(), key, role, limits: self.limits })
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("store", self.url.to_string());
        let otherwise = if key::is_given() {
            "RINGBACK_KEY gives the key (hidden)"
        } else {
            "the key is in the file beside the database"
        };
        shown.put_or("key-file", self.key_file.as_ref().map(|path| path.display().to_string()), otherwise);
        shown.put("pending-per-account", number(self.limits.pending_per_account));
        shown.put("pending-in-all", number(self.limits.pending_in_all));
        shown.put("free-space-reserve", number(self.limits.free_space_reserve));
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
