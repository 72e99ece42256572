//! Which pages of other origins may read answers: those that this machine itself serves.
//!
//! A front-end's development server runs on a port of its own, so without this no `EventSource` of
//! its pages could listen. Browsers let pages from elsewhere send all the same, and open WebSockets;
//! as long as there are no tokens, those are refused here.

use crate::problem::Refused;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};
use tidewire_protocol::ErrorCode;

/// Runs `service`, and tells the browser if the asking page may see the answer.
pub(crate) fn allow<S, B>(
    request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<B>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let origin =
        request.headers().get(header::ORIGIN).filter(|origin| is_loopback(origin)).cloned();
    let answer = service.call(request);
    async move {
        let mut answer = answer.await?;
        let headers = answer.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        Ok(answer)
    }
}

/// The answer to a browser that asks before it sends ([Fetch §3.2.2]), or `None` for who does not.
///
/// [Fetch §3.2.2]: https://fetch.spec.whatwg.org/#http-requests
pub(super) fn preflight(request: &HttpRequest, allowed: &'static str) -> Option<HttpResponse> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = HttpResponse::NoContent().finish();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allowed));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Refuses what a page from elsewhere asks for.
///
/// Programs name no origin, and files of this machine name none that could be checked; a page that
/// the server is reached by has the server's own name.
pub(super) fn check(request: &HttpRequest) -> Result<(), Refused> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let text = origin.to_str().unwrap_or_default();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = text.split_once("://").is_some_and(|(_, own)| Some(own) == host);
    if is_own || is_loopback(origin) || text == "file://" {
        return Ok(());
    }
    let message = format!("pages of {text} may not; only those of this server or machine");
    Err(Refused::new(ErrorCode::Forbidden, message))
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let host_and_port = origin.to_str().ok().and_then(|origin| {
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
    });
    let Some(host_and_port) = host_and_port else { return false };
    LOOPBACK.iter().any(|host| {
        host_and_port.strip_prefix(host).is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const REQUEST_HEADERS: &str = "content-type, event, key, idempotency-key, last-event-id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_may_read() {
        for (origin, may) in [
            ("http://localhost:5173", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("http://localhost.evil.example", false),
            ("http://localhost:5173.evil.example", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            assert_eq!(is_loopback(&HeaderValue::from_static(origin)), may, "{origin}");
        }
    }
}
