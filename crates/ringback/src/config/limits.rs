//! What clients may ask of the server, and for how long.

use std::num::NonZeroUsize;
use std::time::Duration;

use ringback_server::api::Limits;
use ringback_server::service::ConnectionLimits;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use super::time::Time;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one("connections", "NUMBER", "Connections at once at each address; others wait [default: 8192]"),
    Setting::one(
        "connections-per-client",
        "NUMBER",
        "Connections of one client at once, trusted proxies aside; past it 429 [default: 1024]",
    ),
    Setting::one("handshake-timeout", "TIME", "For a TLS handshake with a client [default: 10s]"),
    Setting::one(
        "head-timeout",
        "TIME",
        "For the head of a request to come, and for a connection to be idle [default: 30s]",
    ),
    Setting::one("head-bytes", "BYTES", "The largest head of a request [default: 65536]"),
    Setting::one("header-fields", "NUMBER", "The most header fields of a request [default: 100]"),
    Setting::one("body-timeout", "TIME", "For the body of a request to come [default: 30s]"),
    Setting::one("write-timeout", "TIME", "For a client to read what is ready for it [default: 1m]"),
    Setting::one("message-bytes", "BYTES", "The largest message, and line of NDJSON [default: 1048576]"),
    Setting::one("ndjson-bytes", "BYTES", "The largest publish of many messages [default: 16777216]"),
    Setting::one("ndjson-lines", "NUMBER", "The most lines of a publish of many messages [default: 10000]"),
    Setting::one("ndjson-at-once", "NUMBER", "Such publishes in memory at once; others wait [default: 8]"),
    Setting::one("ndjson-per-credential", "NUMBER", "Those of one credential [default: 4]"),
    Setting::one("request-bytes", "BYTES", "The largest body of any other request [default: 65536]"),
    Setting::one(
        "requests-per-second",
        "NUMBER",
        "Requests of one credential, publishing aside; past it 429 [default: 1000]",
    ),
    Setting::one(
        "publishes-per-second",
        "NUMBER",
        "Requests of one credential that publish, whatever the number of their messages; past it 429 [default: 50000]",
    ),
    Setting::one("login-failures", "NUMBER", "Failed log-ins in a row that lock a user name [default: 5]"),
    Setting::one("login-lock", "TIME", "How long it is locked [default: 15m]"),
    Setting::one(
        "logins-waiting",
        "NUMBER",
        "Log-ins with a chosen password that wait for the one that is being checked; past it 429 [default: 16]",
    ),
    Setting::one(
        "polls",
        "NUMBER",
        "Requests that wait for a next message at once; past it 429 [default: 1024]",
    ),
    Setting::one("polls-per-account", "NUMBER", "Those of one account [default: 16]"),
    Setting::one("searches", "NUMBER", "Searches that look into messages at once; others wait [default: 4]"),
    Setting::one(
        "response-bytes",
        "BYTES",
        "How much of an endpoint's answer is read; past it the connection is closed [default: 65536]",
    ),
];

/// The bounds, as the server has them.
#[derive(Debug, Clone)]
pub(crate) struct LimitSettings {
    pub(crate) api: Limits,
    pub(crate) connections: ConnectionLimits,
    pub(crate) response_bytes: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { api: Limits::default(), connections: ConnectionLimits::default(), response_bytes: 64 << 10 }
    }
}

impl LimitSettings {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let mut limits = Self::default();
        for (name, number) in limits.numbers() {
            if let Some(given) = layers.one::<NonZeroUsize>(name)? {
                *number = given.get();
            }
        }
        for (name, time) in limits.times() {
            if let Some(Time(given)) = layers.one::<Time>(name)? {
                if given.is_zero() {
                    return Err(Failure::configuration(format_args!("{name} must be more than nothing")));
                }
                *time = given;
            }
        }
        if let Some(failures) = layers.one::<std::num::NonZeroU32>("login-failures")? {
            limits.api.login_failures = failures.get();
        }
        // hyper's least.
        let least = 8192;
        if limits.connections.head_bytes < least {
            return Err(Failure::configuration(format_args!("head-bytes must be {least} at least")));
        }
        Ok(limits)
    }

    fn numbers(&mut self) -> [(&'static str, &mut usize); 17] {
        let Self { api, connections, response_bytes } = self;
        [
            ("connections", &mut connections.connections),
            ("connections-per-client", &mut connections.connections_per_peer),
            ("head-bytes", &mut connections.head_bytes),
            ("header-fields", &mut connections.header_fields),
            ("message-bytes", &mut api.message_bytes),
            ("ndjson-bytes", &mut api.ndjson_bytes),
            ("ndjson-lines", &mut api.ndjson_lines),
            ("ndjson-at-once", &mut api.ndjson_at_once.in_all),
            ("ndjson-per-credential", &mut api.ndjson_at_once.each),
            ("request-bytes", &mut api.request_bytes),
            ("requests-per-second", &mut api.requests_per_second),
            ("publishes-per-second", &mut api.publishes_per_second),
            ("logins-waiting", &mut api.logins_waiting),
            ("polls", &mut api.polls.in_all),
            ("polls-per-account", &mut api.polls.each),
            ("searches", &mut api.searches_at_once),
            ("response-bytes", response_bytes),
        ]
    }

    fn times(&mut self) -> [(&'static str, &mut Duration); 5] {
        let Self { api, connections, .. } = self;
        [
            ("handshake-timeout", &mut connections.handshake_timeout),
            ("head-timeout", &mut connections.head_timeout),
            ("body-timeout", &mut api.body_timeout),
            ("write-timeout", &mut connections.write_timeout),
            ("login-lock", &mut api.login_lock),
        ]
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let mut limits = self.clone();
        for (name, number) in limits.numbers() {
            shown.put(name, i64::try_from(*number).unwrap_or(i64::MAX));
        }
        for (name, time) in limits.times() {
            shown.put(name, humantime::format_duration(*time).to_string());
        }
        shown.put("login-failures", i64::from(self.api.login_failures));
    }
}
