//! `alg: none` in any spelling, a missing `alg` and a missing signature: RFC 8725 §2.1 and §3.2.

use crate::common::{verify, with_header};
use tidewire_tokens::TokenError;

#[test]
fn a_token_with_the_algorithm_none_is_refused() {
    for none in ["none", "None", "NONE", "nOnE"] {
        let token = with_header(&format!(r#"{{"alg":"{none}"}}"#));
        let (signed, _) = token.rsplit_once('.').unwrap();
        for token in [&token, &format!("{signed}.")] {
            assert_eq!(verify(token), Err(TokenError::Unsigned), "{none}");
        }
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let token = with_header(r#"{"alg":"HS256"}"#);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for shorter in ["", &signature[..4], &signature[..40], &format!("{signature}AAAA")] {
        let token = format!("{signed}.{shorter}");
        assert_eq!(verify(&token), Err(TokenError::BadSignature), "{shorter}");
    }
}

#[test]
fn an_algorithm_that_is_none_of_ours_is_refused() {
    for alg in [
        r#""""#,
        r#""hs256""#,
        r#""HS1""#,
        r#""RSA-OAEP""#,
        r#""ES256K""#,
        "5",
        "null",
        "[\"HS256\"]",
    ] {
        let token = with_header(&format!(r#"{{"alg":{alg}}}"#));
        assert_eq!(verify(&token), Err(TokenError::UnknownAlgorithm), "{alg}");
    }
    assert_eq!(verify(&with_header("{}")), Err(TokenError::UnknownAlgorithm));
}
