//! Secrets that we generate: random bytes in the URL-safe base64 alphabet, `[A-Za-z0-9_-]` (contract, section 1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringback_store::{KeyError, Secret};

/// The digest domain of OAuth client secrets.
pub const CLIENT_SECRET_DOMAIN: &str = "client-secret";
/// The digest domain of passwords that we generated.
pub(super) const PASSWORD_DOMAIN: &str = "password";

/// The most random bytes that [`generate`] gives.
const MOST_BYTES: usize = 32;

/// A new secret of this many random bytes, 32 at most, as base64url.
///
/// It never begins with a hyphen, so that it can be given to any command line as it is.
///
/// # Errors
///
/// The system gave no randomness.
pub fn generate(bytes: usize) -> Result<Secret, KeyError> {
    loop {
        let random: [u8; MOST_BYTES] = ringback_store::vault::random()?;
        let text = URL_SAFE_NO_PAD.encode(&random[..bytes.min(MOST_BYTES)]);
        if !text.starts_with('-') {
            return Ok(Secret::new(text));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_needs_no_quoting_anywhere() {
        for _ in 0..200 {
            let secret = generate(32).unwrap();
            assert_eq!(secret.expose().len(), 43);
            assert!(!secret.expose().starts_with('-'));
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            assert!(secret.expose().chars().all(plain), "an odd character");
        }
    }
}
