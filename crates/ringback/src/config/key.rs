//! The sealing key, where it is given: the variable, or a file. Never an argument, never in the configuration.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringback_store::{KeyError, KeySource, SealingKey};
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};
use crate::private_file;

/// Holds the sealing key.
const VARIABLE: &str = "RINGBACK_KEY";

/// Whether the variable gives the key.
pub(super) fn is_given() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Where the key comes from: the variable, the file, or else the file beside the database.
pub(crate) fn source(file: Option<&Path>) -> Outcome<KeySource> {
    match (std::env::var(VARIABLE).map(Zeroizing::new), file) {
        (Ok(_), Some(_)) => {
            Err(Failure::configuration("the key is given twice, by RINGBACK_KEY and by a key file: keep one"))
        }
        (Ok(text), None) => parse(&text, VARIABLE).map(KeySource::Given),
        (Err(std::env::VarError::NotUnicode(_)), _) => Err(malformed(VARIABLE)),
        (Err(std::env::VarError::NotPresent), None) => Ok(KeySource::Beside),
        (Err(std::env::VarError::NotPresent), Some(path)) => {
            let text = private_file::read(path).map_err(Failure::configuration)?.ok_or_else(|| {
                Failure::configuration(format_args!("the key file {} is missing", path.display()))
            })?;
            parse(&text, &path.display().to_string()).map(KeySource::Given)
        }
    }
}

/// 64 hexadecimal digits, or base64 of 32 bytes.
fn parse(text: &str, place: &str) -> Outcome<SealingKey> {
    if let Ok(key) = SealingKey::from_hex(text) {
        return Ok(key);
    }
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| malformed(place))?;
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed(place))?;
    Ok(SealingKey::from_bytes(bytes))
}

fn malformed(place: &str) -> Failure {
    Failure::configuration(format_args!("{place}: {}", KeyError::Malformed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_read_as_hex_and_as_base64() {
        let hex = parse(&format!("{}\n", "ab".repeat(32)), "here").unwrap();
        let base64 = parse(&STANDARD.encode([0xab; 32]), "here").unwrap();
        assert!(hex == base64);
    }

    #[test]
    fn a_malformed_key_is_refused_without_being_shown() {
        let error = parse("hunter2", "RINGBACK_KEY").unwrap_err().to_string();
        assert!(error.contains("RINGBACK_KEY") && !error.contains("hunter2"), "{error}");
    }
}
