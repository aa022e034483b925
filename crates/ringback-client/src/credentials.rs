//! Who the client is: the OAuth client, the session's user, or tokens that are there already.

use std::time::SystemTime;

use ringback_wire::Secret;

use crate::BuildError;

/// The names that this program's own family reads, as pairs.
const CLIENT: (&str, &str) = ("RINGBACK_CLIENT_ID", "RINGBACK_CLIENT_SECRET");
const USER: (&str, &str) = ("RINGBACK_USERNAME", "RINGBACK_PASSWORD");
/// What `from_environment` of the published ThingSpace SDKs reads, in the order in which they are tried here.
const SDK_CLIENTS: [(&str, &str); 2] = [
    ("THINGSPACE_OAUTH_OAUTH_CLIENT_ID", "THINGSPACE_OAUTH_OAUTH_CLIENT_SECRET"),
    ("THINGSPACE_OAUTH_1_OAUTH_CLIENT_ID", "THINGSPACE_OAUTH_1_OAUTH_CLIENT_SECRET"),
];
const SDK_SESSION_TOKENS: [&str; 2] = ["VZ_M2M_TOKEN_VZ_M2M_TOKEN", "SESSION_TOKEN_SESSION_TOKEN"];

/// An access token that was kept, with the time at which it ends, if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token, as it stands after `Bearer `.
    pub token: Secret,
    /// When it ends. Where it is not known, the token is used until a 401.
    pub expires_at: Option<SystemTime>,
}

impl AccessToken {
    /// A token whose end is not known.
    pub fn new(token: impl Into<Secret>) -> Self {
        Self { token: token.into(), expires_at: None }
    }
}

/// What a client logs in with. `Debug` shows names and no secrets.
///
/// Every request needs an access token: from an OAuth client's id and secret, or ready-made. Software Management Callbacks
/// V1 needs a session besides: from a user name and a password, or ready-made. Ringback's own API needs no session. A
/// ready-made token is used first; with an id and a secret (a user name and a password) beside it, it is replaced when it
/// ends.
///
/// ```
/// use ringback_client::Credentials;
///
/// let credentials = Credentials::new().client("id", "secret").user("name", "password");
/// assert!(!format!("{credentials:?}").contains("secret\""));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub(crate) client: Option<(String, Secret)>,
    pub(crate) user: Option<(String, Secret)>,
    pub(crate) access_token: Option<AccessToken>,
    pub(crate) session_token: Option<Secret>,
}

impl Credentials {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The OAuth client's id and secret.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        self.client = Some((id.into(), secret.into()));
        self
    }

    /// The user name and password that sessions are opened with.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// A ready access token.
    #[must_use]
    pub fn access_token(mut self, token: AccessToken) -> Self {
        self.access_token = Some(token);
        self
    }

    /// A ready session token, the value of `VZ-M2M-Token`.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<Secret>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// Whether there is nothing to get an access token from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.client.is_none() && self.access_token.is_none()
    }

    /// What the process's environment variables say: see [`Credentials::from_lookup`].
    ///
    /// # Errors
    /// As [`Credentials::from_lookup`].
    pub fn from_env() -> Result<Self, BuildError> {
        Self::from_lookup(variable)
    }

    /// What variables say. `RINGBACK_CLIENT_ID` with `RINGBACK_CLIENT_SECRET`, else what the published ThingSpace SDKs read:
    /// `THINGSPACE_OAUTH_OAUTH_CLIENT_ID` with `…_SECRET`, `THINGSPACE_OAUTH_1_OAUTH_CLIENT_ID` with `…_SECRET`;
    /// `RINGBACK_USERNAME` with `RINGBACK_PASSWORD`, else, if the client is not Ringback's (whose server must not get a token of
    /// ThingSpace's), a session token in `VZ_M2M_TOKEN_VZ_M2M_TOKEN` or `SESSION_TOKEN_SESSION_TOKEN`. An empty one counts as not
    /// set. What is not set is left out: it may be none at all.
    ///
    /// # Errors
    /// [`BuildError::HalfAPair`] if one of two that belong together is missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mut credentials = Self::new();
        for pair in [CLIENT, SDK_CLIENTS[0], SDK_CLIENTS[1]] {
            if credentials.client.is_none() {
                credentials.client = read_pair(get, pair)?;
            }
        }
        credentials.user = read_pair(get, USER)?;
        let is_ours = get(CLIENT.0).is_some();
        if credentials.user.is_none() && !is_ours {
            credentials.session_token = SDK_SESSION_TOKENS.into_iter().find_map(get).map(Secret::from);
        }
        Ok(credentials)
    }
}

/// A variable of the process. One that is not Unicode counts as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read_pair(
    get: impl Fn(&str) -> Option<String>,
    (name, secret): (&'static str, &'static str),
) -> Result<Option<(String, Secret)>, BuildError> {
    match (get(name), get(secret)) {
        (Some(value), Some(hidden)) => Ok(Some((value, hidden.into()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(BuildError::HalfAPair { set: name, missing: secret }),
        (None, Some(_)) => Err(BuildError::HalfAPair { set: secret, missing: name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Credentials, BuildError> {
        Credentials::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn our_own_names_go_before_those_of_the_published_sdks() {
        let credentials = read(&[
            ("THINGSPACE_OAUTH_OAUTH_CLIENT_ID", "theirs"),
            ("THINGSPACE_OAUTH_OAUTH_CLIENT_SECRET", "theirs"),
            ("RINGBACK_CLIENT_ID", "ours"),
            ("RINGBACK_CLIENT_SECRET", "hush"),
            ("RINGBACK_USERNAME", "name"),
            ("RINGBACK_PASSWORD", "pass"),
            ("VZ_M2M_TOKEN_VZ_M2M_TOKEN", "token"),
        ])
        .expect("right");
        assert_eq!(credentials.client, Some(("ours".to_owned(), Secret::new("hush"))));
        assert_eq!(credentials.user, Some(("name".to_owned(), Secret::new("pass"))));
        assert_eq!(credentials.session_token, None);
    }

    #[test]
    fn the_published_sdks_names_are_read() {
        let credentials = read(&[
            ("RINGBACK_CLIENT_ID", ""),
            ("THINGSPACE_OAUTH_1_OAUTH_CLIENT_ID", "theirs"),
            ("THINGSPACE_OAUTH_1_OAUTH_CLIENT_SECRET", "hush"),
            ("SESSION_TOKEN_SESSION_TOKEN", "token"),
        ])
        .expect("right");
        assert_eq!(credentials.client, Some(("theirs".to_owned(), Secret::new("hush"))));
        assert_eq!(credentials.session_token, Some(Secret::new("token")));
    }

    #[test]
    fn a_session_token_of_thingspace_s_does_not_go_with_a_client_of_ringback_s() {
        let credentials = read(&[
            ("RINGBACK_CLIENT_ID", "ours"),
            ("RINGBACK_CLIENT_SECRET", "hush"),
            ("VZ_M2M_TOKEN_VZ_M2M_TOKEN", "token"),
        ]);
        assert_eq!(credentials.expect("right").session_token, None);
    }

    #[test]
    fn half_a_pair_is_an_error_that_names_the_other_half() {
        let error = read(&[("RINGBACK_CLIENT_ID", "ours")]).expect_err("half");
        assert!(error.to_string().contains("RINGBACK_CLIENT_SECRET"), "{error}");
    }

    #[test]
    fn credentials_do_not_show_their_secrets() {
        let credentials = Credentials::new()
            .client("id", "hush1")
            .user("name", "hush2")
            .session_token("hush3")
            .access_token(AccessToken::new("hush4"));
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
