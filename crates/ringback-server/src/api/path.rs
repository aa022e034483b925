//! Segments of a path, each decoded by itself, so that a `%2F` is part of its segment (contract, section 1).

use http::Uri;

/// The segment with this number, from 0, percent-decoded; `None` when there is none or it is not UTF-8.
pub(super) fn segment(uri: &Uri, number: usize) -> Option<String> {
    decode(uri.path().split('/').skip(1).nth(number)?)
}

fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (digit(*high)? * 16 + digit(*low)?, after),
            (b'%', _) => return None,
            (plain, after) => (*plain, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &'static str, number: usize) -> Option<String> {
        segment(&Uri::from_static(path), number)
    }

    #[test]
    fn an_encoded_slash_is_part_of_its_segment() {
        assert_eq!(of("/callbacks/a%2Fname%2fb/name/Fota", 1).as_deref(), Some("a/name/b"));
        assert_eq!(of("/callbacks/a%2Fname%2fb/name/Fota", 3).as_deref(), Some("Fota"));
        assert_eq!(of("/callbacks", 1), None);
    }

    #[test]
    fn what_does_not_decode_is_no_segment() {
        assert_eq!(of("/%4", 0), None);
        assert_eq!(of("/%zz", 0), None);
        assert_eq!(of("/%ff", 0), None);
        assert_eq!(of("/%C3%A4", 0).as_deref(), Some("ä"));
    }
}
