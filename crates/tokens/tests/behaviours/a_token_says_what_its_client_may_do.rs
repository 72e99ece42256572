//! The claim `tidewire`: lists of patterns, history and info. What is not there is not allowed.

use crate::common::{SOON, verify, with_claims};
use serde_json::json;
use tidewire_tokens::{Claims, TokenError};

#[test]
fn every_member_is_read() {
    let token = with_claims(&json!({ "sub": "u7", "exp": SOON, "iat": 1, "tidewire": {
        "subscribe": ["chat.*", "$presence.chat.*"], "publish": ["chat.room1"], "presence": ["chat.>"],
        "history": true, "admin": true, "info": { "name": "Ann" },
    }}));
    let pattern = |text: &str| text.parse().unwrap();
    let expected = Claims {
        subject: Some("u7".to_owned()),
        expires_ms: SOON * 1_000,
        subscribe: vec![pattern("chat.*"), pattern("$presence.chat.*")],
        publish: vec![pattern("chat.room1")],
        presence: vec![pattern("chat.>")],
        history: true,
        admin: true,
        info: Some(r#"{"name":"Ann"}"#.to_owned()),
    };
    assert_eq!(verify(&token), Ok(expected));
}

#[test]
fn a_token_without_the_claim_allows_nothing() {
    let nothing = Claims { expires_ms: SOON * 1_000, ..Claims::default() };
    assert_eq!(verify(&with_claims(&json!({ "exp": SOON }))), Ok(nothing.clone()));
    assert_eq!(verify(&with_claims(&json!({ "exp": SOON, "tidewire": {} }))), Ok(nothing));
}

#[test]
fn an_unknown_member_is_refused_with_what_was_meant() {
    let token = |name: &str| with_claims(&json!({ "exp": SOON, "tidewire": { name: [] } }));
    let error = verify(&token("subscibe")).unwrap_err().to_string();
    let expected = "the claim tidewire has no member \"subscibe\"; did you mean subscribe?";
    assert_eq!(error, expected);
    let error = verify(&token("read")).unwrap_err().to_string();
    assert!(
        error.ends_with("there are subscribe, publish, presence, history, admin and info"),
        "{error}"
    );
}

#[test]
fn patterns_are_checked_and_counted() {
    let token = |patterns: &[String]| {
        with_claims(&json!({ "exp": SOON, "tidewire": { "publish": patterns } }))
    };
    let error = verify(&token(&["a..b".to_owned()])).unwrap_err().to_string();
    assert!(
        error.starts_with("publish in the claim tidewire has a pattern that is not valid: "),
        "{error}"
    );
    let many: Vec<_> = (0..101).map(|number| format!("c{number}")).collect();
    let error = TokenError::TooManyPatterns { list: "publish", count: 101 };
    assert_eq!(verify(&token(&many)), Err(error));
    assert_eq!(verify(&token(&many[1..])).unwrap().publish.len(), 100);
}
