//! Sending: from a callback URL and bytes to an [`Outcome`](ringback_delivery::Outcome).
//!
//! The cast: a [`CallbackUrl`] says where to, kept as its owner wrote it; the [`EgressPolicy`] says where callbacks may
//! go; a [`Resolve`] turns names into addresses; the connector joins the three for each new connection; `idle` keeps
//! connections for the next callback; and the [`Sender`] makes one attempt and reports how it ended.
//!
//! The promise: no connection is opened to an address that the policy did not pass. A URL is judged twice: at
//! registration ([`resolve_and_check`]), so that its owner is told at once, and for every connection, on the very
//! address that is then connected to, because a name may mean something else by then. Nothing is sent twice by this
//! module, redirects are not followed, and a proxy is used only where Ringback's own configuration names one.
//!
//! What it tells about a failure may be shown to the tenant: it names no address, no path and no secret.

mod address;
mod connect;
mod egress;
mod endpoint_tls;
mod failure;
mod fair;
mod idle;
mod inspect;
mod known_names;
mod own;
mod precheck;
mod promptness;
mod proxy;
mod refusal;
mod resolve;
mod retry_after;
mod sender;
mod signed;
mod stream;
mod system_resolver;
mod target;
mod tls;
mod trust;

#[cfg(test)]
mod tests;

pub use egress::{EgressMode, EgressPolicy, UnknownEgressMode};
pub use endpoint_tls::{ClientCertificate, EndpointTls};
pub use inspect::{Inspection, inspect};
pub use own::OwnAddresses;
pub use precheck::{RESOLVE_TIMEOUT, resolve_and_check};
pub use proxy::{EgressProxy, InvalidProxy};
pub use refusal::{AddressClass, Refusal};
pub use resolve::{Resolve, Resolving};
pub use retry_after::retry_after;
pub use sender::{InvalidSenderSettings, OutgoingCallback, SendReport, Sender, SenderSettings};
pub(crate) use signed::AGENT;
pub use signed::signed;
pub use system_resolver::SystemResolver;
pub use target::{CallbackUrl, InvalidCallbackUrl};
pub use trust::{InvalidPin, Pin, Roots};
