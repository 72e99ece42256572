//! `iss` and `aud` keep tokens apart that one key signs for several servers: RFC 8725 §3.8 and §3.9.

use crate::common::{SOON, verify, verify_by, with_claims};
use serde_json::json;
use tidewire_tokens::{Rules, TokenError};

#[test]
fn a_token_from_another_issuer_is_refused() {
    let issuers = vec!["https://id.example".to_owned(), "login".to_owned()];
    let rules = Rules { issuers, ..Rules::default() };
    let verify = |claims| verify_by(rules.clone(), &with_claims(&claims)).map(drop);
    assert_eq!(verify(json!({ "exp": SOON, "iss": "login" })), Ok(()));
    for issuer in ["https://id.example/", "https://evil.example", "LOGIN", ""] {
        let verified = verify(json!({ "exp": SOON, "iss": issuer }));
        assert_eq!(verified, Err(TokenError::WrongIssuer), "{issuer}");
    }
    assert_eq!(verify(json!({ "exp": SOON })), Err(TokenError::WrongIssuer));
}

#[test]
fn a_token_for_another_audience_is_refused() {
    let rules = Rules { audiences: vec!["tide".to_owned()], ..Rules::default() };
    let verify = |claims| verify_by(rules.clone(), &with_claims(&claims)).map(drop);
    assert_eq!(verify(json!({ "exp": SOON, "aud": "tide" })), Ok(()));
    assert_eq!(verify(json!({ "exp": SOON, "aud": ["api", "tide"] })), Ok(()));
    for audience in [json!("api"), json!(["api", "tides"]), json!([])] {
        let verified = verify(json!({ "exp": SOON, "aud": audience }));
        assert_eq!(verified, Err(TokenError::WrongAudience), "{audience}");
    }
    assert_eq!(verify(json!({ "exp": SOON })), Err(TokenError::WrongAudience));
}

#[test]
fn a_server_that_is_no_audience_refuses_tokens_for_one() {
    let token = with_claims(&json!({ "exp": SOON, "aud": "api" }));
    assert_eq!(verify(&token), Err(TokenError::UnexpectedAudience));
}
