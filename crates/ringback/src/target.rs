//! A server to talk to, and who asks: from options, variables and profiles to one answer.
//!
//! A profile counts as a whole: its secrets never go to a URL from elsewhere.

use ringback_wire::Secret;
use url::Url;

use crate::args::connection::ConnectionArgs;
use crate::failure::{Failure, Outcome};
use crate::profiles::{self, Profile};

/// A server, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The server's root.
    pub(crate) root: Url,
    /// The OAuth client.
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// The user for sessions, where one is given.
    pub(crate) user: Option<User>,
}

/// A user for sessions.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: Secret,
}

impl Target {
    /// What the options and the environment name.
    pub(crate) fn find(options: &ConnectionArgs) -> Outcome<Self> {
        if let Some(name) = &options.profile {
            return Self::of_profile(&profiles::find(name, options.profiles.as_deref())?);
        }
        let url = match (&options.url, options.environment) {
            (Some(url), _) => url.clone(),
            (None, Some(environment)) => environment.url().to_owned(),
            (None, None) => variable("RINGBACK_URL").ok_or_else(|| {
                Failure::configuration(
                    "no server is named: give --url, --environment, --profile or RINGBACK_URL; none is a default",
                )
            })?,
        };
        let needed = |name: &str| {
            variable(name).ok_or_else(|| {
                Failure::configuration(format_args!(
                    "{name} is not set: it says who asks (or give --profile)"
                ))
            })
        };
        Ok(Self {
            root: root(&url)?,
            client_id: needed("RINGBACK_CLIENT_ID")?,
            client_secret: needed("RINGBACK_CLIENT_SECRET")?.into(),
            user: user(variable("RINGBACK_USERNAME"), variable("RINGBACK_PASSWORD").map(Secret::from))?,
        })
    }

    /// What a profile names.
    pub(crate) fn of_profile(profile: &Profile) -> Outcome<Self> {
        Ok(Self {
            root: root(&profile.url)?,
            client_id: profile.client_id.clone(),
            client_secret: profile.client_secret.clone(),
            user: user(profile.username.clone(), profile.password.clone())?,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn user(name: Option<String>, password: Option<Secret>) -> Outcome<Option<User>> {
    match (name, password) {
        (Some(name), Some(password)) => Ok(Some(User { name, password })),
        (None, None) => Ok(None),
        _ => Err(Failure::configuration("a user name and a password are given together or not at all")),
    }
}

fn root(text: &str) -> Outcome<Url> {
    let url: Url = text
        .parse()
        .map_err(|error| Failure::configuration(format_args!("{text:?} is not a server's URL: {error}")))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(Failure::configuration(
            "a server's URL is http:// or https:// and a host, without user, query and fragment",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_url_is_http_or_https_and_bears_no_secrets() {
        assert!(root("https://example.com").is_ok());
        assert!(root("http://127.0.0.1:8080/").is_ok());
        for wrong in ["example.com", "ftp://example.com", "http://me:hunter2@example.com", "http://a/?x=1"] {
            let error = root(wrong).map(|_| ()).map_err(|failure| failure.to_string());
            assert!(error.is_err_and(|text| !text.contains("hunter2")), "{wrong}");
        }
    }
}
