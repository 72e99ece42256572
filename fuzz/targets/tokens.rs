//! Any bytes as a token, as the parts of a signed one, as a key set and as PEM: what is accepted was signed by us, and
//! says what a naive reader reads.
//!
//! An input is which of these, choices, and then the text.

#![no_main]

#[expect(dead_code, reason = "nothing is cut into chunks here")]
mod choices;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use choices::Choices;
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use serde_json::Value;
use std::sync::LazyLock;
use tidewire_tokens::{
    ApiKeys, KEY_SET_BYTES_MAX, KEYS_MAX, Key, KeySet, KeySetOrigin, PATTERNS_MAX, Rules, Verifier,
};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    match choices.byte() % 4 {
        0 => assert_accepted_was_signed(&String::from_utf8_lossy(choices.wire())),
        1 => assert_signed_is_read_or_refused(choices),
        2 => assert_key_set_is_bounded(choices.wire()),
        _ => {
            let wire = choices.wire();
            let _ = Key::from_pem(&String::from_utf8_lossy(wire), &[]);
            assert_list_is_written_as_it_was_read(wire);
        }
    }
});

/// Whatever the text is: if it is accepted, its last part is the HMAC of the rest.
fn assert_accepted_was_signed(token: &str) {
    if VERIFIER.verify(token, NOW_MS).is_ok() {
        let (signed, tag) = token.rsplit_once('.').unwrap();
        assert_eq!(tag, sign(signed), "{token}");
    }
}

/// Any header and any claims, signed: what is accepted says what a naive reader reads, and with a byte changed it is
/// refused.
fn assert_signed_is_read_or_refused(mut choices: Choices<'_>) {
    let (at, bit) =
        (usize::from(choices.byte()) << 8 | usize::from(choices.byte()), choices.byte());
    let usual = choices.byte().is_multiple_of(2);
    let wire = choices.wire();
    let end = wire.iter().position(|byte| *byte == b'\n');
    let (header, claims) = match (usual, end) {
        (false, Some(end)) => (&wire[..end], &wire[end + 1..]),
        _ => (&br#"{"alg":"HS256"}"#[..], wire),
    };
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{signed}.{}", sign(&signed));
    let verified = VERIFIER.verify(&token, NOW_MS);
    if let Ok(read) = &verified {
        let header: Value = serde_json::from_slice(header).unwrap();
        assert_eq!(header["alg"], "HS256");
        assert!(header.get("crit").is_none());
        let claims: Value = serde_json::from_slice(claims).unwrap();
        assert_eq!(claims["sub"].as_str(), read.subject.as_deref());
        let expires = claims["exp"].as_f64().unwrap();
        let distance = (expires * 1_000.0 - read.expires_ms as f64).abs();
        assert!(distance <= 1.0 + expires.abs() * 1e-9 || expires * 1_000.0 > 1e19, "{claims}");
        assert!(read.expires_ms > NOW_MS);
        let permissions = &claims["tidewire"];
        let lists = [
            ("subscribe", &read.subscribe),
            ("publish", &read.publish),
            ("presence", &read.presence),
        ];
        for (name, patterns) in lists {
            let written: Vec<&str> = match permissions[name].as_array() {
                Some(written) => written.iter().map(|one| one.as_str().unwrap()).collect(),
                None => Vec::new(),
            };
            let read: Vec<&str> = patterns.iter().map(|pattern| pattern.as_str()).collect();
            assert_eq!(read, written);
            assert!(read.len() <= PATTERNS_MAX);
        }
        assert_eq!(permissions["history"].as_bool().unwrap_or_default(), read.history);
    }
    let mut changed = token.clone().into_bytes();
    let at = at % changed.len();
    changed[at] ^= 1 << (bit % 7);
    let changed = String::from_utf8(changed).unwrap();
    assert!(VERIFIER.verify(&changed, NOW_MS).is_err(), "{token} with {at} changed");
}

/// A set from a URL gives no secret, and never more keys than one of a file.
fn assert_key_set_is_bounded(text: &[u8]) {
    let file = KeySet::parse(text, &[], KeySetOrigin::File);
    let url = KeySet::parse(text, &[], KeySetOrigin::Url);
    if let Ok(set) = &url {
        assert!(text.len() <= KEY_SET_BYTES_MAX && (1..=KEYS_MAX).contains(&set.keys.len()));
        // An id may be any text.
        let shown = set.keys.iter().map(|key| format!("{:?}", key.clone().with_id("")));
        assert!(shown.into_iter().all(|shown| !shown.contains("Secret")));
        assert!(file.as_ref().is_ok_and(|file| file.keys.len() >= set.keys.len()));
        // No key of a stranger has signed this.
        let verifier = Verifier::new(Rules::default(), set.keys.clone());
        let signed = format!("{}.e30", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
        assert!(verifier.verify(&format!("{signed}.{}", sign(&signed)), NOW_MS).is_err());
    }
}

fn assert_list_is_written_as_it_was_read(text: &[u8]) {
    if let Ok(keys) = ApiKeys::parse(text) {
        assert_eq!(ApiKeys::parse(keys.to_json().as_bytes()), Ok(keys));
    }
}

fn sign(signed: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
}

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(Rules::default(), vec![Key::from_secret(SECRET, &[]).unwrap()]));

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW_MS: u64 = 1_763_790_000_000;
