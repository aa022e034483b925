//! What callbacks are verified with: keys from the environment, or the account's own from the server.

use ringback_client::Client;
use ringback_listener::Check;
use ringback_wire::Secret;

use crate::failure::{Failure, Outcome};

/// Holds the keys to verify with, separated by spaces or commas.
pub(crate) const VARIABLE: &str = "RINGBACK_SIGNING_SECRET";

/// The keys of the environment; none where there are none.
pub(crate) fn of_environment() -> Vec<Secret> {
    let keys = std::env::var(VARIABLE).unwrap_or_default();
    keys.split([' ', ',']).filter(|key| !key.is_empty()).map(Secret::new).collect()
}

/// The keys that the account's callbacks are signed with now: the present one first, then those that it replaces.
///
/// # Errors
///
/// The client's; a server that signs nothing answers 404.
pub(crate) async fn of_account(
    client: &Client,
    account: &str,
) -> Result<Vec<Secret>, ringback_client::Error> {
    let key = client.accounts().signing_key(account).await?.into_result();
    Ok(std::iter::once(key.secret).chain(key.previous.into_iter().map(|previous| previous.secret)).collect())
}

/// A check for a signature by one of them.
pub(crate) fn check(keys: &[Secret]) -> Outcome<Check> {
    Check::signature(keys.iter().map(Secret::expose))
        .map_err(|error| Failure::configuration(format_args!("callbacks can't be verified: {error}")))
}
