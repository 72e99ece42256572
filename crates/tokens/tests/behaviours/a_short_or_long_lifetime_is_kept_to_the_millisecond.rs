//! `exp` is required; `exp` and `nbf` are kept, with a leeway that is bounded.

use crate::common::{NOW_MS, verify, verify_by, with_claims};
use serde_json::json;
use tidewire_tokens::{Rules, TokenError};

const NOW: u64 = NOW_MS / 1_000;

#[test]
fn a_token_that_never_expires_is_refused() {
    assert_eq!(verify(&with_claims(&json!({ "sub": "u7" }))), Err(TokenError::NoExpiry));
}

#[test]
fn an_expired_token_is_refused_from_its_second_on() {
    for (expires, outcome) in [
        (json!(NOW), Err(TokenError::Expired)),
        (json!(NOW + 1), Ok(NOW_MS + 1_000)),
        (json!(1_763_790_000.5), Ok(NOW_MS + 500)),
        (json!(0), Err(TokenError::Expired)),
        (json!(-1), Err(TokenError::Expired)),
        (json!(-1e300), Err(TokenError::Expired)),
        (json!(1e300), Ok(u64::MAX)),
        (json!(u64::MAX), Ok(u64::MAX)),
    ] {
        let claims = verify(&with_claims(&json!({ "exp": expires })));
        assert_eq!(claims.map(|claims| claims.expires_ms), outcome, "{expires}");
    }
}

#[test]
fn a_token_is_refused_before_its_time() {
    let from = |begins: u64| verify(&with_claims(&json!({ "exp": NOW + 60, "nbf": begins })));
    assert!(from(NOW).is_ok());
    assert_eq!(from(NOW + 1), Err(TokenError::NotYetValid));
}

#[test]
fn a_leeway_is_bounded() {
    let verify_with = |leeway_ms, claims| {
        let rules = Rules { leeway_ms, ..Rules::default() };
        verify_by(rules, &with_claims(&claims)).map(|claims| claims.expires_ms)
    };
    assert_eq!(verify_with(10_000, json!({ "exp": NOW - 9 })), Ok(NOW_MS + 1_000));
    assert_eq!(verify_with(10_000, json!({ "exp": NOW - 10 })), Err(TokenError::Expired));
    assert!(verify_with(10_000, json!({ "exp": NOW + 60, "nbf": NOW + 10 })).is_ok());
    assert_eq!(verify_with(u64::MAX, json!({ "exp": NOW - 300 })), Err(TokenError::Expired));
    assert_eq!(verify_with(u64::MAX, json!({ "exp": NOW - 299 })), Ok(NOW_MS + 1_000));
}
