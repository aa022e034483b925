//! Sessions of the console: a cookie, of which the store keeps a digest, as it does of the API's sessions. So a session works on
//! every node, survives a restart, and ends when its credential is revoked.
//!
//! The cookie says when the session was opened, and so does its digest: nobody can change that.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use ringback_delivery::Timestamp;
use ringback_store::credentials::Digest;
use ringback_store::{Session as Kept, Vault};
use subtle::ConstantTimeEq as _;

use super::Console;
use crate::api::{Principal, Refusal};
use crate::credentials::generate;

/// However much it is used, a session ends after this time.
pub(super) const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// Under TLS: browsers take a cookie of this name only with `Secure`, for this host alone, and for all of its paths.
const SECURE_NAME: &str = "__Host-ringback-console";
/// Without TLS.
const PLAIN_NAME: &str = "ringback-console";

const SESSION_DOMAIN: &str = "console-session";
const FORM_DOMAIN: &str = "console-form";

/// Random bytes of a cookie.
const RANDOM_BYTES: usize = 32;
/// The longest text that is looked at as a cookie's value.
const MOST_BYTES: usize = 128;

/// An open session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    cookie: String,
    opened_at: Timestamp,
}

impl Session {
    /// Opens a session: a new cookie, whatever the browser had.
    pub(super) async fn open(console: &Console, credential: i64) -> Result<Self, Refusal> {
        let now = console.now();
        let random = generate(RANDOM_BYTES).map_err(|error| {
            tracing::error!(%error, "a session could not be opened");
            Refusal::unexpected()
        })?;
        let session = Self { cookie: format!("{}.{}", now.as_millis(), random.expose()), opened_at: now };
        let store = &console.0.api.store;
        let kept = Kept { credential, last_used_at: now };
        store.open_session(session.digest(store.vault()), kept).await?;
        Ok(session)
    }

    /// The session of a request, whether it is open or not.
    pub(super) fn of(headers: &HeaderMap, secure: bool) -> Option<Self> {
        let name = if secure { SECURE_NAME } else { PLAIN_NAME };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
        let mut pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(known, _)| known.trim() == name)?;
        let value = value.trim();
        let (opened_at, _) = value.split_once('.').filter(|_| value.len() <= MOST_BYTES)?;
        let opened_at = Timestamp::from_millis(opened_at.parse().ok()?);
        Some(Self { cookie: value.to_owned(), opened_at })
    }

    /// Whose it is; `None` when it is not open any more. `used` says whether this counts as a use.
    pub(super) async fn principal(
        &self,
        console: &Console,
        used: bool,
    ) -> Result<Option<Principal>, Refusal> {
        let api = &console.0.api;
        let (now, limits) = (api.clock.now(), &api.limits);
        if now.since(self.opened_at) >= LONGEST {
            return Ok(None);
        }
        let digest = self.digest(api.store.vault());
        let Some(kept) = api.store.session(digest).await? else { return Ok(None) };
        let unused = now.since(kept.last_used_at);
        // A use within `session_touch` of the last written one is not written: that much later a session ends.
        if unused >= limits.session_idle + limits.session_touch {
            return Ok(None);
        }
        let credential = api.store.credential(kept.credential).await?;
        let Some(credential) = credential.filter(|known| known.revoked_at.is_none()) else { return Ok(None) };
        if used
            && unused >= limits.session_touch
            && let Err(error) = api.store.touch_session(now, digest).await
        {
            tracing::warn!(%error, "the use of a session was not written; it may end early");
        }
        Ok(Some(Principal::at_console(credential, self.opened_at.after(LONGEST))))
    }

    /// Ends it, for every browser that has it.
    pub(super) async fn close(&self, console: &Console, credential: i64) -> Result<(), Refusal> {
        let store = &console.0.api.store;
        Ok(store.end_session(self.digest(store.vault()), credential).await?)
    }

    /// What each of the session's forms bears, so that no other site can send one.
    pub(super) fn form_token(&self, vault: &Vault) -> String {
        URL_SAFE_NO_PAD.encode(vault.digest(FORM_DOMAIN, &self.cookie))
    }

    /// Whether a form is one of the session's.
    pub(super) fn has_form(&self, vault: &Vault, token: &str) -> bool {
        self.form_token(vault).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The header that gives the cookie to the browser.
    pub(super) fn set_cookie(&self, secure: bool) -> HeaderValue {
        header(&self.cookie, secure, LONGEST)
    }

    /// The header that takes the cookie from the browser.
    pub(super) fn unset_cookie(secure: bool) -> HeaderValue {
        header("", secure, Duration::ZERO)
    }

    fn digest(&self, vault: &Vault) -> Digest {
        vault.digest(SESSION_DOMAIN, &self.cookie)
    }
}

fn header(value: &str, secure: bool, life: Duration) -> HeaderValue {
    let age = life.as_secs();
    let text = if secure {
        format!("{SECURE_NAME}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict; Secure")
    } else {
        format!("{PLAIN_NAME}={value}; Path=/console; Max-Age={age}; HttpOnly; SameSite=Strict")
    };
    // Digits, a dot and base64url: always a header's value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
