//! Who visits: somebody who has logged in. A page takes a [`Visitor`], so that none can be had without one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, Method};
use ringback_store::Reach;

use super::session::Session;
use super::{Console, address, refused};
use crate::api::{Peer, Principal};

/// A request of the page's own script, which looks again by itself: no use of the session.
pub(super) const REFRESH_HEADER: &str = "x-ringback-refresh";

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// What they may see and do.
    pub(super) principal: Arc<Principal>,
    /// Their session.
    pub(super) session: Session,
    /// What their forms bear.
    pub(super) form_token: String,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The client's address.
    pub(super) client: IpAddr,
    /// Whether the client speaks TLS.
    pub(super) secure: bool,
}

impl Visitor {
    /// The visitor whose session a request bears, if it is open.
    pub(super) async fn of(
        console: &Console,
        headers: &HeaderMap,
        origin: Origin,
    ) -> Result<Option<Self>, Response> {
        let Some(session) = Session::of(headers, origin.secure) else { return Ok(None) };
        let used = !headers.contains_key(REFRESH_HEADER);
        let principal = session.principal(console, used).await.map_err(|refusal| refused::bare(&refusal))?;
        let form_token = session.form_token(console.0.api.store.vault());
        Ok(principal.map(|principal| Self { principal: Arc::new(principal), session, form_token }))
    }

    /// Whether they see every account.
    pub(super) fn reaches_everything(&self) -> bool {
        *self.principal.reach() == Reach::Every
    }

    /// Whether they run the whole service.
    pub(super) fn sees_everything(&self) -> bool {
        self.principal.operates_everywhere()
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let origin = Origin::of(parts);
        match Self::of(console, &parts.headers, origin).await? {
            Some(visitor) => Ok(visitor),
            None => Err(to_login(parts)),
        }
    }
}

/// To the log-in, and back from there to a page that was asked for.
fn to_login(parts: &Parts) -> Response {
    let asked = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
    let asked = asked.map(|asked| asked.as_str()).filter(|asked| *asked != "/console");
    let Some(asked) = asked else { return Redirect::to("/console/login").into_response() };
    let query = address::query([("next", asked)]);
    Redirect::to(&format!("/console/login?{query}")).into_response()
}

impl Origin {
    /// As the listener says.
    pub(super) fn of(parts: &Parts) -> Self {
        match parts.extensions.get::<Peer>() {
            Some(peer) => Self { client: peer.client, secure: peer.secure },
            None => Self { client: IpAddr::V4(Ipv4Addr::UNSPECIFIED), secure: false },
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}
