//! What one call may have otherwise than its client.

use std::time::Duration;

/// Settings of a call that go before the client's; see `with_options` of each group of calls.
///
/// A call is cancelled by dropping its future.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestOptions {
    pub(crate) timeout: Option<Duration>,
}

impl RequestOptions {
    /// Nothing otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long an HTTP exchange of this call may take, from the connection to the body's last byte, and how long it waits for
    /// tokens. With retries each try has this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
