//! A name that is there twice could be read as its first value by one reader and as its last by another.

use crate::common::{SOON, signed, verify, with_header};
use tidewire_tokens::TokenError;

#[test]
fn duplicate_members_of_the_header_are_refused() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
    ] {
        let error = Err(TokenError::DuplicateMember { part: "header" });
        assert_eq!(verify(&with_header(header)), error, "{header}");
    }
}

#[test]
fn duplicate_members_of_the_claims_are_refused() {
    for rest in [
        r#""sub":"a","sub":"b""#,
        r#""exp":1"#,
        r#""tidewire":{"publish":[],"publish":[">"]}"#,
        r#""tidewire":{"info":{"a":1,"a":1}}"#,
        r#""other":[{"a":1,"\u0061":1}]"#,
    ] {
        let token = signed(r#"{"alg":"HS256"}"#, &format!(r#"{{"exp":{SOON},{rest}}}"#));
        assert_eq!(verify(&token), Err(TokenError::DuplicateMember { part: "claims" }), "{rest}");
    }
}
