//! `crit` names extensions that a reader must know. This one knows none.
//!
//! <https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11>

use crate::common::{verify, with_header};
use tidewire_tokens::TokenError;

#[test]
fn a_header_with_critical_extensions_is_refused() {
    for header in [
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":null}"#,
    ] {
        assert_eq!(verify(&with_header(header)), Err(TokenError::CriticalExtension), "{header}");
    }
    let unknown = r#"{"alg":"HS256","x-our-own":["b64"]}"#;
    assert!(verify(&with_header(unknown)).is_ok());
}
