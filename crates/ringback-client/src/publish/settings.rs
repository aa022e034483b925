//! How many messages go into a batch, and whether a batch that failed is sent again.

use ringback_wire::publish::{MAX_NDJSON_BYTES, MAX_NDJSON_LINES};

use crate::RetrySettings;

/// Messages of a batch, where not set.
const DEFAULT_LINES: usize = 1_000;
/// Bytes of a batch, where not set.
const DEFAULT_BYTES: usize = 4 << 20;

/// Settings of [`crate::Messages::publish_all`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    pub(super) lines: usize,
    pub(super) bytes: usize,
    pub(super) retry: RetrySettings,
}

impl Default for PublishSettings {
    fn default() -> Self {
        Self { lines: DEFAULT_LINES, bytes: DEFAULT_BYTES, retry: RetrySettings::none() }
    }
}

impl PublishSettings {
    /// Batches of 1,000 messages and 4 MiB at most; nothing is sent again.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages of a batch at most: from 1 to 10,000.
    #[must_use]
    pub fn batch_lines(mut self, lines: usize) -> Self {
        self.lines = lines.clamp(1, MAX_NDJSON_LINES);
        self
    }

    /// Bytes of a batch at most, 16 MiB or less. A message that is larger goes by itself.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.min(MAX_NDJSON_BYTES);
        self
    }

    /// When messages are sent again, with the same keys: after a failure of transport, a time-out, and the statuses that the
    /// settings name, of a whole request or of single messages. They take the place of the client's own settings. The tries
    /// begin anew whenever a message got through.
    #[must_use]
    pub fn retry(mut self, retry: RetrySettings) -> Self {
        self.retry = retry;
        self
    }
}
