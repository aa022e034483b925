//! What one call may have otherwise than its client.

use std::time::Duration;

use ringback_wire::trace::TraceParent;

/// Settings of a call that go before the client's; see `with_options` of each group of calls.
///
/// A call is cancelled by dropping its future.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) traceparent: Option<TraceParent>,
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

    /// The trace that the call belongs to, sent as `traceparent`. Of a publish it goes on in the deliveries of all that is
    /// published with these options.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     client: ringback_client::Client,
    /// #     message: ringback_client::OutgoingMessage,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use ringback_client::{RequestOptions, TraceParent};
    ///
    /// let parent: TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    /// let messages = client.messages().with_options(RequestOptions::new().traceparent(parent));
    /// messages.publish(&message).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn traceparent(mut self, parent: TraceParent) -> Self {
        self.traceparent = Some(parent);
        self
    }
}
