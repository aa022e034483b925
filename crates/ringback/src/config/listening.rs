//! Where the server listens, and who vouches for what comes in there.

use std::net::{Ipv4Addr, SocketAddr};

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "listen",
        "ADDRESS:PORT",
        "Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]",
    ),
    Setting::switch("behind-proxy", "A proxy in front of the server speaks TLS"),
    Setting::switch("insecure-http", "Listen without TLS on an address that others can reach"),
];

/// Where the server listens.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) listen: SocketAddr,
    pub(crate) behind_proxy: bool,
    pub(crate) insecure_http: bool,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            behind_proxy: false,
            insecure_http: false,
        }
    }
}

impl Listening {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let listening = Self {
            listen: layers.one("listen")?.unwrap_or(Self::default().listen),
            behind_proxy: layers.switch("behind-proxy")?,
            insecure_http: layers.switch("insecure-http")?,
        };
        let safe = listening.listen.ip().to_canonical().is_loopback();
        if safe || listening.behind_proxy || listening.insecure_http {
            return Ok(listening);
        }
        Err(Failure::configuration(format_args!(
            "{} can be reached by others, and this release speaks no TLS: put a proxy in front of it that does and \
             say --behind-proxy, or say --insecure-http",
            listening.listen
        )))
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("listen", self.listen.to_string());
        shown.put("behind-proxy", self.behind_proxy);
        shown.put("insecure-http", self.insecure_http);
    }
}
