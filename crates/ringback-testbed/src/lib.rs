//! The servers that the tests need, real ones, started by the tests themselves.
//!
//! The cast: [`Postgres`], one server for all tests of a run, with a [`Database`] for each; [`Patroni`], three members on
//! etcd that fail over by themselves; [`PgBouncer`] in transaction mode; [`Proxy`], a line to a server that can be cut,
//! stalled, robbed of its answers, and restored; [`Silence`], where nobody answers; [`looking`], for what nobody tells of.
//! Everything listens on this machine only, on ports from the system, and keeps its data in a folder of its own, which goes
//! away with whoever asked for it, however that ends.
//!
//! Whoever asks for a server gets `None` where its package is missing, and has said so on stderr; with `CI=true` it
//! panics, so that a test that could not run is a failed one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "only tests use it: what fails here fails the test"
)]

#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod lodging;
pub mod looking;
#[cfg(unix)]
mod patroni;
#[cfg(unix)]
mod pgbouncer;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod silence;

#[cfg(unix)]
pub use patroni::Patroni;
#[cfg(unix)]
pub use pgbouncer::PgBouncer;
#[cfg(unix)]
pub use postgres::{Database, Postgres, Reads, Snapshot};
#[cfg(unix)]
pub use proxy::Proxy;
#[cfg(unix)]
pub use silence::Silence;

/// For anything that is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
/// Who may do everything in the servers.
pub const USER: &str = "ringback";
