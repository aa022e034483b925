//! Which URL the account's callbacks go to: the built-in listener's, unless a person registered another.

use std::fmt;
use std::net::SocketAddr;

use ringback_client::Client;
use ringback_wire::v1::{CallbackService, FotaV1CallbackRegistrationRequest};
use url::Url;

use super::ACCOUNT;
use crate::failure::Outcome;

/// What tells a built-in listener's URL from a person's, whatever port it had.
const PATH: &str = "/ringback-dev-listener";

/// The registration in force.
pub(super) enum InForce {
    /// The built-in listener's, at this URL.
    BuiltIn(String),
    /// A person's.
    Own(String),
}

/// The URL of a built-in listener.
pub(super) fn listener_url(address: SocketAddr) -> String {
    format!("http://{address}{PATH}")
}

/// Registers the built-in listener, unless a person registered another URL.
pub(super) async fn take_up(client: &Client, listener_url: &str) -> Outcome<InForce> {
    let callbacks = client.software_management_callbacks_v1();
    let registered = callbacks.list_registered_callbacks(ACCOUNT).await?.result;
    let own = registered.into_iter().filter_map(|one| one.url).find(|url| !is_built_in(url));
    if let Some(url) = own {
        return Ok(InForce::Own(url));
    }
    let request = FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.as_str().to_owned(),
        url: listener_url.to_owned(),
        username: None,
        password: None,
    };
    callbacks.register_callback(ACCOUNT, &request).await?;
    Ok(InForce::BuiltIn(listener_url.to_owned()))
}

fn is_built_in(url: &str) -> bool {
    url.parse::<Url>().is_ok_and(|url| url.host_str() == Some("127.0.0.1") && url.path() == PATH)
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(url) => write!(f, "callbacks of {ACCOUNT} go to the built-in listener, {url}"),
            Self::Own(url) => write!(
                f,
                "callbacks of {ACCOUNT} go to {url}, which was registered earlier and is left as it is; the built-in \
                 listener gets none, and no samples are published"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_listener_is_known_whatever_its_port_and_nothing_else_is() {
        assert!(is_built_in(&listener_url(SocketAddr::from(([127, 0, 0, 1], 4711)))));
        assert!(!is_built_in("http://127.0.0.1:9000/callbacks"));
        assert!(!is_built_in("http://example.com/ringback-dev-listener"));
    }
}
