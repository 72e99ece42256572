//! The server's side of a WebSocket's opening handshake ([RFC 6455 §4.2]; over HTTP/2 [RFC 8441 §5]).
//!
//! [RFC 6455 §4.2]: https://www.rfc-editor.org/rfc/rfc6455#section-4.2
//! [RFC 8441 §5]: https://www.rfc-editor.org/rfc/rfc8441#section-5

use crate::problem::ProblemResponse;
use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{
        Method, Version,
        header::{self, HeaderMap, HeaderName},
    },
};
use tidewire_protocol::ErrorCode;
use ws_frame::HandshakeKey;

/// Whether a request asks for a WebSocket, alone or among other protocols, in whatever case.
pub(super) fn wants_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, header::UPGRADE, "websocket")
}

/// Refuses an upgrade by another method than `GET`, before anything waits for a body: what follows
/// such a head is frames to actix, so a body would never end.
///
/// # Errors
///
/// The request asks for a WebSocket, and is no `GET`.
pub(super) fn check_method(request: &ServiceRequest) -> Result<(), ProblemResponse> {
    if request.method() == Method::GET || !wants_upgrade(request.headers()) {
        return Ok(());
    }
    let message = format!(
        "a WebSocket opens with GET, and this is a {} with Upgrade: websocket; leave that header \
         out, or send GET",
        request.method()
    );
    Err(ProblemResponse::new(ErrorCode::BadRequest, message))
}

/// Checks a handshake, and returns the value of `Sec-WebSocket-Accept`. Over HTTP/2 there is none: `:protocol` has taken
/// its place, which the request brings as `Upgrade`.
///
/// # Errors
///
/// Something is missing, given twice, or not what it has to be; the message names the header.
pub(super) fn shake_hands(request: &HttpRequest) -> Result<Option<String>, ProblemResponse> {
    let headers = request.headers();
    let refuse = |message: &str| ProblemResponse::new(ErrorCode::BadRequest, message);
    if request.version() == Version::HTTP_2 {
        return match wants_upgrade(headers) {
            true => check_version(headers).map(|()| None),
            false => Err(refuse(
                "this path is a WebSocket: over HTTP/2 open it with an extended CONNECT (RFC 8441), \
                 whose :protocol is websocket",
            )),
        };
    }
    if !wants_upgrade(headers) || !lists(headers, header::CONNECTION, "upgrade") {
        // Perhaps they were sent, and a proxy has removed them. That is another fault than a wrong request.
        return Err(ProblemResponse::new(
            ErrorCode::UpgradeRequired,
            "this path is a WebSocket: send the headers Connection: Upgrade and Upgrade: websocket, and let the proxies \
             in between pass them on",
        ));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if request.version() != Version::HTTP_11 || length.is_some_and(|length| length != "0") {
        return Err(refuse("a WebSocket opens with a request of HTTP/1.1 that has no body"));
    }
    check_version(headers)?;
    let key = once(headers, header::SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")?;
    let key = HandshakeKey::parse(key).map_err(|error| refuse(&error.to_string()))?;
    Ok(Some(key.accept()))
}

fn check_version(headers: &HeaderMap) -> Result<(), ProblemResponse> {
    let version = once(headers, header::SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version: 13")?;
    ws_frame::check_version(version).map_err(|error| {
        let message = format!("{error}; this server supports only version 13");
        ProblemResponse::new(ErrorCode::UpgradeRequired, message)
    })
}

/// The value of a header that may be there once ([RFC 6455 §11.3]).
///
/// [RFC 6455 §11.3]: https://www.rfc-editor.org/rfc/rfc6455#section-11.3
fn once<'a>(
    headers: &'a HeaderMap,
    name: HeaderName,
    called: &str,
) -> Result<&'a str, ProblemResponse> {
    let mut values = headers.get_all(name);
    let refuse =
        |what| ProblemResponse::new(ErrorCode::BadRequest, format!("the header {called} {what}"));
    let value = values.next().and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(|| refuse("is missing"))?;
    if values.next().is_some() {
        return Err(refuse("is given more than once"));
    }
    Ok(value)
}

/// Whether `token` is in the lists that all headers of a name hold.
fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{ResponseError as _, http::StatusCode, test::TestRequest};

    /// A proxy that does not pass `Upgrade` on is no fault of the client, which can use another wire.
    #[test]
    fn a_request_without_upgrade_gets_426() {
        for headers in
            [&[][..], &[(header::CONNECTION, "close")], &[(header::UPGRADE, "websocket")]]
        {
            let request = headers.iter().fold(TestRequest::get().uri("/ws"), |request, header| {
                request.insert_header(header.clone())
            });
            let refusal = shake_hands(&request.to_http_request()).unwrap_err();
            assert_eq!(refusal.status_code(), StatusCode::UPGRADE_REQUIRED);
        }
    }
}
