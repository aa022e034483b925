//! The `Host` check of what a browser is to look at: the operators' pages.
//!
//! A page of a stranger can have its own name resolve to this server's address, and its script then speaks to this
//! server as to its own ("DNS rebinding"), from inside of the operator's network. What it can't do is to have the
//! browser send another name than its own in `Host`. So these pages answer only to names that are known to be this
//! server's, and to addresses, which no resolver stands behind: loopback, and the one that the connection was made to.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;
use ringback_wire::error_code;

use super::peer::Peer;
use super::problem::Problem;
use super::state::ApiState;

/// The names that this server goes by.
#[derive(Debug, Clone, Default)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// These names, or addresses, without a port; capital letters mean the same.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(names.into_iter().map(|name| canonical(&name.into())).collect())
    }

    /// Whether a request that says it is for `host` is for this server, to which it came at `local`.
    fn are_meant_by(&self, host: &str, local: Option<IpAddr>) -> bool {
        let host = canonical(host);
        if host == "localhost" || self.0.contains(&host) {
            return true;
        }
        host.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_loopback() || local.is_some_and(|local| local.to_canonical() == address)
        })
    }
}

/// Without the brackets of an IPv6 address and the dot of a name's end, in small letters.
fn canonical(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// 421 for a request that is for another host.
pub(super) async fn check(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Peer>().map(|peer| peer.local);
    let meant = host(&request).is_some_and(|host| state.hosts.are_meant_by(host.host(), local));
    if meant {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        error_code::HOST_UNKNOWN,
        "this server is not known by the name in Host; --server-name tells it its names",
    )
    .into_response()
}

/// What the request says it is for: the authority of its target, else its one `Host` (RFC 9112, section 3.2.2).
fn host(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut values = request.headers().get_all(HOST).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    Authority::try_from(value.as_bytes()).ok().filter(|authority| !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn meant(names: &HostNames, host: &str) -> bool {
        let local = Some("10.1.2.3".parse().unwrap());
        let request = Request::builder().header(HOST, host).body(axum::body::Body::empty()).unwrap();
        super::host(&request).is_some_and(|host| names.are_meant_by(host.host(), local))
    }

    #[test]
    fn loopback_and_the_address_that_was_called_are_meant_and_no_unknown_name_is() {
        let names = HostNames::default();
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "127.9.9.9", "[::1]:8080", "10.1.2.3:9000"]
        {
            assert!(meant(&names, host), "{host}");
        }
        for host in [
            "evil.example",
            "10.1.2.4",
            "localhost.evil.example",
            "evil.example@localhost",
            "",
            "127.0.0.1.nip.io",
        ] {
            assert!(!meant(&names, host), "{host}");
        }
    }

    #[test]
    fn a_configured_name_is_meant_with_any_port_and_in_any_letters() {
        let names = HostNames::new(["Ringback.Example.com", "192.0.2.7"]);
        for host in ["ringback.example.com", "RINGBACK.example.com.:8443", "192.0.2.7:80"] {
            assert!(meant(&names, host), "{host}");
        }
        assert!(!meant(&names, "x.ringback.example.com"));
    }

    #[test]
    fn two_hosts_are_none() {
        let request = Request::builder().header(HOST, "localhost").header(HOST, "evil.example");
        assert!(host(&request.body(axum::body::Body::empty()).unwrap()).is_none());
    }
}
