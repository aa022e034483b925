//! A callback URL: what its owner wrote, and what it leads to.
//!
//! Two readings of one text. On the wire the path and the query go as they were written, letter by letter, because the
//! endpoint may sign or route by them. What host is meant is read as browsers read it (the WHATWG URL Standard), so that
//! `http://2130706433/` and `http://0x7f.1/` are the 127.0.0.1 that a lenient resolver would make of them. Texts that the
//! two readings could take apart differently (backslashes, white space, user-info) are refused.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri, uri};
use url::{Host, Url};

use super::{EgressPolicy, Refusal};

/// The longest URL that can be registered, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// An absolute `http` or `https` URL that callbacks can be sent to, exactly as it was given.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackUrl {
    text: Box<str>,
    target: Uri,
    host_header: HeaderValue,
    destination: Destination,
    origin: Arc<str>,
}

/// What a URL leads to: whom to connect to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// Whether to speak TLS.
    pub(super) secure: bool,
    /// The host, with every way to write an IPv4 address read as that address.
    pub(super) host: Host<String>,
    /// The port, the scheme's own where none is given.
    pub(super) port: u16,
}

/// Why a text is not a callback URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCallbackUrl {
    /// Longer than 2048 bytes.
    #[error("the URL is longer than 2048 bytes")]
    TooLong,
    /// White space, a control character, a backslash, or something else that has to be percent-encoded.
    #[error("the URL has a character that has to be percent-encoded")]
    Character,
    /// No scheme, or another than `http` and `https`.
    #[error("the URL is not an absolute http or https URL")]
    NotHttp,
    /// A `#`: it would never be sent.
    #[error("the URL has a fragment")]
    Fragment,
    /// A user name or password before the host: they belong into the registration's fields.
    #[error("the URL has user-info")]
    UserInfo,
    /// No host, or one that is neither a name nor an address.
    #[error("the URL's host is neither a name nor an address")]
    Host,
    /// A port that is not within 1 to 65535.
    #[error("the URL's port is not within 1 to 65535")]
    Port,
}

impl CallbackUrl {
    /// Reads a callback URL.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text; the egress policy is not asked (see [`CallbackUrl::precheck`]).
    pub fn parse(text: &str) -> Result<Self, InvalidCallbackUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidCallbackUrl::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(InvalidCallbackUrl::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidCallbackUrl::NotHttp)?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            uri::Scheme::HTTPS
        } else if scheme.eq_ignore_ascii_case("http") {
            uri::Scheme::HTTP
        } else {
            return Err(InvalidCallbackUrl::NotHttp);
        };
        if rest.contains('#') {
            return Err(InvalidCallbackUrl::Fragment);
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(InvalidCallbackUrl::UserInfo);
        }
        let (destination, normal) = Destination::read(&scheme, authority)?;
        let authority = if is_plain(authority) { authority } else { normal.as_str() };
        // The URL Standard takes more than may stand in a request: quotes, braces.
        uri::Authority::try_from(authority).map_err(|_| InvalidCallbackUrl::Host)?;
        let host_header = HeaderValue::from_str(authority).map_err(|_| InvalidCallbackUrl::Host)?;
        let target = Uri::from(request_target(target)?);
        let origin = format!("{scheme}://{}:{}", destination.host, destination.port).into();
        Ok(Self { text: text.into(), target, host_header, destination, origin })
    }

    /// The URL as it was given. It may hold secrets: for the store and the API, not for logs.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, and nothing else: what logs may show.
    pub fn origin_for_logs(&self) -> &str {
        &self.origin
    }

    /// The same, as connections are kept by it.
    pub(super) fn origin(&self) -> &Arc<str> {
        &self.origin
    }

    /// Host and port, the scheme's own where none is given.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        (self.destination.host.to_string(), self.destination.port)
    }

    /// Whether the policy refuses what can be judged without resolving: the scheme, the port, an address instead of a
    /// name, and the names that mean this machine everywhere (`localhost`, RFC 6761).
    ///
    /// # Errors
    ///
    /// The policy's refusal.
    pub fn precheck(&self, policy: &EgressPolicy) -> Result<(), Refusal> {
        use std::net::{Ipv4Addr, Ipv6Addr};

        let Destination { secure, host, port } = &self.destination;
        if !secure {
            policy.check_plain_http()?;
        }
        policy.check_port(*port)?;
        match host {
            Host::Ipv4(address) => policy.check((*address).into(), *port),
            Host::Ipv6(address) => policy.check((*address).into(), *port),
            Host::Domain(name) if is_localhost(name) => policy
                .check(Ipv6Addr::LOCALHOST.into(), *port)
                .or_else(|_| policy.check(Ipv4Addr::LOCALHOST.into(), *port)),
            Host::Domain(_) => Ok(()),
        }
    }

    /// The request line's target and the `Host` header, as they go on the wire. For the fuzzer.
    #[doc(hidden)]
    pub fn on_the_wire(&self) -> (&str, &[u8]) {
        (self.target.path_and_query().map_or("", |target| target.as_str()), self.host_header.as_bytes())
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Path and query, as they go into the request line.
    pub(super) fn target(&self) -> &Uri {
        &self.target
    }

    pub(super) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallbackUrl").field(&self.origin).finish()
    }
}

impl Destination {
    /// Reads the authority as the URL Standard does; also gives it in the standard's own form.
    fn read(scheme: &uri::Scheme, authority: &str) -> Result<(Self, String), InvalidCallbackUrl> {
        let url = Url::parse(&format!("{scheme}://{authority}/")).map_err(|error| match error {
            url::ParseError::InvalidPort => InvalidCallbackUrl::Port,
            _ => InvalidCallbackUrl::Host,
        })?;
        let host = url.host().ok_or(InvalidCallbackUrl::Host)?.to_owned();
        if matches!(&host, Host::Domain(name) if name.trim_matches('.').is_empty()) {
            return Err(InvalidCallbackUrl::Host);
        }
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(InvalidCallbackUrl::Port)?;
        let normal = url.authority().to_owned();
        Ok((Self { secure: *scheme == uri::Scheme::HTTPS, host, port }, normal))
    }
}

/// Whether an authority can go into `Host` as it is: anything else (other scripts, percent-encoding) goes in the form
/// that it is read as.
fn is_plain(authority: &str) -> bool {
    authority.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:[]".contains(&b))
}

/// What follows the authority, as it goes into the request line: as given, with the `/` that a URL may leave out.
fn request_target(given: &str) -> Result<uri::PathAndQuery, InvalidCallbackUrl> {
    let target = if given.starts_with('/') { given.to_owned() } else { format!("/{given}") };
    match uri::PathAndQuery::try_from(target.as_str()) {
        Ok(parsed) if given.is_ascii() && parsed.as_str() == target => Ok(parsed),
        _ => Err(InvalidCallbackUrl::Character),
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}
