//! Judging a URL when it is registered, so that its owner learns at once what every delivery would run into.
//!
//! This is a courtesy, not the guard: the guard is in the connector, on the address that is connected to.

use std::time::Duration;

use url::Host;

use super::{CallbackUrl, EgressPolicy, Refusal, Resolve};

/// How long a registration waits for a name to be resolved.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the policy refuses a URL by what it leads to now.
///
/// A name is refused only if it resolves within `timeout`, and to nothing but refused addresses. One that can't be
/// resolved now is accepted: it may exist by the time there is something to send.
///
/// # Errors
///
/// The refusal of the first address.
pub async fn resolve_and_check(
    url: &CallbackUrl,
    policy: &EgressPolicy,
    resolver: &dyn Resolve,
    timeout: Duration,
) -> Result<(), Refusal> {
    url.precheck(policy)?;
    let Host::Domain(name) = &url.destination().host else { return Ok(()) };
    let Ok(Ok(addresses)) = tokio::time::timeout(timeout, resolver.resolve(name)).await else {
        return Ok(());
    };
    let mut first = Ok(());
    for address in addresses {
        match policy.check(address, url.destination().port) {
            Ok(()) => return Ok(()),
            refused => first = first.and(refused),
        }
    }
    first
}
