//! The tokens that the client got, for whoever shows a person how to call the API.

use std::sync::{Arc, Mutex, PoisonError};

use ringback_client::NewToken;
use ringback_wire::Secret;

/// The tokens that the client got last.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<Pair>>);

#[derive(Default)]
struct Pair {
    bearer: Secret,
    session: Secret,
}

impl Tokens {
    /// What the client is to call.
    pub(super) fn hook(&self) -> impl Fn(NewToken<'_>) + Send + Sync + 'static {
        let tokens = self.clone();
        move |token| {
            let mut pair = tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
            match token {
                NewToken::Access(access) => pair.bearer = access.token.clone(),
                NewToken::Session(session) => pair.session = session.clone(),
                _ => {}
            }
        }
    }

    /// The access token; empty before there is one.
    pub(super) fn bearer(&self) -> Secret {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bearer.clone()
    }

    /// The session; empty before there is one.
    pub(super) fn session(&self) -> Secret {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).session.clone()
    }
}
