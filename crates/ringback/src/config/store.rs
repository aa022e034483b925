//! Which store, its key, and how much it takes.

mod postgres;
pub(crate) mod postgres_url;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use ringback_store::{Limits, Role, SqliteOptions};

use super::key;
use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(crate) use postgres::PostgresSettings;
pub(crate) use url::{InvalidStoreUrl, StoreUrl};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "store",
        "URL",
        "The store: sqlite:PATH, or postgres://USER@HOST:PORT,HOST:PORT/DATABASE for several nodes [default: \
         sqlite:ringback.db]",
    ),
    Setting::one(
        "key-file",
        "FILE",
        "The file of the store's sealing key, 32 bytes as hex or base64; RINGBACK_KEY gives the key itself [default: \
         the file beside an SQLite database; with PostgreSQL the key must be given]",
    ),
    Setting::one("key-command", "COMMAND", "A shell command that prints the store's sealing key"),
    postgres::PASSWORD_FILE,
    postgres::CONNECTIONS,
    postgres::WITHOUT_NOTIFY,
    postgres::POOLER,
    postgres::LEASE_TERM,
    postgres::NODE_NAME,
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
        "Free disk space below which no message is accepted, with SQLite [default: 268435456]",
    ),
];

/// Which store, and how to open it.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) url: StoreUrl,
    pub(crate) key: key::Place,
    pub(crate) limits: Limits,
    pub(crate) postgres: PostgresSettings,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self::of(StoreUrl::Sqlite("ringback.db".into()), None)
    }
}

/// What a store's own code opens it with.
pub(crate) enum StoreOptions {
    Sqlite(SqliteOptions),
    Postgres(Box<ringback_store::PostgresOptions>),
}

impl StoreSettings {
    /// For a command on this store; everything else as it is without a word.
    pub(crate) fn of(url: StoreUrl, key_file: Option<PathBuf>) -> Self {
        Self {
            url,
            key: key::Place { file: key_file, command: None },
            limits: Limits::default(),
            postgres: PostgresSettings::default(),
        }
    }

    /// The same for the store that a flag of a command names.
    pub(crate) fn named(flag: &str, url: &str, key_file: Option<PathBuf>) -> Outcome<Self> {
        let url: StoreUrl = url
            .parse()
            .map_err(|error: InvalidStoreUrl| Failure::configuration(format_args!("{flag}: {error}")))?;
        url.must_hold_no_password(flag)?;
        Ok(Self::of(url, key_file))
    }

    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Self::default();
        // An URL may hold a password, so it is not repeated in the error.
        let url = match layers.one::<String>("store")? {
            None => default.url,
            Some(url) => {
                let place = layers.origin("store").unwrap_or_default();
                let url: StoreUrl = url.parse().map_err(|error: InvalidStoreUrl| {
                    Failure::configuration(format_args!("{place}: {error}"))
                })?;
                if layers.is_flag("store") {
                    url.must_hold_no_password(&place)?;
                }
                url
            }
        };
        Ok(Self {
            url,
            key: key::Place { file: layers.one("key-file")?, command: layers.one("key-command")? },
            limits: Limits {
                pending_per_account: layers
                    .one("pending-per-account")?
                    .unwrap_or(default.limits.pending_per_account),
                pending_in_all: layers.one("pending-in-all")?.unwrap_or(default.limits.pending_in_all),
                free_space_reserve: layers
                    .one("free-space-reserve")?
                    .unwrap_or(default.limits.free_space_reserve),
            },
            postgres: PostgresSettings::read(layers)?,
        })
    }

    /// Refuses settings with which no attempt would ever begin.
    pub(super) fn check_lease(&self, request_timeout: Duration) -> Outcome {
        match &self.url {
            StoreUrl::Sqlite(_) => Ok(()),
            StoreUrl::Postgres(_) => self.postgres.check_lease(request_timeout),
        }
    }

    /// What to open it with.
    pub(crate) async fn options(&self, role: Role) -> Outcome<StoreOptions> {
        let key = self.key.find().await?;
        match &self.url {
            StoreUrl::Sqlite(path) => {
                Ok(StoreOptions::Sqlite(SqliteOptions { path: path.clone(), key, role, limits: self.limits }))
            }
            StoreUrl::Postgres(url) => {
                let options = self.postgres.options(url, key::given(key)?, role, self.limits)?;
                Ok(StoreOptions::Postgres(Box::new(options)))
            }
        }
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("store", self.url.to_string());
        let place = |file: &PathBuf| file.display().to_string();
        shown.put_or("key-file", self.key.file.as_ref().map(place), self.key.otherwise());
        shown.put_or("key-command", self.key.command.clone(), "no command gives the key");
        self.postgres.show(shown);
        shown.put("pending-per-account", number(self.limits.pending_per_account));
        shown.put("pending-in-all", number(self.limits.pending_in_all));
        shown.put("free-space-reserve", number(self.limits.free_space_reserve));
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
