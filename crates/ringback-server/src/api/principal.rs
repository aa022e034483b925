//! Who asks: the bearer token, the session token, and what they are good for.
//!
//! [`Bearer`] and [`Session`] are extractors, so that a handler's arguments say what it demands, and so that the
//! contract's order of checks (bearer, session, then everything else) can't be got wrong.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use ringback_delivery::{AccountId, Timestamp};
use ringback_store::credentials::Digest;
use ringback_store::{Credential, Reach, Scopes};
use ringback_wire::api::Scope;
use ringback_wire::{auth, routes};

use super::problem::Problem;
use super::state::ApiState;

/// The digest domain of access tokens.
pub(super) const TOKEN_DOMAIN: &str = "access-token";
/// The digest domain of session tokens.
pub(super) const SESSION_DOMAIN: &str = "session-token";

/// The longest text that is looked at as a token, in bytes.
const MAX_TOKEN_BYTES: usize = 256;

/// A credential, as far as a request needs it.
#[derive(Debug)]
pub(crate) struct Principal {
    /// Its number in the store.
    pub(crate) credential: i64,
    /// What its operator calls it, for the audit log.
    pub(crate) name: String,
    /// For the log.
    pub(super) client_id: String,
    /// When the token ends.
    pub(super) expires_at: Timestamp,
    scopes: Scopes,
    /// Accounts are sorted, each once.
    reach: Reach,
    at_console: bool,
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// The contract's operations, and reading one's own messages.
    Callbacks,
    /// Publishing.
    Publish,
    /// Looking at messages: any scope will do.
    Messages,
    /// Looking at accounts, trying endpoints, sending again.
    Accounts,
    /// Holding and releasing lanes.
    Operate,
    /// Looking after credentials.
    Credentials,
    /// Looking at the service as a whole.
    Everything,
}

impl Wants {
    /// The scopes of which one is needed.
    pub(super) fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Callbacks => &[Scope::Callbacks],
            Self::Publish => &[Scope::Publish],
            Self::Messages => Scope::ALL,
            Self::Accounts => &[Scope::Callbacks, Scope::Operate],
            Self::Operate | Self::Credentials | Self::Everything => &[Scope::Operate],
        }
    }

    /// 403: the credential is not for this.
    pub(super) fn refusal(self) -> Problem {
        Problem::scope(match self {
            Self::Callbacks => "this needs a credential with the scope callbacks",
            Self::Publish => "this needs a credential with the scope publish",
            Self::Messages => "this needs a credential with a scope",
            Self::Accounts => "this needs a credential with the scope callbacks or operate",
            Self::Operate => "this needs a credential with the scope operate",
            Self::Credentials | Self::Everything => "this needs a credential with the scope operate on '*'",
        })
    }
}

impl Principal {
    /// What this credential may do until then.
    pub(crate) fn of(credential: Credential, expires_at: Timestamp) -> Self {
        let Credential { id, name, client_id, scopes, mut reach, .. } = credential;
        if let Reach::Accounts(accounts) = &mut reach {
            accounts.sort_unstable();
            accounts.dedup();
        }
        Self { credential: id, name, client_id, expires_at, scopes, reach, at_console: false }
    }

    /// The same, of a person at the console.
    pub(crate) fn at_console(credential: Credential, expires_at: Timestamp) -> Self {
        Self { at_console: true, ..Self::of(credential, expires_at) }
    }

    /// Whether it is a person at the console.
    pub(super) fn is_at_console(&self) -> bool {
        self.at_console
    }

    /// What it may be used for.
    pub(crate) fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// Whether the account is among those of the credential.
    pub(crate) fn reaches(&self, account: AccountId) -> bool {
        match &self.reach {
            Reach::Every => true,
            Reach::Accounts(accounts) => accounts.binary_search(&account).is_ok(),
        }
    }

    /// The accounts of the credential.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether it is one of those who run the whole service: the scope operate on `'*'`.
    pub(crate) fn operates_everywhere(&self) -> bool {
        self.scopes.operate && self.reach == Reach::Every
    }

    /// 403 unless the credential's scopes cover it.
    pub(super) fn may(&self, wants: Wants) -> Result<(), Problem> {
        let is_covered = match wants {
            Wants::Credentials | Wants::Everything => self.operates_everywhere(),
            _ => wants.scopes().iter().any(|scope| self.has(*scope)),
        };
        if is_covered { Ok(()) } else { Err(wants.refusal()) }
    }

    fn has(&self, scope: Scope) -> bool {
        match scope {
            Scope::Callbacks => self.scopes.callbacks,
            Scope::Publish => self.scopes.publish,
            Scope::Operate => self.scopes.operate,
        }
    }
}

/// Whom another part of this server has let in by itself, in a request's extensions. Nothing that comes from outside has
/// any.
#[derive(Debug, Clone)]
pub(super) struct Admitted(pub(super) Arc<Principal>);

/// A request with a valid bearer token.
pub(super) struct Bearer(pub(super) Arc<Principal>);

impl FromRequestParts<ApiState> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        match parts.extensions.get::<Admitted>() {
            Some(Admitted(principal)) => Ok(Self(principal.clone())),
            None => admitted(parts, state).await.map(Self),
        }
    }
}

/// Whose bearer token it is, if its requests don't come too fast.
async fn admitted(parts: &Parts, state: &ApiState) -> Result<Arc<Principal>, Problem> {
    let principal = bearer(&parts.headers, state).await?;
    let publishes = parts.method == Method::POST && parts.uri.path() == routes::MESSAGES_PATH;
    let rates = if publishes { &state.publishes } else { &state.requests };
    rates.pass(Instant::now(), principal.credential).map_err(|wait| Problem::too_fast().retry_after(wait))?;
    Ok(principal)
}

async fn bearer(headers: &HeaderMap, state: &ApiState) -> Result<Arc<Principal>, Problem> {
    let token = bearer_token(headers)?;
    let digest = state.store.vault().digest(TOKEN_DOMAIN, token);
    let now = state.clock.now();
    if let Some(principal) = state.cache.get(&digest, now) {
        return Ok(principal);
    }
    let epoch = state.cache.epoch();
    let unknown = Problem::unknown_token;
    let token = state.store.token(digest).await?.filter(|token| now < token.expires_at);
    let token = token.ok_or_else(unknown)?;
    let credential = state.store.credential(token.credential).await?;
    let credential = credential.filter(|known| known.revoked_at.is_none()).ok_or_else(unknown)?;
    let principal = Arc::new(Principal::of(credential, token.expires_at));
    state.cache.put(epoch, digest, principal.clone(), now);
    Ok(principal)
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::access_token("there is no bearer token"))?;
    let malformed = || Problem::access_token("the Authorization header must be Bearer and one token");
    if values.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case(auth::TOKEN_TYPE) || token.is_empty() || token.len() > MAX_TOKEN_BYTES {
        return Err(malformed());
    }
    Ok(token)
}

/// A request with a valid bearer token and a valid session token of the same client.
pub(super) struct Session {
    /// Whose.
    pub(super) principal: Arc<Principal>,
    /// Of the session token.
    pub(super) digest: Digest,
    /// The session token as it came.
    pub(super) token: String,
}

impl FromRequestParts<ApiState> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        if let Some(Admitted(principal)) = parts.extensions.get() {
            return Ok(Self {
                principal: principal.clone(),
                digest: Digest::default(),
                token: String::new(),
            });
        }
        let principal = admitted(parts, state).await?;
        let header = parts.headers.get(auth::SESSION_HEADER).ok_or_else(Problem::no_session)?;
        let invalid = Problem::unknown_session;
        let token = header.to_str().map_err(|_| invalid())?;
        let digest = session_digest(state, token).ok_or_else(invalid)?;
        let session = state.store.session(digest).await?;
        let session =
            session.filter(|session| session.credential == principal.credential).ok_or_else(invalid)?;
        let now = state.clock.now();
        let unused = now.since(session.last_used_at);
        // A use within `session_touch` of the last written one is not written: that much later a session ends.
        if unused >= state.limits.session_idle + state.limits.session_touch {
            return Err(Problem::expired_session());
        }
        if unused >= state.limits.session_touch
            && let Err(error) = state.store.touch_session(now, digest).await
        {
            tracing::warn!(%error, "the use of a session was not written; it may end early");
        }
        Ok(Self { principal, digest, token: token.to_owned() })
    }
}

/// The digest of a GUID in its usual form; capital letters mean the same.
pub(super) fn session_digest(state: &ApiState, token: &str) -> Option<Digest> {
    let guid =
        (token.len() == uuid::fmt::Hyphenated::LENGTH).then(|| uuid::Uuid::try_parse(token).ok())??;
    let mut buffer = uuid::Uuid::encode_buffer();
    let canonical: &str = guid.hyphenated().encode_lower(&mut buffer);
    Some(state.store.vault().digest(SESSION_DOMAIN, canonical))
}
