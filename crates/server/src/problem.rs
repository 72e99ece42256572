//! Every refusal over HTTP: RFC 9457 problem details, never a bare string.

use crate::{admission::Rejected, in_flight::Full};
use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use std::fmt;
use tidewire_broker::Forbidden;
use tidewire_connection::Refusal;
use tidewire_protocol::{ErrorCode, Problem};

/// A refusal on its way to a client over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct ProblemResponse {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
    /// What to authenticate with, and what was wrong, for `WWW-Authenticate`.
    challenge: Option<&'static str>,
    /// When it is worth another try, if that is known.
    pub(crate) retry_ms: Option<u64>,
}

impl ProblemResponse {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        // What to authenticate with (RFC 9110 §15.5.2), and what was wrong (RFC 6750 §3.1).
        let challenge = (code == ErrorCode::Expired).then_some(INVALID_TOKEN);
        Self { code, detail: detail.into(), challenge, retry_ms: None }
    }

    /// The same, worth another try after this time.
    pub(crate) fn with_retry(self, retry_ms: Option<u64>) -> Self {
        Self { retry_ms, ..self }
    }

    /// The same with another value of `WWW-Authenticate`.
    pub(crate) fn with_challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }
}

impl<E: Into<Refusal>> From<E> for ProblemResponse {
    fn from(error: E) -> Self {
        let refusal: Refusal = error.into();
        let lacks_scope = matches!(
            refusal,
            Refusal::Forbidden(Forbidden::NotCovered { .. } | Forbidden::History)
        );
        let problem = Self::new(refusal.code(), refusal.to_string()).with_retry(refusal.retry_ms());
        if lacks_scope { problem.with_challenge(INSUFFICIENT_SCOPE) } else { problem }
    }
}

impl From<Rejected> for ProblemResponse {
    fn from(rejected: Rejected) -> Self {
        Self::new(ErrorCode::Unavailable, rejected.to_string())
    }
}

impl From<Full> for ProblemResponse {
    fn from(full: Full) -> Self {
        Self::new(ErrorCode::Unavailable, full.to_string())
    }
}

impl fmt::Display for ProblemResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl ResponseError for ProblemResponse {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let Self { code, detail, challenge, .. } = self;
        let mut response = HttpResponse::build(self.status_code());
        response
            .insert_header((header::CONTENT_TYPE, Problem::CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if *code == ErrorCode::UpgradeRequired {
            // What to upgrade to (RFC 9110 §15.5.22, RFC 6455 §4.4).
            response
                .insert_header((header::UPGRADE, "websocket"))
                .insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
        }
        if let Some(challenge) = *challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        let problem = Problem::new(*code, detail.clone());
        // A struct of strings and numbers always becomes JSON.
        response.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// The credentials are valid, and do not reach so far.
const INSUFFICIENT_SCOPE: &str = "Bearer error=\"insufficient_scope\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_grant_is_answered_with_what_to_authenticate_with() {
        let response = ProblemResponse::from(Forbidden::Expired).error_response();
        let challenge = response.headers().get(header::WWW_AUTHENTICATE).unwrap();
        assert_eq!(
            (response.status().as_u16(), challenge.to_str().unwrap()),
            (401, r#"Bearer error="invalid_token""#)
        );
    }
}
