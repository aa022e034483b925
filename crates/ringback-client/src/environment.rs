//! Where requests go: ThingSpace, its staging, or a server of your own. There is no default.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::BuildError;

/// ThingSpace's root, from the contract.
const PRODUCTION: &str = "https://thingspace.verizon.com";
/// The staging root that the published SDKs have for Software Management V1, OAuth and sessions alike.
const STAGING: &str = "https://staging.thingspace.verizon.com";

/// The server that a client speaks to.
///
/// As a text: `production`, `staging`, or a base URL such as `http://127.0.0.1:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// ThingSpace, `https://thingspace.verizon.com`.
    Production,
    /// ThingSpace's staging, `https://staging.thingspace.verizon.com`.
    Staging,
    /// Any server: its root URL, `http` or `https`, which the routes (`/api/…`) are put after. It may have a path, where a
    /// proxy has put the server below one. Checked by [`crate::ClientBuilder::build`].
    Url(String),
}

impl Environment {
    /// A server by its root URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self::Url(url.into())
    }

    /// The root URL.
    #[must_use]
    pub fn base_url(&self) -> &str {
        match self {
            Self::Production => PRODUCTION,
            Self::Staging => STAGING,
            Self::Url(url) => url,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Url(url) => url,
        })
    }
}

impl FromStr for Environment {
    type Err = BuildError;

    /// # Errors
    /// [`BuildError::BaseUrl`], for what is neither `production` nor `staging` nor a root URL.
    fn from_str(text: &str) -> Result<Self, BuildError> {
        match text {
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            url => BaseUrl::parse(url).map(|_| Self::url(url)),
        }
    }
}

/// A root URL that was found right, without a slash at its end.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, BuildError> {
        let wrong = |problem: &str| BuildError::BaseUrl { problem: problem.to_owned() };
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("its scheme must be http or https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not have a user name or a password in it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must not have a query or a fragment"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The URL of a path, which begins with a slash and may have a query.
    pub(crate) fn join(&self, path: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("{}{path}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str) -> String {
        BaseUrl::parse(base).expect("right").join("/api/x?y=1").expect("right").to_string()
    }

    #[test]
    fn a_root_url_may_have_a_slash_at_its_end_or_a_path() {
        assert_eq!(joined("http://127.0.0.1:8080"), "http://127.0.0.1:8080/api/x?y=1");
        assert_eq!(joined("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/api/x?y=1");
        assert_eq!(joined("https://example.com/ringback/"), "https://example.com/ringback/api/x?y=1");
        assert_eq!(joined(Environment::Production.base_url()), "https://thingspace.verizon.com/api/x?y=1");
    }

    #[test]
    fn a_root_url_that_could_surprise_is_refused() {
        for base in [
            "",
            "thingspace.verizon.com",
            "ftp://a",
            "http://u:p@a",
            "http://u@a",
            "http://a?q",
            "http://a#f",
        ] {
            assert!(BaseUrl::parse(base).is_err(), "{base}");
        }
    }

    #[test]
    fn an_environment_reads_back_what_it_shows() {
        for environment in [Environment::Production, Environment::Staging, Environment::url("http://a:1")] {
            assert_eq!(environment.to_string().parse::<Environment>().expect("right"), environment);
        }
    }
}
