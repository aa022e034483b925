use std::time::{Duration, SystemTime};

use http::HeaderValue;

/// The longest span that is told apart from a longer one, a leap year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Whatever an endpoint says, it is left alone for a bounded time, and digits are seconds.
pub fn retry_after(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_522_598_580);
    let asked = ringback_server::send::retry_after(&value, now);
    assert!(asked.is_none_or(|asked| asked <= LONGEST), "{asked:?}");
    if !data.is_empty() && data.len() < 6 && data.iter().all(u8::is_ascii_digit) {
        assert!(asked.is_some(), "digits are seconds");
    }
}
