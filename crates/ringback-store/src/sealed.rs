//! A registration as the bytes that are sealed.
//!
//! A version (1), then URL, user name and password: each a mark (1, or 0 for none), its length as four bytes, itself.

use zeroize::Zeroizing;

use crate::{Registration, Secret};

const VERSION: u8 = 1;

/// The bytes of a registration.
pub(crate) fn encode(registration: &Registration) -> Zeroizing<Vec<u8>> {
    let fields = [Some(&registration.url), registration.username.as_ref(), registration.password.as_ref()];
    let length =
        1 + fields.iter().map(|field| 5 + field.map_or(0, |text| text.expose().len())).sum::<usize>();
    // Of its whole length at once: growing would leave copies in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.push(VERSION);
    for field in fields {
        match field {
            None => bytes.push(0),
            Some(text) => {
                let text = text.expose().as_bytes();
                bytes.push(1);
                bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend_from_slice(text);
            }
        }
    }
    bytes
}

/// The registration of these bytes; none where they are not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Registration> {
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return None };
    let mut field = || -> Option<Option<Secret>> {
        let (mark, behind) = rest.split_first()?;
        if *mark == 0 {
            rest = behind;
            return Some(None);
        }
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let (text, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = behind;
        Some(Some(Secret::new(std::str::from_utf8(text).ok()?)))
    };
    let url = field().flatten()?;
    let username = field()?;
    let password = field()?;
    Some(Registration { url, username, password })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_registration_reads_back_and_a_cut_one_is_damage() {
        let registration = Registration {
            url: Secret::new("https://listener.example.com/callbacks"),
            username: Some(Secret::new("")),
            password: None,
        };
        let bytes = encode(&registration);
        assert_eq!(decode(&bytes).unwrap(), registration);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_none(), "{length}");
        }
    }
}
