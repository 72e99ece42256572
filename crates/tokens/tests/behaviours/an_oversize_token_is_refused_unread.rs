//! A token longer than 8 KiB is refused before anything of it is decoded.

use crate::common::{SOON, verify, with_claims};
use serde_json::json;
use tidewire_tokens::{TOKEN_BYTES_MAX, TokenError};

#[test]
fn an_oversize_token_is_refused_unread() {
    let padded = |bytes| with_claims(&json!({ "exp": SOON, "x": "x".repeat(bytes) }));
    assert!(verify(&padded(6_000)).is_ok());
    let token = padded(TOKEN_BYTES_MAX);
    assert_eq!(verify(&token), Err(TokenError::TooLong { bytes: token.len() }));
    let text = "x".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(verify(&text), Err(TokenError::TooLong { bytes: TOKEN_BYTES_MAX + 1 }));
    assert_eq!(verify(&text[1..]), Err(TokenError::NotCompact));
}
