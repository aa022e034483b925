//! The way through a proxy, and no way around the policy.
//!
//! Ringback resolves the endpoint's name and judges its addresses as ever, and then asks the proxy for a tunnel
//! (`CONNECT`) to the very address that passed, by number. What is said inside the tunnel, `Host` and the name that the
//! certificate must bear, is as without a proxy. `http` goes through a tunnel too: a proxy that is given a URL would
//! resolve the name by itself. Only a proxy of Ringback's own configuration is used, whatever the environment says.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Host, Url};

/// The most bytes of the proxy's answer.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// A proxy that speaks HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressProxy {
    /// Its name or address.
    pub(super) host: Host<String>,
    /// Its port.
    pub(super) port: u16,
}

/// A text is no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is http://HOST:PORT, without user name, path or query")]
pub struct InvalidProxy;

impl FromStr for EgressProxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let url = Url::parse(text).map_err(|_| InvalidProxy)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        match (url.scheme(), url.host(), url.port_or_known_default()) {
            ("http", Some(host), Some(port)) if bare && port > 0 => Ok(Self { host: host.to_owned(), port }),
            _ => Err(InvalidProxy),
        }
    }
}

impl std::fmt::Display for EgressProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    #[error("the proxy's connection broke")]
    Broken(#[from] io::Error),
    #[error("the proxy answered with {0}")]
    Refused(u16),
    #[error("what came back was no answer of a proxy")]
    Nonsense,
}

/// Asks for a tunnel to that address; afterwards the stream is as if it were connected to it.
pub(super) async fn tunnel(stream: &mut TcpStream, to: SocketAddr) -> Result<(), TunnelError> {
    stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::with_capacity(256);
    let mut byte = [0];
    // A byte at a time, out of the system's buffer: what comes behind the head belongs to the endpoint.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER_BYTES {
            return Err(TunnelError::Nonsense);
        }
        if stream.read(&mut byte).await? == 0 {
            return Err(TunnelError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        answer.push(byte[0]);
    }
    let status = std::str::from_utf8(&answer).ok().and_then(|answer| answer.strip_prefix("HTTP/1."));
    let status = status.and_then(|rest| rest.get(2..5)?.parse().ok()).ok_or(TunnelError::Nonsense)?;
    if (200..300).contains(&status) { Ok(()) } else { Err(TunnelError::Refused(status)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port_of_http() {
        let shown = |text: &str| text.parse::<EgressProxy>().map(|proxy| proxy.to_string());
        assert_eq!(shown("http://proxy.example:3128").as_deref(), Ok("http://proxy.example:3128"));
        assert_eq!(shown("http://[::1]:3128/").as_deref(), Ok("http://[::1]:3128"));
        for other in
            ["https://p:1", "socks5://p:1", "http://u:p@p:1", "http://p:1/x", "p:3128", "http://p:1?x"]
        {
            assert_eq!(shown(other), Err(InvalidProxy), "{other}");
        }
    }
}
