//! `typ` says what a token is for, so that one for something else is not taken for one of ours: RFC 8725 §3.11.

use crate::common::{SOON, signed, verify, verify_by, with_header};
use serde_json::json;
use tidewire_tokens::{Rules, TokenError};

fn with_type(kind: &str) -> String {
    with_header(&json!({ "alg": "HS256", "typ": kind }).to_string())
}

#[test]
fn a_token_of_another_type_is_refused() {
    for kind in ["JWT", "jwt", "application/jwt", "tidewire+jwt", "application/tidewire+jwt"] {
        assert!(verify(&with_type(kind)).is_ok(), "{kind}");
    }
    assert!(verify(&with_header(r#"{"alg":"HS256"}"#)).is_ok());
    for kind in ["at+jwt", "dpop+jwt", "secevent+jwt", "logout+jwt", "JOSE", "JWTS", ""] {
        let error = verify(&with_type(kind)).unwrap_err();
        assert!(matches!(error, TokenError::WrongType { .. }), "{kind}: {error}");
    }
    let number = signed(r#"{"alg":"HS256","typ":1}"#, &json!({ "exp": SOON }).to_string());
    assert!(verify(&number).is_err());
}

#[test]
fn a_server_that_names_its_types_accepts_no_other() {
    let rules = Rules { types: vec!["at+jwt".to_owned()], ..Rules::default() };
    assert!(verify_by(rules.clone(), &with_type("application/at+JWT")).is_ok());
    for token in [with_type("JWT"), with_type("tidewire+jwt"), with_header(r#"{"alg":"HS256"}"#)] {
        let error = verify_by(rules.clone(), &token).unwrap_err().to_string();
        assert_eq!(error, "the token is of another type: typ in its header has to be at+jwt");
    }
}
