//! Every refusal over HTTP: RFC 9457 problem details, never a bare string.

use crate::{admission::Rejected, in_flight::Full};
use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use std::fmt;
use tidewire_connection::Refusal;
use tidewire_protocol::{ErrorCode, Problem};

/// A refusal on its way to a client over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct ProblemResponse {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
}

impl ProblemResponse {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl<E: Into<Refusal>> From<E> for ProblemResponse {
    fn from(error: E) -> Self {
        let refusal: Refusal = error.into();
        Self::new(refusal.code(), refusal.to_string())
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
        let Self { code, detail } = self;
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
        if *code == ErrorCode::Expired {
            // What to authenticate with (RFC 9110 §15.5.2), and what was wrong (RFC 6750 §3.1).
            response.insert_header((header::WWW_AUTHENTICATE, EXPIRED_CHALLENGE));
        }
        let problem = Problem::new(*code, detail.clone());
        // A struct of strings and numbers always becomes JSON.
        response.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

const EXPIRED_CHALLENGE: &str = "Bearer error=\"invalid_token\"";

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_broker::Forbidden;

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
