//! `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date in one of HTTP's three forms.

use std::time::{Duration, SystemTime};

use http::HeaderValue;

/// The longest span that is told apart from a longer one. The lane honours far less; this keeps sums of times in range.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long the endpoint asks to be left alone, from `now`, the time at which its answer came.
///
/// A date that has passed is a span of zero; what is neither seconds nor a date is nothing. Spans over a year are given
/// as 366 days.
pub fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let span = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that don't fit are a number all the same: a very large one.
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(span.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 784111777 is RFC 9110's own example: Sun, 06 Nov 1994 08:49:37 GMT.
    fn seconds(value: &str) -> Option<u64> {
        let ten_seconds_before = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_767);
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        retry_after(&value, ten_seconds_before).map(|span| span.as_secs())
    }

    #[test]
    fn seconds_are_a_span() {
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 7 "), Some(7));
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(10));
        assert_eq!(seconds("Sunday, 06-Nov-94 08:49:37 GMT"), Some(10));
        assert_eq!(seconds("Sun Nov  6 08:49:37 1994"), Some(10));
    }

    #[test]
    fn a_date_that_has_passed_is_a_span_of_zero() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
    }

    #[test]
    fn a_span_of_more_than_a_year_is_cut() {
        assert_eq!(seconds("99999999999999999999999999"), Some(LONGEST.as_secs()));
        assert_eq!(seconds("31622401"), Some(LONGEST.as_secs()));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST.as_secs()));
    }

    #[test]
    fn anything_else_says_nothing() {
        for value in ["", "-1", "+5", "1.5", "soon", "5 s", "Sun, 06 Nov 1994 08:49:37 +0100", "\u{e9}"] {
            assert_eq!(seconds(value), None, "{value:?}");
        }
    }
}
