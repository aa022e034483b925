//! A moment as people write it: a time, or how long ago.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// A moment; on the wire it is RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self(at));
        }
        let ago = humantime::parse_duration(text.strip_suffix(" ago").unwrap_or(text))
            .ok()
            .and_then(|ago| SignedDuration::try_from(ago).ok())
            .and_then(|ago| Timestamp::now().checked_sub(ago).ok());
        ago.map(Self).ok_or_else(|| {
            "must be a time, such as 2026-11-24T10:00:00Z, or how long ago, such as 2h or 7d".to_owned()
        })
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let time: Moment = "2026-11-24T11:00:00+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T10:00:00Z");
        let ago: Moment = "2h".parse().unwrap();
        let distance = Timestamp::now().duration_since(ago.0).as_secs();
        assert!((7200..7260).contains(&distance), "{distance}");
        assert!("yesterday".parse::<Moment>().is_err());
    }
}
