//! Whom callbacks trust, and what they show: the authorities, and what is particular to the TLS of some endpoints.
//!
//! That stands in a file of its own, a table for each host:
//!
//! ```toml
//! [[endpoint]]
//! host = "callbacks.example.com"          # or with a port
//! accounts = ["0242078689-00001"]         # all, where left out
//! extra-roots = ["acme-ca.pem"]
//! pins = ["sha256/…"]
//! certificate = "ringback.pem"
//! key = "ringback-key.pem"
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use ringback_delivery::AccountId;
use ringback_server::send::{ClientCertificate, EndpointTls, Pin, Roots};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "tls-roots",
        "web|system",
        "The certificate authorities that endpoints are checked against: those of browsers, built in, or those of this \
         machine [default: web]",
    ),
    Setting::many("extra-root", "FILE", "Certificates of further authorities, in PEM; may be repeated"),
    Setting::one(
        "endpoint-tls",
        "FILE",
        "A TOML file of what is particular to the TLS of some endpoints: authorities, pins, client certificates",
    ),
];

/// Which authorities to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Authorities {
    #[default]
    Web,
    System,
}

impl FromStr for Authorities {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "web" => Ok(Self::Web),
            "system" => Ok(Self::System),
            _ => Err("it is one of web, system"),
        }
    }
}

impl fmt::Display for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Web => "web",
            Self::System => "system",
        })
    }
}

/// Whom callbacks trust, as it is configured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    authorities: Authorities,
    extra_roots: Vec<PathBuf>,
    endpoints: Option<PathBuf>,
}

/// The same, read.
pub(crate) struct Trusted {
    pub(crate) roots: Roots,
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    pub(crate) endpoints: Vec<EndpointTls>,
}

/// The file of endpoints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointsFile {
    #[serde(default)]
    endpoint: Vec<EndpointTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EndpointTable {
    host: String,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    extra_roots: Vec<PathBuf>,
    #[serde(default)]
    pins: Vec<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Trust {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        Ok(Self {
            authorities: layers.one("tls-roots")?.unwrap_or_default(),
            extra_roots: layers.many("extra-root")?.unwrap_or_default(),
            endpoints: layers.one("endpoint-tls")?,
        })
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("tls-roots", self.authorities.to_string());
        shown.put_all("extra-root", self.extra_roots.iter().map(|path| path.display()));
        let endpoints = self.endpoints.as_ref().map(|path| path.display().to_string());
        shown.put_or("endpoint-tls", endpoints, "all endpoints are treated alike");
    }

    /// Reads all of the files.
    pub(crate) fn load(&self) -> Outcome<Trusted> {
        let roots = match self.authorities {
            Authorities::Web => Roots::Web,
            Authorities::System => Roots::These(of_system()?),
        };
        let mut extra_roots = Vec::new();
        for path in &self.extra_roots {
            extra_roots.extend(certificates(path)?);
        }
        let endpoints = self.endpoints.as_deref().map(endpoints).transpose()?.unwrap_or_default();
        Ok(Trusted { roots, extra_roots, endpoints })
    }
}

fn of_system() -> Outcome<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificate authorities can't be read");
    }
    if found.certs.is_empty() {
        return Err(Failure::configuration(
            "tls-roots = system: this machine has no certificate authorities",
        ));
    }
    Ok(found.certs)
}

fn endpoints(path: &Path) -> Outcome<Vec<EndpointTls>> {
    let wrong = |what: &dyn fmt::Display| Failure::configuration(format_args!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let file: EndpointsFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    // What it names stands beside it, where it is not said otherwise.
    let folder = path.parent().unwrap_or(Path::new("."));
    file.endpoint.into_iter().map(|table| endpoint(table, folder, path)).collect()
}

fn endpoint(table: EndpointTable, folder: &Path, path: &Path) -> Outcome<EndpointTls> {
    let host = table.host;
    let wrong = |what: &dyn fmt::Display| {
        Failure::configuration(format_args!("{}: endpoint {host}: {what}", path.display()))
    };
    let url = Url::parse(&format!("https://{host}/")).map_err(|error| wrong(&error))?;
    let bare = url.path() == "/" && url.username().is_empty() && url.query().is_none();
    let (Some(name), true) = (url.host(), bare) else {
        return Err(wrong(&"host is a name or an address, with or without a port"));
    };
    let parse = |account: &String| account.parse::<AccountId>().map_err(|error| wrong(&error));
    let accounts = table.accounts.iter().map(parse).collect::<Outcome<_>>()?;
    let pins = table.pins.iter().map(|pin| pin.parse::<Pin>().map_err(|error| wrong(&error)));
    let pins = pins.collect::<Outcome<_>>()?;
    let mut extra_roots = Vec::new();
    for root in &table.extra_roots {
        extra_roots.extend(certificates(&folder.join(root))?);
    }
    let client = match (table.certificate, table.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Arc::new(ClientCertificate {
            chain: certificates(&folder.join(certificate))?,
            key: private_key(&folder.join(key))?,
        })),
        _ => return Err(wrong(&"certificate and key go together: give both")),
    };
    // `Url` leaves out the port that https has by itself.
    let port = host
        .trim_end_matches('/')
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let port = port.and_then(|(_, port)| port.parse().ok());
    Ok(EndpointTls { host: name.to_owned(), port, accounts, extra_roots, pins, client })
}

fn certificates(path: &Path) -> Outcome<Vec<CertificateDer<'static>>> {
    let wrong = |what: &dyn fmt::Display| Failure::configuration(format_args!("{}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong(&"there is no certificate in PEM in it")),
    }
}

fn private_key(path: &Path) -> Outcome<PrivateKeyDer<'static>> {
    let wrong = |what: &dyn fmt::Display| Failure::configuration(format_args!("{}: {what}", path.display()));
    let pem = std::fs::read(path).map(Zeroizing::new).map_err(|error| wrong(&error))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| wrong(&"there is no private key in PEM in it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use url::Host;

    use super::*;

    fn read(toml: &str) -> Outcome<Vec<EndpointTls>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("endpoints.toml");
        std::fs::write(&path, toml).unwrap();
        endpoints(&path)
    }

    #[test]
    fn an_endpoint_is_a_host_with_or_without_a_port_and_for_some_accounts_or_all() {
        let pin = format!("sha256/{}=", "A".repeat(43));
        let read = read(&format!(
            "[[endpoint]]\nhost = 'Callbacks.example.com:443'\naccounts = ['0242078689-00001']\npins = ['{pin}']\n\
             [[endpoint]]\nhost = '[::1]'"
        ))
        .unwrap();
        assert_eq!(read[0].host, Host::Domain("callbacks.example.com".to_owned()));
        assert_eq!((read[0].port, read[0].accounts.len(), read[0].pins[0].to_string()), (Some(443), 1, pin));
        assert_eq!((read[1].host.to_string(), read[1].port), ("[::1]".to_owned(), None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        for (toml, what) in [
            ("[[endpoint]]\nhost = 'x'\nverify = false", "verify"),
            ("[[endpoint]]\nhost = 'https://x/'", "endpoint https://x/"),
            ("[[endpoint]]\nhost = 'x'\npins = ['sha256/AAAA']", "sha256/"),
            ("[[endpoint]]\nhost = 'x'\naccounts = ['acme']", "endpoint x"),
            ("[[endpoint]]\nhost = 'x'\ncertificate = 'c.pem'", "go together"),
            ("[[endpoint]]\nhost = 'x'\nextra-roots = ['none.pem']", "none.pem"),
        ] {
            let error = read(toml).unwrap_err().to_string();
            assert!(
                error.contains(what) && error.contains("pem") | error.contains("endpoints.toml"),
                "{error}"
            );
        }
    }
}
