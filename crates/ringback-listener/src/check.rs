//! What a callback must show before it is believed.

use std::time::Duration;

use ringback_wire::Secret;
use ringback_wire::headers::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use ringback_wire::message::CallbackMessage;
use ringback_wire::signature::{DEFAULT_TOLERANCE_SECONDS, KeyError, Verifier, VerifyingKey, WebhookHeaders};

use crate::{Headers, Rejection};

/// What a callback must show: a signature, the registration's user name and password, both, or, said explicitly, nothing.
///
/// Several signing keys, or several pairs of user name and password, are alternatives: one of them has to be right. That
/// is how either is rotated without losing a callback. Where a signature *and* credentials are asked for, both have to be
/// right. All are taken for all accounts: where accounts must not be able to speak for each other, give each a listener.
///
/// `Debug` shows no secret.
///
/// ```
/// use ringback_listener::Check;
///
/// // From Ringback: the account's signing key; the old one too, while it is being rotated.
/// let check = Check::signature(["whsec_bmV3IGtleSBuZXcga2V5IG5ldyBrZXku", "whsec_b2xkIGtleSBvbGQga2V5IG9sZCBrZXku"])?;
/// // From ThingSpace: what the callback was registered with.
/// let check = Check::credentials("fota-user", "fota-pass")?;
/// // From ThingSpace, registered without a user name and password. Whoever finds the URL can send anything.
/// let check = Check::unverified();
/// # Ok::<(), ringback_listener::CheckError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Check {
    signature: Option<Signature>,
    credentials: Vec<Credentials>,
}

#[derive(Debug, Clone)]
struct Signature {
    keys: Vec<VerifyingKey>,
    tolerance: u64,
    verifier: Verifier,
}

#[derive(Debug, Clone)]
struct Credentials {
    username: Secret,
    password: Secret,
}

/// Why something is not a check: it would let everything in, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// No key was given.
    #[error("a signature can't be checked without a key")]
    NoKey,
    /// A key is none.
    #[error("a signing key is wrong: {0}")]
    Key(#[from] KeyError),
    /// An empty password is what a message of *every* registration without one bears.
    #[error("an empty password checks nothing; Check::unverified() says so")]
    EmptyPassword,
}

impl Check {
    /// Asks for a Standard Webhooks signature by one of these keys: `whsec_…` for `v1`, `whpk_…` for `v1a`. Its timestamp may
    /// be 5 minutes away; see [`Check::tolerance`].
    ///
    /// # Errors
    /// [`CheckError::NoKey`], [`CheckError::Key`].
    pub fn signature<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self, CheckError> {
        Self::unverified().and_signature(keys)
    }

    /// Asks for the user name and password of the registration, in the message's body. They are compared in constant time;
    /// only their length can be learned.
    ///
    /// # Errors
    /// [`CheckError::EmptyPassword`].
    pub fn credentials(username: impl Into<Secret>, password: impl Into<Secret>) -> Result<Self, CheckError> {
        Self::unverified().and_credentials(username, password)
    }

    /// Asks for nothing: whoever can reach the listener can send it anything. For ThingSpace, if the callback was registered
    /// without a password, behind something else that keeps strangers out.
    #[must_use]
    pub fn unverified() -> Self {
        Self { signature: None, credentials: Vec::new() }
    }

    /// Asks for a signature too, or takes more keys for it.
    ///
    /// # Errors
    /// As [`Check::signature`].
    pub fn and_signature<K: AsRef<str>>(
        mut self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self, CheckError> {
        let (mut all, tolerance) = match self.signature.take() {
            Some(signature) => (signature.keys, signature.tolerance),
            None => (Vec::new(), DEFAULT_TOLERANCE_SECONDS),
        };
        let before = all.len();
        for key in keys {
            all.push(VerifyingKey::parse(key.as_ref())?);
        }
        if all.len() == before {
            return Err(CheckError::NoKey);
        }
        self.signature = Some(Signature::new(all, tolerance));
        Ok(self)
    }

    /// Asks for a user name and password too, or takes another pair of them.
    ///
    /// # Errors
    /// As [`Check::credentials`].
    pub fn and_credentials(
        mut self,
        username: impl Into<Secret>,
        password: impl Into<Secret>,
    ) -> Result<Self, CheckError> {
        let credentials = Credentials { username: username.into(), password: password.into() };
        if credentials.password.is_empty() {
            return Err(CheckError::EmptyPassword);
        }
        self.credentials.push(credentials);
        Ok(self)
    }

    /// Allows a signature's timestamp to be this far from now, before or after, in whole seconds. Nothing to do where no
    /// signature is asked for.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.signature = self.signature.map(|signature| Signature::new(signature.keys, tolerance.as_secs()));
        self
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.signature.is_none() && self.credentials.is_empty()
    }

    /// The part that needs only the bytes, and comes before they are read; `now` in Unix seconds.
    pub(crate) fn signed(
        &self,
        headers: &(impl Headers + ?Sized),
        body: &[u8],
        now: i64,
    ) -> Result<(), Rejection> {
        let Some(signature) = &self.signature else { return Ok(()) };
        let header = |name| headers.value(name).ok_or(Rejection::MissingHeader(name));
        let given = WebhookHeaders {
            id: header(WEBHOOK_ID)?,
            timestamp: header(WEBHOOK_TIMESTAMP)?,
            signature: header(WEBHOOK_SIGNATURE)?,
        };
        signature.verifier.verify(given, body, now).map_err(Rejection::Signature)
    }

    /// The part that needs the message. Every pair is compared whole, whichever is right.
    pub(crate) fn knows(&self, message: &CallbackMessage) -> Result<(), Rejection> {
        if self.credentials.is_empty() {
            return Ok(());
        }
        let right = self.credentials.iter().fold(false, |right, pair| {
            right
                | (pair.username.matches(&message.username)
                    & pair.password.matches(message.password.expose()))
        });
        if right { Ok(()) } else { Err(Rejection::Credentials) }
    }
}

impl Signature {
    fn new(keys: Vec<VerifyingKey>, tolerance: u64) -> Self {
        let verifier = Verifier::new(keys.clone()).with_tolerance(tolerance);
        Self { keys, tolerance, verifier }
    }
}
