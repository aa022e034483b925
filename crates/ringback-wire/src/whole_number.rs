//! Whole numbers as JSON has them: `3` and `3.0` are the same number, and some languages write the latter.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// The doubles below this are whole numbers exactly.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number that is not negative.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Whole)
}

/// The same, or nothing where there is `null`.
pub(crate) fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_option(Optional)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        if number.fract() == 0.0 && (0.0..MOST_EXACT).contains(&number) {
            return Ok(number as u64);
        }
        Err(E::invalid_value(Unexpected::Float(number), &self))
    }
}

struct Optional;

impl<'de> Visitor<'de> for Optional {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Whole.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        read(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::api::{AckRequest, CredentialPatch, SigningKeyRotateRequest};

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let through = |text: &str| serde_json::from_str::<AckRequest>(text).map(|ack| ack.through);
        assert_eq!(through(r#"{"through":3}"#).unwrap(), 3);
        assert_eq!(through(r#"{"through":3.0}"#).unwrap(), 3);
        assert_eq!(through(r#"{"through":3e2}"#).unwrap(), 300);
        assert_eq!(through(r#"{"through":18446744073709551615}"#).unwrap(), u64::MAX);
        for wrong in
            [r#"{"through":3.5}"#, r#"{"through":-1}"#, r#"{"through":1e300}"#, r#"{"through":"3"}"#, "{}"]
        {
            assert!(through(wrong).is_err(), "{wrong}");
        }
        let refused = through(r#"{"through":3.5}"#).unwrap_err().to_string();
        assert!(refused.contains("a whole number that is not negative"), "{refused}");
    }

    #[test]
    fn what_may_be_left_out_may_be_null() {
        let overlap = |text| serde_json::from_str::<SigningKeyRotateRequest>(text).unwrap().overlap_seconds;
        assert_eq!(overlap("{}"), None);
        assert_eq!(overlap(r#"{"overlapSeconds":null}"#), None);
        assert_eq!(overlap(r#"{"overlapSeconds":60.0}"#), Some(60));
        let patch: CredentialPatch = serde_json::from_str(r#"{"rotate":{"overlapSeconds":60.0}}"#).unwrap();
        assert_eq!(patch, CredentialPatch::Rotate { overlap_seconds: 60 });
    }
}
