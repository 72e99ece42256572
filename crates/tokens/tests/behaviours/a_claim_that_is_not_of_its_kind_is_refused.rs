//! A claim of another kind than it should be is refused, never taken for one that is left out.

use crate::common::{SOON, verify, with_claims};
use serde_json::{Value, json};
use tidewire_tokens::TokenError;

#[test]
fn a_claim_that_is_not_of_its_kind_is_refused() {
    for (name, values) in [
        ("exp", vec![json!("1"), json!(null), json!([1]), json!(true)]),
        ("nbf", vec![json!("1"), json!({})]),
        ("iss", vec![json!(1), json!(["a"])]),
        ("aud", vec![json!(1), json!([1]), json!(null)]),
        ("sub", vec![json!(1), json!(""), json!(null)]),
        ("tidewire", vec![json!(["chat.*"]), json!("chat.*"), json!(null)]),
    ] {
        for value in values {
            let mut claims = json!({ "exp": SOON });
            claims[name] = value.clone();
            refuse(name, &claims);
        }
    }
}

#[test]
fn a_member_of_our_claim_that_is_not_of_its_kind_is_refused() {
    for (name, value) in [
        ("subscribe", json!("chat.*")),
        ("publish", json!([["a"]])),
        ("presence", json!({})),
        ("history", json!("true")),
    ] {
        refuse(name, &json!({ "exp": SOON, "tidewire": { name: value } }));
    }
}

fn refuse(name: &str, claims: &Value) {
    match verify(&with_claims(claims)) {
        Err(TokenError::BadClaim { claim, .. }) => assert_eq!(claim, name),
        other => panic!("{claims} is {other:?}"),
    }
}

#[test]
fn texts_are_bounded() {
    let subject = |bytes| with_claims(&json!({ "exp": SOON, "sub": "x".repeat(bytes) }));
    assert!(verify(&subject(255)).is_ok());
    assert_eq!(verify(&subject(256)), Err(TokenError::SubjectTooLong { bytes: 256 }));
    let info =
        |bytes| with_claims(&json!({ "exp": SOON, "tidewire": { "info": "x".repeat(bytes) } }));
    assert!(verify(&info(1_022)).is_ok());
    assert_eq!(verify(&info(1_023)), Err(TokenError::InfoTooLong { bytes: 1_025 }));
}
