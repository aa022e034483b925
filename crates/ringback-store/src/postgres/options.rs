//! What a database is opened with.

use std::fmt;
use std::time::Duration;

use crate::{LEASE_TERM, Limits, Role, SealingKey, Secret};

/// Where a PostgreSQL server may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresHost {
    /// Its name, its address, or the folder of its Unix socket (it begins with `/`).
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresTls {
    /// Not at all.
    Off,
    /// TLS, and the server must show a certificate for its name (`sslmode=verify-full`).
    VerifyFull {
        /// The certificates to trust, as PEM; none for those that browsers trust.
        ca: Option<Vec<u8>>,
    },
}

/// Which database, who opens it, and how it is worked with.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The servers, of which the first that takes writes is used.
    pub hosts: Vec<PostgresHost>,
    /// The database there.
    pub database: String,
    /// Who connects.
    pub user: String,
    /// With what, where that is asked for.
    pub password: Option<Secret>,
    /// How the connection is protected.
    pub tls: PostgresTls,
    /// What seals the store: every node needs the same.
    pub key: SealingKey,
    /// Who opens it. A server migrates; a command does not.
    pub role: Role,
    /// Whether a database in which there is no store yet gets one. For a server it always does.
    pub makes_store: bool,
    /// What it may hold.
    pub limits: Limits,
    /// What other nodes see of this one in `ringback.node`.
    pub node_name: String,
    /// What PostgreSQL's own views show of its connections.
    pub application_name: String,
    /// How long the node holds its shards without a renewal; it renews six times as often.
    pub lease_term: Duration,
    /// Connections for reads and for small writes. A server has beside them those that accept and record
    /// ([`PostgresOptions::connection_budget`]).
    pub connections: usize,
    /// Whether nodes hint at news by `NOTIFY`. Without it they are found within a quarter of a second.
    pub notify: bool,
    /// Whether a pooler in transaction mode may stand between: then no statement is prepared.
    pub pooler: bool,
    /// How long a connection may take to come about, for each address.
    pub connect_timeout: Duration,
}

/// Connections of the writer, of the hints, and one that broke, while the server still counts it.
pub(super) const OTHER_CONNECTIONS: usize = 3;

impl PostgresOptions {
    /// For a server at one address, without TLS and without a password.
    pub fn server(host: &str, port: u16, database: &str, user: &str, key: SealingKey) -> Self {
        Self {
            hosts: vec![PostgresHost { host: host.to_owned(), port }],
            database: database.to_owned(),
            user: user.to_owned(),
            password: None,
            tls: PostgresTls::Off,
            key,
            role: Role::Server,
            makes_store: true,
            limits: Limits::default(),
            node_name: String::new(),
            application_name: "ringback".to_owned(),
            lease_term: LEASE_TERM,
            connections: 8,
            notify: true,
            pooler: false,
            connect_timeout: Duration::from_secs(2),
        }
    }

    /// How many connections a node opens at most.
    pub fn connection_budget(&self) -> usize {
        self.connections + OTHER_CONNECTIONS
    }
}

/// The database's name as it may stand in a log: without the password.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", self.user)?;
        for (at, PostgresHost { host, port }) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}:{port}", if at == 0 { "" } else { "," })?;
        }
        write!(f, "/{}", self.database)
    }
}
