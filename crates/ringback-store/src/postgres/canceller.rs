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
}

impl Canceller {
    pub(super) fn new(token: CancelToken, tls: Option<MakeRustlsConnect>) -> Self {
        Self { token, tls }
    }

    /// Asks for the end of what is under way, in a task of its own.
    pub(super) fn cancel(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (token, tls) = (self.token.clone(), self.tls.clone());
        runtime.spawn(async move {
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
