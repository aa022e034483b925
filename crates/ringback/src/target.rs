//! A server to talk to, and who asks: from options, variables and profiles to one client.
//!
//! A profile counts as a whole: its secrets never go to a URL from elsewhere. And what the published SDKs' variables
//! hold goes to ThingSpace only.

use std::path::PathBuf;
use std::sync::OnceLock;

use ringback_client::{Client, ClientBuilder, Credentials, Environment};
use url::{Host, Url};

use crate::args::connection::ConnectionArgs;
use crate::failure::{Failure, Outcome};
use crate::profiles::{self, Profile};

/// What the variables of Ringback's own commands begin with.
const OWN_PREFIX: &str = "RINGBACK_";

/// The server that this process talks to: there is one, and who says that it can't be reached has to name it.
static SERVER: OnceLock<String> = OnceLock::new();

/// The server that this process talks to, if it does.
pub(crate) fn server_of_this_process() -> Option<&'static str> {
    SERVER.get().map(String::as_str)
}

/// A server, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    environment: Environment,
    credentials: Credentials,
    /// Certificates of authorities to trust beside the public ones.
    ca_file: Option<PathBuf>,
}

impl Target {
    /// What the options and the environment name.
    pub(crate) fn find(options: &ConnectionArgs) -> Outcome<Self> {
        Self::find_if_named(options)?.ok_or_else(|| {
            Failure::configuration(
                "no server is named: give --url, --environment, --profile or RINGBACK_URL; none is a default",
            )
        })
    }

    /// The same, where it may be that none is named.
    pub(crate) fn find_if_named(options: &ConnectionArgs) -> Outcome<Option<Self>> {
        if let Some(name) = &options.profile {
            let mut profile = profiles::find(name, options.profiles.as_deref())?;
            profile.ca_file = options.ca_file.clone().or(profile.ca_file);
            return Self::of_profile(&profile).map(Some);
        }
        let environment = match (&options.url, options.environment) {
            (Some(url), _) => server(url)?,
            (None, Some(environment)) => environment.into(),
            (None, None) => match variable("RINGBACK_URL") {
                Some(text) => server(&text)?,
                None => return Ok(None),
            },
        };
        let theirs_too = matches!(environment, Environment::Production | Environment::Staging);
        let lookup = |name: &str| variable(name).filter(|_| theirs_too || name.starts_with(OWN_PREFIX));
        let credentials = Credentials::from_lookup(lookup)?;
        if credentials.is_empty() {
            return Err(Failure::configuration(
                "RINGBACK_CLIENT_ID is not set: it says who asks, with RINGBACK_CLIENT_SECRET (or give --profile)",
            ));
        }
        let ca_file = options.ca_file.clone().or_else(|| variable("RINGBACK_CA_FILE").map(PathBuf::from));
        Ok(Some(Self { environment, credentials, ca_file }))
    }

    /// What a profile names.
    pub(crate) fn of_profile(profile: &Profile) -> Outcome<Self> {
        let mut credentials =
            Credentials::new().client(profile.client_id.clone(), profile.client_secret.clone());
        credentials = match (&profile.username, &profile.password) {
            (Some(name), Some(password)) => credentials.user(name.clone(), password.clone()),
            (None, None) => credentials,
            _ => {
                return Err(Failure::configuration(
                    "a user name and a password are given together or not at all",
                ));
            }
        };
        Ok(Self { environment: server(&profile.url)?, credentials, ca_file: profile.ca_file.clone() })
    }

    /// Whether it is ThingSpace itself, which has no more than its own API.
    pub(crate) fn is_thingspace(&self) -> bool {
        matches!(self.environment, Environment::Production | Environment::Staging)
    }

    /// A client; nothing is sent yet.
    pub(crate) fn client(self) -> Outcome<Client> {
        Ok(self.builder()?.build()?)
    }

    /// The same, for further settings.
    pub(crate) fn builder(self) -> Outcome<ClientBuilder> {
        SERVER.get_or_init(|| self.environment.base_url().to_owned());
        let here = is_this_machine(self.environment.base_url());
        let mut builder = Client::builder().environment(self.environment).credentials(self.credentials);
        if let Some(file) = &self.ca_file {
            let failed = |problem| Failure::configuration(format_args!("{}: {problem}", file.display()));
            let pem = std::fs::read(file).map_err(|error| failed(format!("it can't be read: {error}")))?;
            builder = builder.add_root_certificates(pem).map_err(|error| failed(error.to_string()))?;
        }
        // What the variables say of proxies is about other machines.
        Ok(if here { builder.no_proxy() } else { builder })
    }
}

/// The client that the options and the environment name.
pub(crate) fn client(options: &ConnectionArgs) -> Outcome<Client> {
    Target::find(options)?.client()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn server(text: &str) -> Outcome<Environment> {
    Ok(text.parse::<Environment>()?)
}

fn is_this_machine(url: &str) -> bool {
    let Ok(url) = url.parse::<Url>() else { return false };
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_url_is_http_or_https_and_bears_no_secrets() {
        for right in ["https://example.com", "http://127.0.0.1:8080/", "production", "staging"] {
            assert!(server(right).is_ok(), "{right}");
        }
        for wrong in ["example.com", "ftp://example.com", "http://me:hunter2@example.com", "http://a/?x=1"] {
            let error = server(wrong).map(|_| ()).map_err(|failure| failure.to_string());
            assert!(error.is_err_and(|text| !text.contains("hunter2")), "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_needs_no_proxy() {
        assert!(is_this_machine("http://127.0.0.1:8080") && is_this_machine("http://[::1]/"));
        assert!(is_this_machine("http://localhost:1") && !is_this_machine("https://thingspace.verizon.com"));
    }
}
