//! JWKS: keys for other uses are skipped, secrets that everybody can read too, and everything is bounded.

use serde_json::{Value, json};
use tidewire_tokens::{Algorithm, KEY_SET_BYTES_MAX, KEYS_MAX, KeySet, KeySetError, KeySetOrigin};

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn ed25519() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

/// The same key with a member changed.
fn with(name: &str, value: Value) -> Value {
    let mut key = ed25519();
    key[name] = value;
    key
}

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), &[], KeySetOrigin::Url)
}

#[test]
fn a_key_for_another_use_is_skipped_with_the_reason() {
    for (key, reason) in [
        (with("use", json!("enc")), "its use is not sig"),
        (with("key_ops", json!(["sign"])), "its key_ops do not include verify"),
        (with("kty", json!("AKP")), "it is of another kind"),
        (with("crv", json!("X25519")), "it is of another kind"),
        (with("crv", json!(5)), "its crv is not a text"),
        (with("alg", json!("RS256")), "its alg is for keys of another kind"),
        (with("alg", json!("RSA-OAEP")), "its alg is not supported"),
        (with("kid", json!(5)), "its kid is not a text"),
        (with("x", json!("11qY")), "the key is damaged"),
        (with("x", json!("=")), "its x is not base64url"),
        (with("d", json!("AAAA")), "it is secret"),
        (json!({ "kty": "oct", "k": SECRET }), "it is secret"),
        (json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), "this is an RSA key of 17 bits"),
        (json!({ "kty": "RSA", "n": "AQAB" }), "it has no e"),
        (json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" }), "the key is damaged"),
        (json!("key"), "it is not an object"),
    ] {
        let set = parse(&[key.clone(), ed25519()]).unwrap();
        assert_eq!((set.keys.len(), set.skipped.len()), (1, 1), "{key}");
        assert!(set.skipped[0].reason.starts_with(reason), "{key}: {:?}", set.skipped);
        assert!(matches!(parse(&[key]), Err(KeySetError::NoneUsable { .. })));
    }
}

#[test]
fn a_key_that_says_what_it_is_for_is_used() {
    for key in [
        with("use", json!("sig")),
        with("key_ops", json!(["verify"])),
        with("alg", json!("EdDSA")),
        with("alg", json!("Ed25519")),
        with("x5c", json!(["MII"])),
    ] {
        assert_eq!(parse(std::slice::from_ref(&key)).unwrap().keys.len(), 1, "{key}");
    }
    assert_eq!(parse(&[with("kid", json!("a"))]).unwrap().keys[0].id(), Some("a"));
    let text = json!({ "keys": [with("alg", json!("EdDSA"))] }).to_string();
    let rsa_only = KeySet::parse(text.as_bytes(), &[Algorithm::RS256], KeySetOrigin::Url);
    assert!(rsa_only.is_err());
}

#[test]
fn a_file_may_contain_secrets() {
    let text = json!({ "keys": [{ "kty": "oct", "k": SECRET }] }).to_string();
    assert_eq!(KeySet::parse(text.as_bytes(), &[], KeySetOrigin::File).unwrap().keys.len(), 1);
    let short = json!({ "keys": [{ "kty": "oct", "k": "MDEyMw" }] }).to_string();
    let error = KeySet::parse(short.as_bytes(), &[], KeySetOrigin::File).unwrap_err().to_string();
    assert!(error.contains("at least 32 bytes") && !error.contains("MDEy"), "{error}");
}

#[test]
fn what_is_no_key_set_or_too_large_is_refused() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":5}"#] {
        let parsed = KeySet::parse(text.as_bytes(), &[], KeySetOrigin::Url);
        assert_eq!(parsed.map(drop), Err(KeySetError::NotKeySet), "{text}");
    }
    let twice = br#"{"keys":[{"kty":"OKP","kty":"RSA"}]}"#;
    let parsed = KeySet::parse(twice, &[], KeySetOrigin::Url);
    assert_eq!(parsed.map(drop), Err(KeySetError::DuplicateMember));
    let many = vec![ed25519(); KEYS_MAX + 1];
    assert_eq!(parse(&many).map(drop), Err(KeySetError::TooMany { count: KEYS_MAX + 1 }));
    assert_eq!(parse(&many[1..]).unwrap().keys.len(), KEYS_MAX);
    let bytes = KEY_SET_BYTES_MAX + 1;
    let parsed = KeySet::parse(&vec![b' '; bytes], &[], KeySetOrigin::Url);
    assert_eq!(parsed.map(drop), Err(KeySetError::TooLong { bytes }));
    assert!(parse(&[]).unwrap_err().to_string().starts_with("none of the 0 keys"));
}
