//! A span of time as people write it.

use std::str::FromStr;
use std::time::Duration;

use crate::span::{InvalidSpan, span};

/// A span of time as people write it: `15s`, `7d`, `1h 30m`.
pub(super) struct Time(pub(super) Duration);

impl FromStr for Time {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        span(text).map(Self)
    }
}
