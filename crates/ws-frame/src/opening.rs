//! The opening handshake on a stream that speaks nothing else: heads of HTTP/1.1, read and written.
//!
//! The rules are those of `handshake`; this adds the lines around them. A program that has an HTTP
//! library takes the feature `http` instead.

extern crate std;

mod error;
mod head;
mod url;

pub use error::{OpenError, UrlError};
pub(crate) use head::HeadReader;
pub use head::Request;
pub(crate) use url::Url;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::handshake::{
    HandshakeKey, Offer, VERSION, check_request, check_response, choose_subprotocol,
};
use crate::{Connection, Masks, Options};

/// A WebSocket that both sides have agreed on.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) subprotocol: Option<String>,
}

/// A server's answer: the response to write, and what it has led to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: String,
    pub(crate) opened: Result<Opened, OpenError>,
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
    let supported: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let offered = request.values("Sec-WebSocket-Protocol");
    let subprotocol = choose_subprotocol(offered, &supported).map(String::from);
    if let Some(name) = &subprotocol {
        add_line(&mut response, "Sec-WebSocket-Protocol", name);
    }
    let connection = Connection::server(options.limits);
    #[cfg(feature = "deflate")]
    let connection = match options.compression.and_then(|(config, level)| {
        Some((config.accept(request.values("Sec-WebSocket-Extensions"))?, level))
    }) {
        None => connection,
        Some((agreement, level)) => {
            add_line(&mut response, "Sec-WebSocket-Extensions", &agreement.to_string());
            connection.compress(agreement, level)
        }
    };
    if let Err(error) = add_headers(&mut response, options) {
        return refusal(500, "the server's own headers are malformed", error);
    }
    Answer { response, opened: Ok(Opened { connection, subprotocol }) }
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
    Answer { response, opened: Err(error) }
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
    #[cfg(feature = "deflate")]
    if let Some((config, _)) = options.compression {
        add_line(&mut request, "Sec-WebSocket-Extensions", &config.offer());
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
) -> Result<Opened, OpenError> {
    let response = head::Response::read(head).ok_or(OpenError::NotHttp)?;
    let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    #[cfg(feature = "deflate")]
    let extensions = if options.compression.is_some() { &["permessage-deflate"][..] } else { &[] };
    #[cfg(not(feature = "deflate"))]
    let extensions = &[];
    let offer = Offer { subprotocols: &subprotocols, extensions };
    let subprotocol = check_response(response.status, response.headers(), key, offer)?;
    let subprotocol = subprotocol.map(String::from);
    let connection = Connection::client(options.limits, masks);
    #[cfg(feature = "deflate")]
    if let Some((config, level)) = options.compression
        && let Some(agreement) = config.confirm(response.values("Sec-WebSocket-Extensions"))?
    {
        return Ok(Opened { connection: connection.compress(agreement, level), subprotocol });
    }
    Ok(Opened { connection, subprotocol })
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
