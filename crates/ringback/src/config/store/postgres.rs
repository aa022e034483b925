//! What only a PostgreSQL store is told.

use std::path::PathBuf;
use std::time::Duration;

use ringback_store::{Limits, PostgresOptions, PostgresTls, Role, SealingKey, Secret};

use super::postgres_url::{PostgresUrl, Tls};
use crate::config::layers::Layers;
use crate::config::setting::Setting;
use crate::config::shown::Shown;
use crate::config::time::Time;
use crate::failure::{Failure, Outcome};
use crate::private_file;

pub(super) const PASSWORD_FILE: Setting = Setting::one(
    "store-password-file",
    "FILE",
    "The file of the PostgreSQL password, where the URL has none; PGPASSWORD gives the password itself",
);
pub(super) const CONNECTIONS: Setting = Setting::one(
    "store-connections",
    "CONNECTIONS",
    "Connections to PostgreSQL at most, for this node [default: 11]",
);
pub(super) const WITHOUT_NOTIFY: Setting = Setting::switch(
    "store-without-notify",
    "Find what other nodes did by asking alone, without LISTEN and NOTIFY: for a pooler in transaction mode",
);
pub(super) const POOLER: Setting = Setting::switch(
    "store-pooler",
    "A pooler in transaction mode stands before PostgreSQL: prepare no statements",
);
pub(super) const LEASE_TERM: Setting = Setting::one(
    "lease-term",
    "TIME",
    "How long this node holds its shards without a renewal, and so how long others wait after its death [default: 30s]",
);
pub(super) const NODE_NAME: Setting =
    Setting::one("node-name", "NAME", "What operators call this node [default: the machine's name]");

/// Gives the password, as PostgreSQL's own tools take it.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";
/// What a node has besides those of its pool: the writer's, the one for hints, and one that broke, while the server counts it.
const FIXED_CONNECTIONS: usize = 3;
/// Fewer, and reads would wait for one another.
const LEAST_CONNECTIONS: usize = FIXED_CONNECTIONS + 2;
/// What a lease has left when an attempt has timed out.
const LEASE_MARGIN: Duration = Duration::from_secs(2);
const DEFAULT_CONNECTIONS: usize = FIXED_CONNECTIONS + 8;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct PostgresSettings {
    password_file: Option<PathBuf>,
    connections: usize,
    without_notify: bool,
    pooler: bool,
    lease_term: Duration,
    node_name: String,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            password_file: None,
            connections: DEFAULT_CONNECTIONS,
            without_notify: false,
            pooler: false,
            lease_term: ringback_store::LEASE_TERM,
            node_name: machine_name(),
        }
    }
}

impl PostgresSettings {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Self::default();
        let connections = layers.one("store-connections")?.unwrap_or(default.connections);
        if connections < LEAST_CONNECTIONS {
            return Err(Failure::configuration(format_args!(
                "store-connections: a node needs {LEAST_CONNECTIONS} at least"
            )));
        }
        Ok(Self {
            password_file: layers.one("store-password-file")?,
            connections,
            without_notify: layers.switch("store-without-notify")?,
            pooler: layers.switch("store-pooler")?,
            lease_term: layers.one("lease-term")?.map_or(default.lease_term, |Time(term)| term),
            node_name: layers.one("node-name")?.unwrap_or(default.node_name),
        })
    }

    /// An attempt begins only where the lease, just before it is renewed, outlasts it.
    pub(super) fn check_lease(&self, request_timeout: Duration) -> Outcome {
        let least = request_timeout + LEASE_MARGIN;
        if self.lease_term.mul_f64(5.0 / 6.0) < least {
            return Err(Failure::configuration(format_args!(
                "lease-term: {:?} is too short for a request-timeout of {request_timeout:?}: it has to be {:?} at least",
                self.lease_term,
                least.mul_f64(6.0 / 5.0)
            )));
        }
        Ok(())
    }

    pub(super) fn options(
        &self,
        url: &PostgresUrl,
        key: SealingKey,
        role: Role,
        limits: Limits,
    ) -> Outcome<PostgresOptions> {
        let mut options = PostgresOptions::server("", 0, &url.database, &url.user, key);
        options.hosts.clone_from(&url.hosts);
        options.password = self.password(url)?;
        options.tls = match &url.tls {
            Tls::Off => PostgresTls::Off,
            Tls::VerifyFull(None) => PostgresTls::VerifyFull { ca: None },
            Tls::VerifyFull(Some(file)) => {
                let pem = std::fs::read(file).map_err(|error| {
                    Failure::configuration(format_args!(
                        "sslrootcert: {} can't be read: {error}",
                        file.display()
                    ))
                })?;
                PostgresTls::VerifyFull { ca: Some(pem) }
            }
        };
        options.role = role;
        options.limits = limits;
        options.node_name.clone_from(&self.node_name);
        options.lease_term = self.lease_term;
        options.connections = self.connections - FIXED_CONNECTIONS;
        // A pooler in transaction mode would give the listening connection away.
        options.notify = !self.without_notify && !self.pooler;
        // A command is in no hurry, and need not know what stands before the database.
        options.pooler = self.pooler || role == Role::Admin;
        if let Some(timeout) = url.connect_timeout {
            options.connect_timeout = timeout;
        }
        if let Some(name) = &url.application_name {
            options.application_name.clone_from(name);
        }
        Ok(options)
    }

    fn password(&self, url: &PostgresUrl) -> Outcome<Option<Secret>> {
        match (&url.password, &self.password_file) {
            (Some(_), Some(_)) => Err(Failure::configuration(
                "the password is given twice, by the store's URL and by store-password-file: keep one",
            )),
            (Some(password), None) => Ok(Some(password.clone())),
            (None, Some(file)) => {
                let text = private_file::read(file).map_err(Failure::configuration)?.ok_or_else(|| {
                    Failure::configuration(format_args!("the password file {} is missing", file.display()))
                })?;
                Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
            }
            (None, None) => Ok(std::env::var(PASSWORD_VARIABLE).ok().map(Secret::new)),
        }
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let file = self.password_file.as_ref().map(|file| file.display().to_string());
        shown.put_or(
            "store-password-file",
            file,
            "the password is in the URL or in PGPASSWORD, or there is none",
        );
        shown.put("store-connections", i64::try_from(self.connections).unwrap_or(i64::MAX));
        shown.put("store-without-notify", self.without_notify);
        shown.put("store-pooler", self.pooler);
        shown.put("lease-term", humantime::format_duration(self.lease_term).to_string());
        shown.put("node-name", self.node_name.clone());
    }
}

#[cfg(unix)]
fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn machine_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
