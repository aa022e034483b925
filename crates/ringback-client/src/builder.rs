//! How a client is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;

use crate::credentials::variable;
use crate::environment::BaseUrl;
use crate::http::Http;
use crate::tokens::{NewToken, TokenHook, Tokens};
use crate::{BuildError, Client, Credentials, Environment, Proxy, RetrySettings, tls};

/// The time-out of the published SDKs.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// A response's body at most, unless it is set otherwise.
const DEFAULT_MAX_RESPONSE_BYTES: usize = 64 << 20;
/// The variable with the server's URL.
const URL_VARIABLE: &str = "RINGBACK_URL";
const USER_AGENT: &str = concat!("ringback-client/", env!("CARGO_PKG_VERSION"));

/// What an application changes about the HTTP client.
type HttpClientChange = Box<dyn FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send>;

/// Settings of a [`Client`]. An environment and credentials must be given; the rest has defaults.
#[must_use]
pub struct ClientBuilder {
    environment: Option<Environment>,
    credentials: Credentials,
    timeout: Duration,
    max_response_bytes: usize,
    retry: RetrySettings,
    proxy: Option<Proxy>,
    no_proxy: bool,
    roots: Vec<CertificateDer<'static>>,
    http_client: Option<HttpClientChange>,
    hook: Option<TokenHook>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            environment: None,
            credentials: Credentials::new(),
            timeout: DEFAULT_TIMEOUT,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            retry: RetrySettings::none(),
            proxy: None,
            no_proxy: false,
            roots: Vec::new(),
            http_client: None,
            hook: None,
        }
    }

    /// The server to speak to. There is no default.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// What to log in with.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Takes the environment from `RINGBACK_URL` (a URL, `production` or `staging`), if it is set, and the credentials as
    /// [`Credentials::from_env`] does. The published SDKs' `ENVIRONMENT` is not read: many programs have a variable of that
    /// name, and none of them means ThingSpace's production by it.
    ///
    /// # Errors
    /// [`BuildError::HalfAPair`], [`BuildError::BaseUrl`].
    pub fn from_env(self) -> Result<Self, BuildError> {
        self.from_lookup(variable)
    }

    /// [`ClientBuilder::from_env`] with another source of variables.
    ///
    /// # Errors
    /// As [`ClientBuilder::from_env`].
    pub fn from_lookup(mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        if let Some(text) = lookup(URL_VARIABLE).filter(|text| !text.is_empty()) {
            self.environment = Some(text.parse()?);
        }
        self.credentials = Credentials::from_lookup(lookup)?;
        Ok(self)
    }

    /// How long one HTTP exchange may take, from the connection to the body's last byte; 60 seconds where not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A response's body at most, in bytes; 64 MiB where not set.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// When failed requests are sent again; never where not set.
    pub fn retry(mut self, settings: RetrySettings) -> Self {
        self.retry = settings;
        self
    }

    /// The proxy for all requests. Where not set, the usual variables (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) are followed.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// No proxy, whatever the environment's variables say.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = None;
        self.no_proxy = true;
        self
    }

    /// Root certificates to trust beside the web's, as PEM.
    ///
    /// # Errors
    /// [`BuildError::RootCertificates`] if there is none in the text, or one can't be read.
    pub fn add_root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<Self, BuildError> {
        self.roots.extend(tls::certificates(pem.as_ref())?);
        Ok(self)
    }

    /// A HTTP client of your own, or changes to this crate's: resolver, connector, client certificates and so on. The function is
    /// given a builder with TLS, roots and proxy as set here, and gives back that one or another; another one must bring its own
    /// TLS settings, as there is no default provider in `reqwest` as it is built here. One thing is set afterwards, which is why
    /// it is not a finished client: no redirect is followed, as session tokens would be sent along.
    ///
    /// ```no_run
    /// # fn example(builder: ringback_client::ClientBuilder) {
    /// let builder = builder.http_client(|http| http.pool_max_idle_per_host(2).https_only(true));
    /// # }
    /// ```
    pub fn http_client(
        mut self,
        change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + 'static,
    ) -> Self {
        self.http_client = Some(Box::new(change));
        self
    }

    /// Is called with every token that is got, once and before it is used, so that it can be kept for the next start. It is
    /// called by whoever needed the token and should be quick.
    pub fn on_new_token(mut self, hook: impl Fn(NewToken<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`BuildError`]: no environment, no credentials, or a setting that can't be.
    pub fn build(self) -> Result<Client, BuildError> {
        let environment = self.environment.as_ref().ok_or(BuildError::NoEnvironment)?;
        let base = BaseUrl::parse(environment.base_url())?;
        let mut client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls::config(self.roots)?);
        if self.no_proxy {
            client = client.no_proxy();
        }
        if let Some(proxy) = &self.proxy {
            client = client.proxy(proxy.build()?);
        }
        if let Some(change) = self.http_client {
            client = change(client);
        }
        let client = client.redirect(Policy::none()).build().map_err(BuildError::HttpClient)?;
        let http = Arc::new(Http {
            client,
            base,
            timeout: self.timeout,
            max_response_bytes: self.max_response_bytes,
            retry: self.retry,
        });
        let tokens = Tokens::new(Arc::clone(&http), self.credentials, self.hook)?;
        Ok(Client::new(http, Arc::new(tokens)))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("environment", &self.environment)
            .field("credentials", &self.credentials)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_comes_from_the_environment_only_under_our_own_name() {
        let lookup = |name: &str| match name {
            "RINGBACK_URL" => Some("staging".to_owned()),
            "ENVIRONMENT" => Some("production".to_owned()),
            _ => None,
        };
        let builder = ClientBuilder::new().from_lookup(lookup).expect("right");
        assert_eq!(builder.environment, Some(Environment::Staging));
        let builder = ClientBuilder::new().from_lookup(|name| lookup(name).filter(|_| name != URL_VARIABLE));
        assert_eq!(builder.expect("right").environment, None);
    }
}
