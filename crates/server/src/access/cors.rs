//! Cross-origin resource sharing: which pages a browser lets read the answers ([Fetch §3.3]).
//!
//! [Fetch §3.3]: https://fetch.spec.whatwg.org/#http-cors-protocol

use super::{Caller, caller::Readers};
use crate::problem::ProblemResponse;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};

/// Whether pages may send a token in a cookie. Where they may not, no answer depends on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    Count,
    AreIgnored,
}

/// Adds to an answer whose pages may read it.
pub(super) fn describe(caller: &Caller, cookies: Cookies, headers: &mut HeaderMap) {
    // Also where no page has asked: a cache may keep the answer for one that will.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Caller::AllowedPage(readers) = caller else { return };
    match readers {
        Readers::Origin(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if cookies == Cookies::Count {
                let value = HeaderValue::from_static("true");
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, value);
            }
        }
        Readers::All => {
            let value = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
    }
    let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// The answer to a browser that asks, before it sends, whether it may; `None` for any other request.
///
/// `methods` are those that the path takes.
pub(crate) fn preflight(
    request: &HttpRequest,
    caller: &Caller,
    methods: &str,
) -> Option<Result<HttpResponse, ProblemResponse>> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    Some(caller.check_acting("read answers").map(|()| {
        HttpResponse::NoContent()
            .insert_header((header::ALLOW, methods))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS))
            .finish()
    }))
}

/// What pages may send beside what every page may. No `*`, which leaves out `Authorization` and
/// means nothing together with credentials.
const REQUEST_HEADERS: &str = "Authorization, Cache-Control, Content-Type, Event, Idempotency-Key, Key, Last-Event-ID, Traceparent, Tracestate";

/// What pages may read of an answer's head beside what every page may.
const EXPOSED_HEADERS: &str = "Retry-After, WWW-Authenticate";

/// The longest that Chromium remembers.
const MAX_AGE_SECONDS: &str = "7200";
