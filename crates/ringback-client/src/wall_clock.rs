//! The time of day, for what other machines say in dates. Nothing is measured with it.

use std::time::SystemTime;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place: dates of other machines are compared with the wall clock"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
