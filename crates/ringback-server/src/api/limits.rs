//! Every bound of the HTTP API, with its name and its default.

use std::time::Duration;

use ringback_wire::{auth, publish};

use super::places::PlaceLimits;

/// What the API allows, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest single message, in bytes.
    pub message_bytes: usize,
    /// The largest NDJSON publish, in bytes.
    pub ndjson_bytes: usize,
    /// The most lines of an NDJSON publish, blank ones too.
    pub ndjson_lines: usize,
    /// How many of its messages are handed to the store at once.
    pub ndjson_chunk: usize,
    /// From how many bytes on a chunk is handed over before it is full.
    pub ndjson_chunk_bytes: usize,
    /// How many NDJSON publishes are in memory at once, in all and of one credential; others wait, and are refused after
    /// `body_timeout`.
    pub ndjson_at_once: PlaceLimits,
    /// The largest body of every other request, in bytes.
    pub request_bytes: usize,
    /// How much of a body that is too large is read and thrown away, so that its sender gets to read the answer.
    pub drain_bytes: usize,
    /// How long a body may take to come.
    pub body_timeout: Duration,
    /// How many requests of one credential pass in a second, those that publish aside.
    pub requests_per_second: usize,
    /// How many that publish, whatever the number of their messages.
    pub publishes_per_second: usize,
    /// How many credentials' rates are remembered, those aside that use all of theirs.
    pub rates_remembered: usize,
    /// How long an access token lives.
    pub token_life: Duration,
    /// How long a session lives without use, at least.
    pub session_idle: Duration,
    /// How often a session's use is written, at most: a session ends so much later than `session_idle`, at most.
    pub session_touch: Duration,
    /// How many log-ins in a row may fail before the user name is locked.
    pub login_failures: u32,
    /// How long it is locked.
    pub login_lock: Duration,
    /// How many log-ins with a chosen password wait for the one that is being hashed.
    pub logins_waiting: usize,
    /// How many tokens' principals are kept in memory.
    pub cached_principals: usize,
    /// How long a replaced signing secret goes on signing, where the request doesn't say.
    pub signing_overlap: Duration,
    /// How long it may go on, at most.
    pub signing_overlap_most: Duration,
    /// Items on a page of a list, where the request doesn't say.
    pub page: usize,
    /// Items on a page of a list, at most.
    pub page_most: usize,
    /// How many bodies a page looks into, at most, when it is about an upgrade or a device.
    pub search_bodies: usize,
    /// How many of them are in memory at once.
    pub search_step: usize,
    /// How many such searches go on at once.
    pub searches_at_once: usize,
    /// How many pages of all searches are read at once: fewer than SQLite's store has readers, which dispatching needs, too.
    pub search_reads: usize,
    /// How long others wait for one of them to end.
    pub search_wait: Duration,
    /// Messages that an account reads back at once, where the request doesn't say.
    pub catch_up: usize,
    /// Messages that it reads back at once, at most.
    pub catch_up_most: usize,
    /// Bytes of bodies that it reads back at once; one message at least.
    pub catch_up_bytes: usize,
    /// Requests that wait for an account's next message.
    pub polls: PlaceLimits,
    /// How often those read again without having heard of anything.
    pub poll_reread: Duration,
    /// Endpoints that are being tried for a person.
    pub tests: PlaceLimits,
    /// How often an account's endpoint is checked, at most.
    pub check_every: Duration,
    /// How many accounts are checked in that time, at most: so many are remembered.
    pub checks_remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: publish::MAX_MESSAGE_BYTES,
            ndjson_bytes: publish::MAX_NDJSON_BYTES,
            ndjson_lines: publish::MAX_NDJSON_LINES,
            ndjson_chunk: 256,
            ndjson_chunk_bytes: 1 << 20,
            ndjson_at_once: PlaceLimits { in_all: 8, each: 4 },
            request_bytes: 64 << 10,
            drain_bytes: 4 << 20,
            body_timeout: Duration::from_secs(30),
            requests_per_second: 1000,
            publishes_per_second: 50_000,
            rates_remembered: 10_000,
            token_life: Duration::from_secs(auth::TOKEN_LIFE_SECONDS),
            session_idle: Duration::from_secs(auth::SESSION_IDLE_SECONDS),
            session_touch: Duration::from_secs(60),
            login_failures: 5,
            login_lock: Duration::from_secs(15 * 60),
            logins_waiting: 16,
            cached_principals: 10_000,
            signing_overlap: Duration::from_secs(24 * 3600),
            signing_overlap_most: Duration::from_secs(30 * 24 * 3600),
            page: 50,
            page_most: 500,
            search_bodies: 2000,
            search_step: 256,
            searches_at_once: 4,
            search_reads: 2,
            search_wait: Duration::from_secs(10),
            catch_up: 100,
            catch_up_most: 1000,
            catch_up_bytes: 1 << 20,
            polls: PlaceLimits { in_all: 1024, each: 16 },
            poll_reread: Duration::from_secs(1),
            tests: PlaceLimits { in_all: 64, each: 1 },
            check_every: Duration::from_secs(10),
            checks_remembered: 10_000,
        }
    }
}
