//! Tokens put together by hand, so that they can be wrong in any way.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};
use tidewire_tokens::{Claims, Key, Rules, TokenError, Verifier};

pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The time of every test, in milliseconds, and half an hour later in seconds.
pub(crate) const NOW_MS: u64 = 1_763_790_000_000;
pub(crate) const SOON: u64 = 1_763_791_800;

/// A token of these texts, signed by [`SECRET`] whatever the header says.
pub(crate) fn signed(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token with the usual header.
pub(crate) fn with_claims(claims: &Value) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// A token whose claims are in order.
pub(crate) fn with_header(header: &str) -> String {
    signed(header, &json!({ "exp": SOON }).to_string())
}

/// What a verifier that has [`SECRET`] says of a token.
pub(crate) fn verify(token: &str) -> Result<Claims, TokenError> {
    verify_by(Rules::default(), token)
}

pub(crate) fn verify_by(rules: Rules, token: &str) -> Result<Claims, TokenError> {
    Verifier::new(rules, vec![Key::from_secret(SECRET, &[]).unwrap()]).verify(token, NOW_MS)
}
