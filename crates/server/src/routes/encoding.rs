//! Finite bodies, compressed as the client allows ([RFC 9110 §12.5.3]).
//!
//! Endless answers are never touched: their body has no size, and their socket leaves actix. Problem documents are not either:
//! [`request_log`](crate::request_log) names their id in the text.
//!
//! [RFC 9110 §12.5.3]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3

use crate::request_log::is_problem;
use actix_web::{
    HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _},
    dev::ServiceResponse,
    http::header::{self, AcceptEncoding, Encoding, Header as _, HeaderMap, HeaderValue},
};
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;

/// How a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// How much time a compression may take.
#[derive(Clone, Copy, Debug)]
pub(super) enum CompressionLevel {
    /// For an answer that a client waits for.
    Quick,
    /// For what is kept.
    Thorough,
}

impl Coding {
    pub(super) const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// What the client of a request prefers of what we have; as it is, if it says nothing.
    pub(super) fn of(request: &impl HttpMessage) -> Self {
        // The header itself, as one that cannot be understood asks for nothing.
        let Ok(accepted) = AcceptEncoding::parse(request) else { return Self::Identity };
        let known = [Encoding::zstd(), Encoding::gzip(), Encoding::identity()];
        match accepted.negotiate(known.iter()) {
            Some(coding) if coding == Encoding::zstd() => Self::Zstd,
            Some(coding) if coding == Encoding::gzip() => Self::Gzip,
            _ => Self::Identity,
        }
    }

    /// The name in `Content-Encoding`, if it has one.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The body in this coding, if that is shorter.
    pub(super) fn compress(self, body: &[u8], level: CompressionLevel) -> Option<Vec<u8>> {
        let compressed = match (self, level) {
            (Self::Identity, _) => return None,
            (Self::Gzip, CompressionLevel::Quick) => gzip(body, Compression::fast()),
            (Self::Gzip, CompressionLevel::Thorough) => gzip(body, Compression::best()),
            (Self::Zstd, CompressionLevel::Quick) => zstd::bulk::compress(body, 1),
            (Self::Zstd, CompressionLevel::Thorough) => zstd::bulk::compress(body, 12),
        };
        // Into memory nothing fails; if it did, the body would go as it is.
        compressed.ok().filter(|compressed| compressed.len() < body.len())
    }

    /// The answer with its body in this coding, if it is worth it and nothing else decided that.
    pub(super) fn encode(self, answer: ServiceResponse) -> ServiceResponse {
        let response = answer.response();
        let headers = response.headers();
        let is_decided = headers.contains_key(header::CONTENT_ENCODING)
            || headers.contains_key(header::ETAG)
            || is_problem(headers);
        let is_worth_it =
            matches!(response.body().size(), BodySize::Sized(BODY_BYTES_MIN..=BODY_BYTES_MAX));
        if is_decided || !is_worth_it {
            return answer;
        }
        let (request, response) = answer.into_parts();
        ServiceResponse::new(request, self.encode_response(response))
    }

    fn encode_response(self, mut response: HttpResponse) -> HttpResponse {
        vary(response.headers_mut());
        let (mut response, body) = response.into_parts();
        let body = match body.try_into_bytes() {
            Ok(body) => body,
            // It comes piece by piece, although its size is known.
            Err(body) => return response.set_body(body),
        };
        match (self.compress(&body, CompressionLevel::Quick), self.name()) {
            (Some(compressed), Some(name)) => {
                let name = HeaderValue::from_static(name);
                response.headers_mut().insert(header::CONTENT_ENCODING, name);
                response.set_body(BoxBody::new(compressed))
            }
            _ => response.set_body(BoxBody::new(body)),
        }
    }
}

/// Says that another client may get the answer in another coding.
fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

fn gzip(body: &[u8], level: Compression) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(body)?;
    encoder.finish()
}

/// Less fits one packet anyway.
const BODY_BYTES_MIN: u64 = 1 << 10;

/// More would hold the worker for some milliseconds: only the answer to a large batch has it.
const BODY_BYTES_MAX: u64 = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_client_decides_among_what_there_is() {
        for (accepted, coding) in [
            (None, Coding::Identity),
            (Some("gzip"), Coding::Gzip),
            (Some("zstd"), Coding::Zstd),
            (Some("gzip, deflate, br"), Coding::Gzip),
            (Some("gzip;q=0.5, zstd;q=0.9"), Coding::Zstd),
            (Some("zstd;q=0, gzip;q=0"), Coding::Identity),
            (Some("br"), Coding::Identity),
            (Some("identity"), Coding::Identity),
            (Some(""), Coding::Identity),
            (Some("gzip;q=nonsense"), Coding::Identity),
        ] {
            let mut request = TestRequest::default();
            if let Some(accepted) = accepted {
                request = request.insert_header((header::ACCEPT_ENCODING, accepted));
            }
            assert_eq!(Coding::of(&request.to_request()), coding, "{accepted:?}");
        }
    }

    #[test]
    fn a_problem_document_stays_text_in_which_its_id_can_be_named() {
        let body = format!("{{\"detail\":\"{}\"}}", "a".repeat(2_000));
        for (content_type, coding) in
            [("application/json", Some("gzip")), ("application/problem+json", None)]
        {
            let response = HttpResponse::BadRequest().content_type(content_type).body(body.clone());
            let answer = TestRequest::default().to_srv_response(response);
            let answer = Coding::Gzip.encode(answer);
            let found = answer.headers().get(header::CONTENT_ENCODING);
            assert_eq!(found.map(HeaderValue::as_bytes), coding.map(str::as_bytes));
            let sent = answer.into_body().try_into_bytes().unwrap();
            assert_eq!(sent == body, coding.is_none(), "{content_type}");
        }
    }
}
