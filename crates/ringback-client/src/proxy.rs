//! The proxy that requests go through.

use ringback_wire::Secret;

use crate::BuildError;

/// A proxy. `Debug` shows neither its password nor its URL, in which one may stand.
#[derive(Clone)]
pub struct Proxy {
    url: Secret,
    login: Option<(String, Secret)>,
}

impl Proxy {
    /// A proxy by its URL, as in `http://proxy.example:3128`.
    pub fn new(url: impl Into<Secret>) -> Self {
        Self { url: url.into(), login: None }
    }

    /// What the proxy asks for.
    #[must_use]
    pub fn login(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.login = Some((name.into(), password.into()));
        self
    }

    pub(crate) fn build(&self) -> Result<reqwest::Proxy, BuildError> {
        let proxy =
            reqwest::Proxy::all(self.url.expose()).map_err(|error| BuildError::Proxy(error.without_url()))?;
        Ok(match &self.login {
            None => proxy,
            Some((name, password)) => proxy.basic_auth(name, password.expose()),
        })
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}
