//! An error over HTTP: an [RFC 9457] problem document, never a bare string.
//!
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457

use crate::ErrorCode;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The body of an `application/problem+json` answer.
///
/// ```
/// use tidewire_protocol::{ErrorCode, Problem};
///
/// let problem = Problem::new(ErrorCode::BadChannel, "`a b` holds a space");
/// assert_eq!(problem.kind, "urn:tidewire:problem:bad_channel");
/// assert_eq!(problem.status, 400);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// `type`: a URI that names the kind of problem; see [`ErrorCode::problem_type`].
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// What people see first, the same for every occurrence.
    #[serde(default)]
    pub title: Cow<'static, str>,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time, and what is allowed.
    #[serde(default)]
    pub detail: String,
    /// An [`ErrorCode`]'s text, or that of a newer server's. Empty if something other than a server of ours answered.
    #[serde(default)]
    pub code: Cow<'static, str>,
}

impl Problem {
    /// How the body is announced.
    pub const CONTENT_TYPE: &str = "application/problem+json";

    /// Says what was wrong this time.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: code.problem_type(),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code: code.as_str().into(),
        }
    }

    /// The same from a code that a newer server may have sent as text.
    pub fn from_text(code: &str, detail: impl Into<String>) -> Self {
        match code.parse() {
            Ok(code) => Self::new(code, detail),
            Err(_) => Self {
                kind: about_blank(),
                title: "Unknown error".into(),
                status: 0,
                detail: detail.into(),
                code: code.to_owned().into(),
            },
        }
    }

    /// The code, if this version knows it.
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.code.parse().ok()
    }
}

/// What an absent `type` means.
fn about_blank() -> String {
    "about:blank".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_its_form() {
        let wire = r#"{"type":"urn:tidewire:problem:not_found","title":"Not found","status":404,"detail":"no `/x`","code":"not_found"}"#;
        let problem = Problem::new(ErrorCode::NotFound, "no `/x`");
        assert_eq!(serde_json::to_string(&problem).unwrap(), wire);
        assert_eq!(serde_json::from_str::<Problem>(wire).unwrap(), problem);
        assert_eq!(problem.to_string(), "Not found: no `/x`");
    }

    #[test]
    fn a_code_of_a_newer_server_is_kept() {
        assert_eq!(Problem::from_text("not_found", "x"), Problem::new(ErrorCode::NotFound, "x"));
        let newer = Problem::from_text("brand_new", "x");
        assert_eq!((&*newer.code, newer.error_code()), ("brand_new", None));
    }

    #[test]
    fn somebody_elses_problem_reads_too() {
        let problem: Problem = serde_json::from_str(r#"{"title":"Bad gateway"}"#).unwrap();
        assert_eq!((problem.kind.as_str(), problem.error_code()), ("about:blank", None));
    }
}
