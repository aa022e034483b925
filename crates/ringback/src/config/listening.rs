//! Where the server listens, and who vouches for what comes in there.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use ringback_server::service::TlsFiles;

use super::layers::Layers;
use super::network::networks;
use super::setting::{ADDRESS_AND_PORT, Setting};
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "listen",
        ADDRESS_AND_PORT,
        "Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]",
    ),
    Setting::one(
        "admin-listen",
        ADDRESS_AND_PORT,
        "Where the console and the metrics are, and nowhere else then; off loopback it wants a certificate, whatever is said \
         of a proxy [default: where everything is]",
    ),
    Setting::one(
        "tls-cert",
        "FILE",
        "The server's certificate and those of its issuers, in PEM; read again when it changes",
    ),
    Setting::one("tls-key", "FILE", "The private key of the certificate, in PEM"),
    Setting::many(
        "server-name",
        "HOST",
        "A name that the console and the metrics answer to, beside loopback and the address that was called; may be \
         repeated",
    ),
    Setting::many(
        "trusted-proxy",
        "CIDR",
        "A proxy whose X-Forwarded-For says who the client is, and whose X-Forwarded-Proto whether it spoke TLS; may be \
         repeated",
    ),
    Setting::switch("behind-proxy", "A proxy in front of the server speaks TLS"),
    Setting::switch("insecure-http", "Listen without TLS on an address that others can reach"),
];

/// Where the server listens.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) server_names: Vec<String>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) behind_proxy: bool,
    pub(crate) insecure_http: bool,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: None,
            tls: None,
            server_names: Vec::new(),
            trusted_proxies: Vec::new(),
            behind_proxy: false,
            insecure_http: false,
        }
    }
}

impl Listening {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let listening = Self {
            listen: layers.one("listen")?.unwrap_or(Self::default().listen),
            admin_listen: layers.one("admin-listen")?,
            tls: tls(layers)?,
            server_names: names(layers)?,
            trusted_proxies: networks(layers, "trusted-proxy")?,
            behind_proxy: layers.switch("behind-proxy")?,
            insecure_http: layers.switch("insecure-http")?,
        };
        listening.check()?;
        Ok(listening)
    }

    /// Nothing secret crosses a network in the clear unless that was said.
    fn check(&self) -> Outcome<()> {
        if self.tls.is_some() || self.insecure_http {
            return Ok(());
        }
        if !is_loopback(self.listen) && !self.behind_proxy {
            return Err(Failure::configuration(format_args!(
                "{} can be reached by others: give a certificate (--tls-cert, --tls-key), or put a proxy in front that \
                 speaks TLS and say --behind-proxy, or say --insecure-http",
                self.listen
            )));
        }
        // The proxy of `behind-proxy` stands before `listen`; operators are meant to come here without it.
        match self.admin_listen.filter(|address| !is_loopback(*address)) {
            Some(address) => Err(Failure::configuration(format_args!(
                "{address} can be reached by others, and operators' passwords cross the network to it: give a certificate \
                 (--tls-cert, --tls-key), or put --admin-listen on loopback, or leave it out so that the proxy leads to \
                 the console too, or say --insecure-http"
            ))),
            None => Ok(()),
        }
    }

    /// Whether all clients look like one: they come through a proxy of another machine that nobody said to trust.
    pub(crate) fn confuses_clients(&self) -> bool {
        self.behind_proxy && self.trusted_proxies.is_empty() && !is_loopback(self.listen)
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("listen", self.listen.to_string());
        let admin = self.admin_listen.map(|address| address.to_string());
        shown.put_or("admin-listen", admin, "the console and the metrics are where everything is");
        let tls =
            |file: fn(&TlsFiles) -> &PathBuf| self.tls.as_ref().map(|tls| file(tls).display().to_string());
        shown.put_or("tls-cert", tls(|tls| &tls.certificate), "no TLS");
        shown.put_or("tls-key", tls(|tls| &tls.key), "no TLS");
        shown.put_all("server-name", &self.server_names);
        shown.put_all("trusted-proxy", &self.trusted_proxies);
        shown.put("behind-proxy", self.behind_proxy);
        shown.put("insecure-http", self.insecure_http);
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn tls(layers: &Layers) -> Outcome<Option<TlsFiles>> {
    match (layers.one("tls-cert")?, layers.one("tls-key")?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(Failure::configuration("tls-cert and tls-key go together: give both")),
    }
}

fn names(layers: &Layers) -> Outcome<Vec<String>> {
    let given = layers.many::<Name>("server-name")?.unwrap_or_default();
    Ok(given.into_iter().map(|Name(name)| name).collect())
}

/// A host's name or address, without a port.
struct Name(String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match url::Host::parse(text) {
            Ok(host) if !text.contains('*') => Ok(Self(host.to_string())),
            _ => Err(
                "it must be a host's name or address, without scheme and port, such as ringback.example.com",
            ),
        }
    }
}
