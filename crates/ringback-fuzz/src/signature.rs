use ringback_wire::signature::{HmacKey, SignatureError, SigningKey, VerifyingKey};
use ringback_wire::signature::{Verifier, WebhookHeaders};

use crate::text_line;

const KEY: [u8; 32] = [7; 32];
const NOW: i64 = 1_522_598_580;

/// A key's text, an id, a timestamp, a signature header, and then the body: no header is right but one with the right tag,
/// and a right one stays right beside whatever else stands in the header before it.
pub fn signature(data: &[u8]) {
    let (key, rest) = text_line(data);
    let (id, rest) = text_line(rest);
    let (timestamp, rest) = text_line(rest);
    let (header, body) = text_line(rest);

    let _ = VerifyingKey::parse(&key);
    if let Ok(parsed) = HmacKey::parse(&key) {
        assert_eq!(parsed.to_text().expose(), key);
    }

    let hmac = HmacKey::from_bytes(&KEY).expect("a key of 32 bytes");
    let verifier = Verifier::new(vec![VerifyingKey::Hmac(hmac.clone())]);
    let verdict =
        verifier.verify(WebhookHeaders { id: &id, timestamp: &timestamp, signature: &header }, body, NOW);
    if verdict.is_ok() {
        let signed: i64 = timestamp.parse().expect("a right timestamp is a number");
        assert!(header.contains(&hmac.sign_v1(&id, signed, body)), "a signature was made up");
    }

    let right = SigningKey::new(hmac, None).sign(&id, NOW, body);
    let first: Vec<&str> = header.split(' ').take(8).collect();
    let beside = format!("{} {right}", first.join(" "));
    let verdict = verifier.verify(
        WebhookHeaders { id: &id, timestamp: &NOW.to_string(), signature: &beside },
        body,
        NOW,
    );
    let wanted = if id.is_empty() { Err(SignatureError::EmptyHeader("webhook-id")) } else { Ok(()) };
    assert_eq!(verdict, wanted, "{beside}");
}
