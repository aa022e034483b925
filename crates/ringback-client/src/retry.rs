//! Whether a request that failed is sent again, and when. No clock and no randomness here: both come in as arguments.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};

/// The statuses that the published SDKs send a request again for, when told to.
pub const RETRY_STATUSES: [u16; 10] = [408, 413, 429, 500, 502, 503, 504, 521, 522, 524];

/// When a failed request is sent again. The default is never, as in the published SDKs.
///
/// A status of [`RETRY_STATUSES`], a failure of transport and a time-out are tried again, for `GET`, `PUT` and `DELETE`, and
/// for requests that can be repeated whatever their method: getting tokens, and publishing, which always has idempotency
/// keys. A `DELETE` whose first answer was lost can find that there is nothing left to deregister.
///
/// The wait doubles from [`RetrySettings::first_wait`] up to [`RetrySettings::longest_wait`], half of it drawn at random. A
/// `Retry-After` that is longer is kept to; one beyond the longest wait ends the trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    retries: u32,
    first_wait: Duration,
    longest_wait: Duration,
    statuses: Vec<u16>,
    methods: Vec<Method>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self::none()
    }
}

impl RetrySettings {
    /// No request is sent again.
    #[must_use]
    pub fn none() -> Self {
        Self::up_to(0)
    }

    /// A request is sent again `retries` times at most: first after about a second, at most a minute apart.
    #[must_use]
    pub fn up_to(retries: u32) -> Self {
        Self {
            retries,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            statuses: RETRY_STATUSES.to_vec(),
            methods: vec![Method::GET, Method::PUT, Method::DELETE],
        }
    }

    /// The wait before the first retry, which later ones double.
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// The longest wait before a retry; a `Retry-After` beyond it ends the trying.
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// The statuses to send again for, in place of [`RETRY_STATUSES`].
    #[must_use]
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// The methods of requests to send again, in place of `GET`, `PUT` and `DELETE`.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    pub(crate) fn has_method(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    pub(crate) fn has_status(&self, status: StatusCode) -> bool {
        self.statuses.contains(&status.as_u16())
    }

    /// The wait before a retry, counted from 0; `None` for no more. `jitter` is from 0 to 1, `asked` a `Retry-After`.
    pub(crate) fn wait(&self, retry: u32, jitter: f64, asked: Option<Duration>) -> Option<Duration> {
        if retry >= self.retries || asked.is_some_and(|asked| asked > self.longest_wait) {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest_wait);
        let drawn = whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        Some(asked.map_or(drawn, |asked| asked.max(drawn)))
    }
}

/// What `Retry-After` asks for: whole seconds, or a date, which is compared with `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// A number from 0 to 1. Without a random number from the system it is 1: the whole wait.
pub(crate) fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |drawn| f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a header"))])
    }

    #[test]
    fn the_default_is_never() {
        assert_eq!(RetrySettings::default().wait(0, 1.0, None), None);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_half_of_each_is_drawn() {
        let settings = RetrySettings::up_to(40).longest_wait(5 * SECOND);
        let waits: Vec<_> = (0..5).filter_map(|retry| settings.wait(retry, 1.0, None)).collect();
        assert_eq!(waits, [SECOND, 2 * SECOND, 4 * SECOND, 5 * SECOND, 5 * SECOND]);
        assert_eq!(settings.wait(1, 0.0, None), Some(SECOND));
        assert_eq!(settings.wait(39, 1.0, None), Some(5 * SECOND));
        assert_eq!(settings.wait(40, 1.0, None), None);
    }

    #[test]
    fn a_longer_retry_after_is_kept_to_and_one_beyond_the_longest_wait_ends_the_trying() {
        let settings = RetrySettings::up_to(1);
        assert_eq!(settings.wait(0, 1.0, Some(7 * SECOND)), Some(7 * SECOND));
        assert_eq!(settings.wait(0, 1.0, Some(Duration::ZERO)), Some(SECOND));
        assert_eq!(settings.wait(0, 1.0, Some(61 * SECOND)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(retry_after(&headers("3"), now), Some(3 * SECOND));
        assert_eq!(retry_after(&headers("Thu, 01 Jan 1970 00:00:05 GMT"), now), Some(5 * SECOND));
        let late = now + Duration::from_secs(60);
        assert_eq!(retry_after(&headers("Thu, 01 Jan 1970 00:00:05 GMT"), late), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers("soon"), now), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
