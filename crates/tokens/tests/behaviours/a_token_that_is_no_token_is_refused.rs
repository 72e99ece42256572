//! What does not have three parts of base64url with an object in each of the first two.

use crate::common::{signed, verify, with_claims, with_header};
use serde_json::json;
use tidewire_tokens::TokenError;

#[test]
fn a_text_that_has_not_three_parts_is_refused() {
    let token = with_claims(&json!({ "exp": 1 }));
    let parts: Vec<&str> = token.split('.').collect();
    let five = format!("{token}.a.b");
    let padded = format!("{}=.{}.{}", parts[0], parts[1], parts[2]);
    for text in ["", ".", "..", "a", "a.b", "{}.{}.x", parts[1], &five, &padded, "\u{e9}.a.b"] {
        let error = verify(text).unwrap_err();
        let is_no_token = matches!(error, TokenError::NotCompact | TokenError::NotJson { .. });
        assert!(is_no_token, "{text}: {error}");
    }
}

#[test]
fn a_part_that_is_no_object_is_refused() {
    for text in ["", "[]", "5", "{", "{\"alg\":\"HS256\"} x", "\u{feff}{}"] {
        assert_eq!(
            verify(&with_header(text)),
            Err(TokenError::NotJson { part: "header" }),
            "{text}"
        );
        let token = signed(r#"{"alg":"HS256"}"#, text);
        assert_eq!(verify(&token), Err(TokenError::NotJson { part: "claims" }), "{text}");
    }
}

#[test]
fn claims_are_not_read_before_the_signature() {
    let token = signed(r#"{"alg":"HS256"}"#, "no JSON");
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{signed}.AAAA")), Err(TokenError::BadSignature));
}
