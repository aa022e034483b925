//! Names of the HTTP headers beside the contract's, in lower case as HTTP/2 and header maps want them.

/// The message's id: the same on every attempt, so that a listener can tell a duplicate. Standard Webhooks.
pub const WEBHOOK_ID: &str = "webhook-id";

/// When this attempt was made, in whole Unix seconds. Standard Webhooks.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";

/// The signatures over `id.timestamp.body`, separated by spaces. Standard Webhooks; see [`crate::signature`].
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// The message's sequence number in its account: decimal, from 1, without gaps. A ping has none.
pub const RINGBACK_SEQUENCE: &str = "ringback-sequence";

/// Which attempt this is: decimal, from 1; a replay goes on counting.
pub const RINGBACK_ATTEMPT: &str = "ringback-attempt";

/// There with the value [`REPLAY_VALUE`] when a person sent the message again, else left out.
pub const RINGBACK_REPLAY: &str = "ringback-replay";

/// The only value of [`RINGBACK_REPLAY`].
pub const REPLAY_VALUE: &str = "true";

/// The trace that a request belongs to, see [`crate::trace`]: a publisher's goes on in the deliveries of what it publishes.
pub const TRACEPARENT: &str = "traceparent";

/// A publisher's key for a single message, instead of the field `idempotencyKey` (1 to 255 bytes); not with NDJSON.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
