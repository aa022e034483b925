//! Opening a connection: resolve, judge, connect, shake hands; all within one time.
//!
//! The guard of the egress policy. An address is judged after the name was resolved, and the address that passed is the
//! one that is connected to: nothing is resolved a second time in between, so a name can't mean one thing when judged and
//! another when called. A pooled connection stays with the address that it was opened to. Through a proxy all of this is
//! the same ([`super::proxy`]).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Host;

use super::{
    EgressPolicy, EgressProxy, Refusal, Resolve,
    fair::Fair,
    proxy::{TunnelError, tunnel},
    stream::Stream,
    target::Destination,
    tls,
};

/// How many of a name's addresses are tried, at most, those that the policy refuses not counted.
const MAX_ADDRESSES: usize = 8;

/// Opens connections, and what it needs to know for that.
pub(super) struct Connector {
    /// Where connections may go.
    pub(super) policy: Arc<EgressPolicy>,
    /// What names mean.
    pub(super) resolver: Arc<dyn Resolve>,
    /// How to start TLS.
    pub(super) tls: TlsConnector,
    /// What connections go through, if they do.
    pub(super) proxy: Option<EgressProxy>,
    /// The address that connections come from, if it is fixed.
    pub(super) source_address: Option<IpAddr>,
    /// For the whole of it: resolving, connecting, TLS.
    pub(super) timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the name could not be resolved")]
    Resolve(#[source] io::Error),
    #[error("the egress policy refuses it: {0}")]
    Policy(#[source] Refusal),
    #[error("no connection could be made")]
    Connect(#[source] io::Error),
    #[error("the egress proxy could not be reached")]
    ProxyAway(#[source] io::Error),
    #[error("the egress proxy opened no way to it")]
    Proxy(#[source] TunnelError),
    #[error("the host has no address of the family that callbacks are sent from")]
    SourceFamily,
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("no connection was made in time")]
    Timeout,
}

impl Connector {
    /// Opens a connection to where a callback URL leads.
    ///
    /// # Errors
    ///
    /// Says in which of its steps it failed, or that its time was over.
    pub(super) async fn open(&self, destination: &Destination) -> Result<Stream, ConnectError> {
        let deadline = Instant::now() + self.timeout;
        timeout_at(deadline, self.open_by(destination, deadline)).await.unwrap_or(Err(ConnectError::Timeout))
    }

    async fn open_by(&self, destination: &Destination, deadline: Instant) -> Result<Stream, ConnectError> {
        if !destination.secure {
            self.policy.check_plain_http().map_err(ConnectError::Policy)?;
        }
        let addresses = self.resolve(&destination.host).await?;
        let addresses = self.judge(addresses, destination.port)?;
        let tcp = Fair::new(self.connect(&addresses, deadline).await?);
        if !destination.secure {
            return Ok(Stream::Plain(tcp));
        }
        let name = tls::server_name(&destination.host)
            .ok_or_else(|| ConnectError::Tls(io::ErrorKind::InvalidInput.into()))?;
        let tls = self.tls.connect(name, tcp).await.map_err(ConnectError::Tls)?;
        Ok(Stream::Tls(Box::new(tls)))
    }

    async fn resolve(&self, host: &Host<String>) -> Result<Vec<IpAddr>, ConnectError> {
        match host {
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(ConnectError::Resolve),
            Host::Ipv4(address) => Ok(vec![(*address).into()]),
            Host::Ipv6(address) => Ok(vec![(*address).into()]),
        }
    }

    /// The addresses that the policy passes, and that can be called from the source address; at least one.
    fn judge(&self, addresses: Vec<IpAddr>, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let mut refusal = None;
        let mut passed = Vec::with_capacity(addresses.len().min(MAX_ADDRESSES));
        let mut other_family = false;
        for address in addresses {
            let address = address.to_canonical();
            match self.policy.check(address, port) {
                Err(refused) => refusal = refusal.or(Some(refused)),
                Ok(()) if !self.is_reachable_by_family(address) => other_family = true,
                Ok(()) if passed.len() < MAX_ADDRESSES => passed.push(SocketAddr::new(address, port)),
                Ok(()) => break,
            }
        }
        match refusal {
            _ if !passed.is_empty() => Ok(passed),
            _ if other_family => Err(ConnectError::SourceFamily),
            Some(refusal) => Err(ConnectError::Policy(refusal)),
            None => Err(ConnectError::Resolve(io::ErrorKind::NotFound.into())),
        }
    }

    /// Whether a socket on the source address can be connected there. (A proxy sees to that itself.)
    fn is_reachable_by_family(&self, address: IpAddr) -> bool {
        self.proxy.is_some() || self.source_address.is_none_or(|source| source.is_ipv4() == address.is_ipv4())
    }

    /// Tries the addresses in turn. Each gets an equal share of the time that is left, so that one which swallows
    /// packets doesn't use up the time of the others.
    async fn connect(&self, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Timeout;
        for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            last = match timeout(share, self.reach(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => error,
                Err(_) => ConnectError::Timeout,
            };
        }
        Err(last)
    }

    /// A way to the address: a connection, or a tunnel through the proxy.
    async fn reach(&self, address: SocketAddr) -> Result<TcpStream, ConnectError> {
        let Some(proxy) = &self.proxy else {
            return self.connect_to(address).await.map_err(ConnectError::Connect);
        };
        let mut last = io::ErrorKind::NotFound.into();
        // Its address is not judged: the operator has named it.
        for hop in self
            .resolve(&proxy.host)
            .await
            .map_err(|_| ConnectError::ProxyAway(io::ErrorKind::NotFound.into()))?
        {
            match self.connect_to(SocketAddr::new(hop, proxy.port)).await {
                Ok(mut stream) => {
                    tunnel(&mut stream, address).await.map_err(ConnectError::Proxy)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(ConnectError::ProxyAway(last))
    }

    async fn connect_to(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(source) = self.source_address {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        // A request is written whole: waiting for more of it would only add a delay.
        socket.set_nodelay(true)?;
        socket.connect(address).await
    }
}
