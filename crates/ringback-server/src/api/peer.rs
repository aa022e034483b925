//! Who is at the other end of a request's connection.

use std::net::IpAddr;

/// What the listener knows of a request's connection; it puts one into every request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client: the other end of the connection, or whom trusted proxies name in its place.
    pub client: IpAddr,
    /// The address that the connection was made to.
    pub local: IpAddr,
    /// Whether the client speaks TLS: with this server, or, as a trusted proxy says, with the proxy.
    pub secure: bool,
}
