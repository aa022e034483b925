//! Signatures against those of other implementations, and what a verifier lets through.

use ringback_wire::signature::*;

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

/// Secret and signature of the tests of Standard Webhooks' libraries; the Python one, 1.1.0, gives the same.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// The key with the seed 0, 1, … 31, and its signature by Python's `cryptography`.
const PRIVATE: &str =
    "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
const PUBLIC: &str = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const SIGNATURE_A: &str =
    "v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ==";

fn verify(keys: &[&str], signature: &str) -> Result<(), SignatureError> {
    check(keys, &AT.to_string(), signature, BODY, AT)
}

fn check(
    keys: &[&str],
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: i64,
) -> Result<(), SignatureError> {
    let headers = WebhookHeaders { id: ID, timestamp, signature };
    Verifier::parse(keys.iter().copied()).unwrap().verify(headers, body, now)
}

#[test]
fn v1_signatures_are_those_of_the_standards_libraries() {
    let key = HmacKey::parse(SECRET).unwrap();
    assert_eq!(sign_v1(&key, ID, AT, BODY), SIGNATURE);
    let long: Vec<u8> = (0..64).collect();
    let signature =
        HmacKey::from_bytes(&long).unwrap().sign_v1("msg_1", 1_700_000_000, r#"{"account":"ä"}"#.as_bytes());
    assert_eq!(signature, "v1,3zAbn8PwBot1JCec3XUv8rf254Sp4vkmQG9IE8X3gHk=");
}

#[test]
fn v1a_signatures_are_those_of_another_implementation() {
    let key = Ed25519Key::parse(PRIVATE).unwrap();
    assert_eq!(sign_v1a(&key, ID, AT, BODY), SIGNATURE_A);
    assert_eq!(key.public().to_text(), PUBLIC);
}

#[test]
fn keys_are_written_as_they_were_read() {
    assert_eq!(HmacKey::parse(SECRET).unwrap().to_text().expose(), SECRET);
    assert_eq!(Ed25519Key::parse(PRIVATE).unwrap().to_text().expose(), PRIVATE);
    assert_eq!(Ed25519PublicKey::parse(PUBLIC).unwrap().to_text(), PUBLIC);
    let seed_only = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(Ed25519Key::parse(seed_only).unwrap().to_text().expose(), PRIVATE);
}

#[test]
fn a_delivery_bears_all_the_signatures_that_are_asked_for() {
    let key = SigningKey::new(HmacKey::parse(SECRET).unwrap(), Some(Ed25519Key::parse(PRIVATE).unwrap()));
    assert_eq!(key.sign(ID, AT, BODY), format!("{SIGNATURE} {SIGNATURE_A}"));
    let new = SigningKey::new(HmacKey::from_bytes(&[7; 32]).unwrap(), None).with_previous(vec![key]);
    let header = new.sign(ID, AT, BODY);
    assert!(header.ends_with(&format!(" {SIGNATURE} {SIGNATURE_A}")));
    for listener in [SECRET, PUBLIC, new.hmac().to_text().expose()] {
        assert_eq!(verify(&[listener], &header), Ok(()));
    }
}

#[test]
fn one_right_signature_of_one_of_the_keys_is_enough() {
    let other = HmacKey::from_bytes(&[1; 24]).unwrap().to_text();
    assert_eq!(verify(&[other.expose(), SECRET], SIGNATURE), Ok(()));
    assert_eq!(verify(&[other.expose(), PUBLIC], SIGNATURE_A), Ok(()));
    assert_eq!(verify(&[SECRET], &format!("v1,AAAA v9,x nonsense  v1 {SIGNATURE}")), Ok(()));
    assert_eq!(verify(&[other.expose()], SIGNATURE), Err(SignatureError::NoMatch));
}

#[test]
fn a_changed_body_or_header_does_not_match() {
    let at = AT.to_string();
    assert_eq!(check(&[SECRET], &at, SIGNATURE, b"{}", AT), Err(SignatureError::NoMatch));
    assert_eq!(check(&[PUBLIC], &at, SIGNATURE_A, b"{}", AT), Err(SignatureError::NoMatch));
    assert_eq!(check(&[SECRET], "1614265331", SIGNATURE, BODY, AT), Err(SignatureError::NoMatch));
    assert_eq!(verify(&[SECRET], &SIGNATURE.replace("v1,", "v1a,")), Err(SignatureError::NoUsableSignature));
    assert_eq!(verify(&[PUBLIC], SIGNATURE), Err(SignatureError::NoUsableSignature));
    assert_eq!(verify(&[SECRET], "v1,"), Err(SignatureError::NoMatch));
    assert_eq!(verify(&[], SIGNATURE), Err(SignatureError::NoUsableSignature));
}

#[test]
fn an_old_or_a_future_callback_is_refused() {
    let at = AT.to_string();
    let check_at = |now| check(&[SECRET], &at, SIGNATURE, BODY, now);
    assert_eq!(check_at(AT + 300), Ok(()));
    assert_eq!(check_at(AT - 300), Ok(()));
    assert_eq!(check_at(AT + 301), Err(SignatureError::TooOld { seconds: 301, tolerance: 300 }));
    assert_eq!(check_at(AT - 301), Err(SignatureError::TooNew { seconds: 301, tolerance: 300 }));
    let verifier = Verifier::parse([SECRET]).unwrap().with_tolerance(1_000);
    let headers = WebhookHeaders { id: ID, timestamp: &at, signature: SIGNATURE };
    assert_eq!(verifier.verify(headers, BODY, AT + 1_000), Ok(()));
}

#[test]
fn a_timestamp_is_whole_seconds() {
    for wrong in ["1614265330.5", "+1614265330", "-1", " 1614265330", "x", "99999999999999999999"] {
        assert_eq!(check(&[SECRET], wrong, SIGNATURE, BODY, AT), Err(SignatureError::InvalidTimestamp));
    }
    assert_eq!(
        check(&[SECRET], "", SIGNATURE, BODY, AT),
        Err(SignatureError::EmptyHeader("webhook-timestamp"))
    );
}

#[test]
fn a_text_that_is_not_a_key_is_refused_without_being_shown() {
    let short = "whsec_AAECAwQFBgcICQoLDA0ODw==";
    assert!(matches!(HmacKey::parse(short), Err(KeyError::Length { .. })));
    assert!(matches!(HmacKey::parse(PUBLIC), Err(KeyError::Prefix { .. })));
    assert!(matches!(HmacKey::parse("whsec_%%%"), Err(KeyError::Base64)));
    assert!(matches!(HmacKey::from_bytes(&[0; 65]), Err(KeyError::Length { .. })));
    assert!(Ed25519Key::parse(&PRIVATE.replace("uA==", "uQ==")).is_err());
    assert!(matches!(Ed25519Key::parse("whsk_AAEC"), Err(KeyError::Length { .. })));
    let identity = "whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert!(matches!(Ed25519PublicKey::parse(identity), Err(KeyError::NotAKey)));
}

#[test]
fn secret_keys_are_not_in_debug() {
    let key = SigningKey::new(HmacKey::parse(SECRET).unwrap(), Some(Ed25519Key::parse(PRIVATE).unwrap()));
    let verifier = Verifier::parse([SECRET, PUBLIC]).unwrap();
    let shown = format!("{key:?} {verifier:?}");
    assert!(shown.contains("HmacKey(hidden)") && shown.contains("Ed25519Key(hidden)"), "{shown}");
    assert!(!shown.contains("MfKQ9r8G") && !shown.contains("49, 242, 144"), "{shown}");
}
