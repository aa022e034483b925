//! A span of time as people write it: `15s`, `7d`, `1h 30m`.

use std::time::Duration;

/// Longer than anybody waits for anything, and short enough to be added to any moment.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What is wrong with a span of time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidSpan {
    /// It is none.
    #[error(transparent)]
    Unreadable(#[from] humantime::DurationError),
    /// It is not meant.
    #[error("it must be a hundred years at most (36500d)")]
    TooLong,
}

/// Reads it.
pub(crate) fn span(text: &str) -> Result<Duration, InvalidSpan> {
    let span = humantime::parse_duration(text)?;
    if span > LONGEST { Err(InvalidSpan::TooLong) } else { Ok(span) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_hundred_years_at_most() {
        assert!(matches!(span("1h 30m"), Ok(read) if read == Duration::from_secs(90 * 60)));
        assert!(matches!(span("36500d"), Ok(LONGEST)));
        for too_long in ["36500d 1s", "500000000years"] {
            assert!(matches!(span(too_long), Err(InvalidSpan::TooLong)), "{too_long}");
        }
        assert!(matches!(span("soon"), Err(InvalidSpan::Unreadable(_))));
    }
}
