//! The two tokens of a request: got when first needed, shared, renewed before they end, and got anew when they are refused.

mod acquire;
mod slot;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ringback_wire::Secret;
use ringback_wire::auth::{SESSION_HEADER, SESSION_IDLE_SECONDS};
use tokio::time::Instant;

use crate::http::Http;
use crate::{AccessToken, AuthenticationError, BuildError, Credentials, Error, wall_clock};
use slot::{Held, Slot};

/// How long before its end an access token is renewed, if it lives long enough.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// After how much time without use a session is not tried any more.
const SESSION_IDLE: Duration = Duration::from_secs(SESSION_IDLE_SECONDS - 30);

/// A token that was just got, for [`crate::ClientBuilder::on_new_token`].
#[derive(Debug)]
#[non_exhaustive]
pub enum NewToken<'a> {
    /// An access token, good for [`Credentials::access_token`].
    Access(&'a AccessToken),
    /// A session token, good for [`Credentials::session_token`].
    Session(&'a Secret),
}

/// What an application wants to be told of new tokens.
pub(crate) type TokenHook = Arc<dyn Fn(NewToken<'_>) + Send + Sync>;

/// Which tokens a request bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The access token: Ringback's own API.
    Bearer,
    /// The access token and the session token: ThingSpace's.
    BearerAndSession,
}

/// The tokens of a client.
pub(crate) struct Tokens {
    http: Arc<Http>,
    /// `Authorization: Basic …`, from the OAuth client's id and secret.
    basic: Option<HeaderValue>,
    user: Option<(String, Secret)>,
    hook: Option<TokenHook>,
    access: Slot,
    session: Slot,
    has_session: bool,
}

/// The tokens that one request bears.
#[derive(Clone)]
pub(crate) struct Pair {
    access: Arc<Held>,
    session: Option<Arc<Held>>,
}

impl Pair {
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        headers.insert(header::AUTHORIZATION, self.access.header.clone());
        if let Some(session) = &self.session {
            headers.insert(session_header(), session.header.clone());
        }
    }
}

fn session_header() -> HeaderName {
    // The contract's spelling has upper case, which a HeaderName has not.
    HeaderName::from_bytes(SESSION_HEADER.as_bytes()).unwrap_or(HeaderName::from_static("vz-m2m-token"))
}

impl Tokens {
    pub(crate) fn new(
        http: Arc<Http>,
        given: Credentials,
        hook: Option<TokenHook>,
    ) -> Result<Self, BuildError> {
        if given.is_empty() {
            return Err(BuildError::NoCredentials);
        }
        let basic = given.client.map(|(id, secret)| acquire::basic(&id, &secret)).transpose()?;
        let has_session = given.user.is_some() || given.session_token.is_some();
        let access = match given.access_token {
            None => None,
            Some(AccessToken { token, expires_at }) => {
                let header = bearer(&token).ok_or(BuildError::UnusableCredential { what: "access token" })?;
                let life = expires_at.map(|at| at.duration_since(wall_clock::now()).unwrap_or_default());
                // A token that can't be renewed is used to its end and beyond: the server decides.
                let stale_at =
                    life.filter(|_| basic.is_some()).and_then(|life| stale_at(Instant::now(), life));
                Some(Held::until(header, stale_at))
            }
        };
        let session = match given.session_token {
            None => None,
            Some(token) => {
                let header = sensitive(token.expose());
                let header = header.ok_or(BuildError::UnusableCredential { what: "session token" })?;
                // Nobody knows when it was used last, and it may be all there is: a 401 will tell.
                Some(Held::until(header, None))
            }
        };
        Ok(Self {
            http,
            basic,
            user: given.user,
            hook,
            access: Slot::with(access),
            session: Slot::with(session),
            has_session,
        })
    }

    /// The tokens for a request, got if need be.
    pub(crate) async fn get(self: &Arc<Self>, needs: Needs) -> Result<Pair, Error> {
        if needs == Needs::BearerAndSession && !self.has_session {
            return Err(AuthenticationError::NoSession.into());
        }
        let access = self.access().await?;
        let session = match needs {
            Needs::Bearer => None,
            Needs::BearerAndSession => Some(self.session().await?),
        };
        Ok(Pair { access, session })
    }

    async fn access(self: &Arc<Self>) -> Result<Arc<Held>, Error> {
        if let Some(held) = self.access.held(Instant::now()) {
            return Ok(held);
        }
        let flight = self.access.join(|| {
            let tokens = Arc::clone(self);
            async move { tokens.access.land(tokens.acquire_access().await) }.boxed()
        });
        flight.await
    }

    async fn session(self: &Arc<Self>) -> Result<Arc<Held>, Error> {
        if let Some(held) = self.session.held(Instant::now()) {
            return Ok(held);
        }
        let flight = self.session.join(|| {
            let tokens = Arc::clone(self);
            async move { tokens.session.land(tokens.acquire_session().await) }.boxed()
        });
        flight.await
    }

    /// Forgets the access token of a request that was refused for it, if another can be had.
    pub(crate) fn discard_access(&self, refused: &Pair) -> bool {
        let renewable = self.basic.is_some();
        if renewable {
            self.access.discard(&refused.access);
        }
        renewable
    }

    /// Forgets the session token of a request that was refused for it, if another can be had.
    pub(crate) fn discard_session(&self, refused: &Pair) -> bool {
        let renewable = self.user.is_some();
        if let (true, Some(session)) = (renewable, &refused.session) {
            self.session.discard(session);
        }
        renewable && refused.session.is_some()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// When a token that lives for so long from now is to be renewed: a minute before its end, or, if it lives for less than five,
/// after four fifths of its life.
fn stale_at(now: Instant, life: Duration) -> Option<Instant> {
    now.checked_add(life - RENEW_BEFORE.min(life / 5))
}

fn bearer(token: &Secret) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {}", token.expose()))
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(value).ok()?;
    header.set_sensitive(true);
    Some(header)
}
