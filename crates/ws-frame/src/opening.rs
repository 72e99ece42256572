//! The opening handshake on a stream that speaks nothing else: heads of HTTP/1.1, read and written.
//!
//! The rules are those of `handshake`; this adds the lines around them. A program that has an HTTP
//! library takes the feature `http` instead.

extern crate std;

mod head;
mod url;

pub(crate) use head::HeadReader;
pub use head::Request;
pub(crate) use url::Url;

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write;

use crate::agreed::{self, Agreed};
use crate::handshake::{HandshakeKey, VERSION, check_request};
use crate::{Masks, OpenError, Options};

/// A server's answer: the response to write, and what it has led to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: String,
    pub(crate) agreed: Result<Agreed, OpenError>,
}

/// Answers a request. `judge` sees one that asks for a WebSocket by all the rules, and may refuse it
/// with an HTTP status.
pub(crate) fn answer(
    head: &[u8],
    options: &Options,
    judge: impl FnOnce(&Request<'_>) -> Result<(), u16>,
) -> Answer {
    let Some(request) = Request::read(head) else {
        return refusal(400, "the request is not HTTP/1.1", OpenError::NotHttp);
    };
    let key = match check_request(request.method, request.version, request.headers()) {
        Ok(key) => key,
        Err(error) => return refusal(error.status(), &error.to_string(), error.into()),
    };
    if let Err(status) = judge(&request) {
        return refusal(status, "refused", OpenError::Refused { status });
    }
    grant(&request, &key, options)
}

fn grant(request: &Request<'_>, key: &HandshakeKey, options: &Options) -> Answer {
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        key.accept()
    );
    let subprotocols = request.values("Sec-WebSocket-Protocol");
    let extensions = request.values("Sec-WebSocket-Extensions");
    let (agreed, extension) = agreed::grant(subprotocols, extensions, options);
    if let Some(name) = &agreed.subprotocol {
        add_line(&mut response, "Sec-WebSocket-Protocol", name);
    }
    if let Some(extension) = extension {
        add_line(&mut response, "Sec-WebSocket-Extensions", &extension);
    }
    if let Err(error) = add_headers(&mut response, options) {
        return refusal(500, "the server's own headers are malformed", error);
    }
    Answer { response, agreed: Ok(agreed) }
}

/// The answer to a request that is not granted, with what RFC 6455 §4.4 and RFC 9110 want in it.
fn refusal(status: u16, reason: &str, error: OpenError) -> Answer {
    let body = format!("{reason}\n");
    let response = format!(
        "HTTP/1.1 {status} {}\r\nAllow: GET\r\nSec-WebSocket-Version: {VERSION}\r\n\
         Upgrade: websocket\r\nConnection: Upgrade, close\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        if status == 400 { "Bad Request" } else { "Refused" },
        body.len()
    );
    Answer { response, agreed: Err(error) }
}

/// A client's request.
pub(crate) fn request(
    url: &Url<'_>,
    key: &HandshakeKey,
    options: &Options,
) -> Result<String, OpenError> {
    let (target, authority) = (url.target, url.authority);
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Version: {VERSION}\r\n",
        key.as_str()
    );
    if !options.subprotocols.is_empty() {
        add_line(&mut request, "Sec-WebSocket-Protocol", &options.subprotocols.join(", "));
    }
    if let Some(offer) = options.extension_offer() {
        add_line(&mut request, "Sec-WebSocket-Extensions", &offer);
    }
    add_headers(&mut request, options)?;
    Ok(request)
}

/// Checks the answer to a client's request.
pub(crate) fn conclude(
    head: &[u8],
    key: &HandshakeKey,
    options: &Options,
    masks: impl Masks + Send + 'static,
) -> Result<Agreed, OpenError> {
    let response = head::Response::read(head).ok_or(OpenError::NotHttp)?;
    agreed::conclude(response.status, response.headers(), key, options, masks)
}

fn add_line(head: &mut String, name: &str, value: &str) {
    // A `String` takes everything.
    let _ = write!(head, "{name}: {value}\r\n");
}

/// Adds the caller's lines, and the empty line that ends the head.
fn add_headers(head: &mut String, options: &Options) -> Result<(), OpenError> {
    for (name, value) in &options.headers {
        let is_name = !name.is_empty() && name.bytes().all(head::is_token_byte);
        if !is_name || value.contains(['\r', '\n', '\0']) {
            return Err(OpenError::HeaderInvalid);
        }
        add_line(head, name, value);
    }
    if options.subprotocols.iter().any(|name| !name.bytes().all(head::is_token_byte)) {
        return Err(OpenError::HeaderInvalid);
    }
    head.push_str("\r\n");
    Ok(())
}
