//! Ending a statement that nobody waits for: it takes a connection of its own, for a moment.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long that may take. Where the server can't be reached nothing is lost: it notices by itself, later.
const PATIENCE: Duration = Duration::from_secs(5);

/// For one connection's statements.
pub(super) struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    /// That of the connection, not that of who gives a statement up, which may be about to end: a pooler that is left in the
    /// middle of such a request may break (PgBouncer's issue 801).
    runtime: Handle,
}

impl Canceller {
    /// To be made in the runtime in which the connection lives.
    pub(super) fn new(token: CancelToken, tls: Option<MakeRustlsConnect>) -> Self {
        Self { token, tls, runtime: Handle::current() }
    }

    /// Asks for the end of what is under way, in a task of its own.
    pub(super) fn cancel(&self) {
        let (token, tls) = (self.token.clone(), self.tls.clone());
        self.runtime.spawn(async move {
            let asked = async {
                match tls {
                    None => token.cancel_query(NoTls).await,
                    Some(tls) => token.cancel_query(tls).await,
                }
            };
            if !matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(()))) {
                tracing::debug!("a statement that nobody waits for could not be cancelled");
            }
        });
    }
}
