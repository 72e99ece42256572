//! A token with any byte changed, in whichever part, is not the token that was signed.

use crate::common::{SOON, verify, with_claims};
use serde_json::json;

#[test]
fn any_changed_byte_is_refused() {
    let token =
        with_claims(&json!({ "exp": SOON, "sub": "u7", "tidewire": { "subscribe": ["a"] } }));
    assert!(verify(&token).is_ok());
    for at in 0..token.len() {
        for other in ["A", "B", "w", "-", ".", "="] {
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            if changed != token {
                assert!(verify(&changed).is_err(), "{other} at {at}");
            }
        }
        assert!(verify(&token[..at]).is_err(), "its first {at} bytes");
    }
}
