//! The opening handshake in the types of the crate `http`, for servers and clients that have an HTTP
//! library.
//!
//! A server calls [`accept`] and [`grant`], a client [`request`] and [`verify`]. Each checks every token
//! of every header that [RFC 6455 §4] names. The adapters for hyper and axum do it for you.
//!
//! ```
//! use http::{HeaderMap, Response};
//! use ws_frame::Options;
//!
//! /// The response to a request for a WebSocket.
//! fn answer(headers: &HeaderMap) -> Response<String> {
//!     match ws_frame::http::accept(headers) {
//!         Ok(key) => {
//!             let (response, agreed) = ws_frame::http::grant(headers, &key, &Options::default());
//!             // Once the response is sent, the stream belongs to `agreed.connection`.
//!             drop(agreed);
//!             response
//!         }
//!         Err(error) => ws_frame::http::refuse(error).map(|()| error.to_string()),
//!     }
//! }
//! assert_eq!(answer(&HeaderMap::new()).status(), 400);
//! ```
//!
//! [RFC 6455 §4]: https://www.rfc-editor.org/rfc/rfc6455#section-4

use core::iter::Map;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, Request, Response, StatusCode, Uri, Version};

use crate::agreed::{self, Agreed};
use crate::handshake::{HandshakeError, HandshakeKey, VERSION, check_request};
use crate::{OpenError, Options, OsMasks, UrlError};

/// Checks that the headers of a request ask for a WebSocket, and returns the key to answer.
///
/// Method and version are not among the headers: see [`accept_request`].
///
/// # Errors
///
/// The first rule that they break; the error knows the status to answer with.
pub fn accept(headers: &HeaderMap) -> Result<HandshakeKey, HandshakeError> {
    check_request("GET", "HTTP/1.1", Lines(headers))
}

/// Checks that a request asks for a WebSocket, and returns the key to answer.
///
/// # Errors
///
/// As for [`accept`], or the method is not `GET`, or the version of HTTP not 1.1.
pub fn accept_request<B>(request: &Request<B>) -> Result<HandshakeKey, HandshakeError> {
    accept_parts(request.method(), request.version(), request.headers())
}

pub(crate) fn accept_parts(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<HandshakeKey, HandshakeError> {
    let version = if version == Version::HTTP_11 { "HTTP/1.1" } else { "another" };
    check_request(method.as_str(), version, Lines(headers))
}

/// The response that grants a request of this key, and what it agrees to.
///
/// It has the headers of `options`, but for those that no header can be.
pub fn grant<B: Default>(
    headers: &HeaderMap,
    key: &HandshakeKey,
    options: &Options,
) -> (Response<B>, Agreed) {
    let values = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let subprotocols = values(header::SEC_WEBSOCKET_PROTOCOL);
    let extensions = values(header::SEC_WEBSOCKET_EXTENSIONS);
    let (agreed, extension) = agreed::grant(subprotocols, extensions, options);
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let added = response.headers_mut();
    added.insert(header::UPGRADE, WEBSOCKET);
    added.insert(header::CONNECTION, UPGRADE);
    let own = [
        (header::SEC_WEBSOCKET_ACCEPT, Some(key.accept())),
        (header::SEC_WEBSOCKET_PROTOCOL, agreed.subprotocol.clone()),
        (header::SEC_WEBSOCKET_EXTENSIONS, extension),
    ];
    for (name, value) in own {
        // They are made of characters that a header may have, or came in one.
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            added.insert(name, value);
        }
    }
    for (name, text) in &options.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text)) {
            added.append(name, value);
        }
    }
    (response, agreed)
}

/// The response that refuses a request, with the headers that its status wants.
pub fn refuse(error: HandshakeError) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    match error.status() {
        405 => _ = headers.insert(header::ALLOW, HeaderValue::from_static("GET")),
        426 => {
            headers.insert(header::UPGRADE, WEBSOCKET);
            headers.insert(header::CONNECTION, UPGRADE);
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        }
        _ => {}
    }
    response
}

/// A client's request for a WebSocket at `uri`, of which it names path and query, and the host in `Host`. Its
/// key is new for each request: [`HandshakeKey::from_os`].
///
/// # Errors
///
/// The address has no host or has a user name, or one of the headers or subprotocols of `options` cannot be
/// one.
pub fn request<B: Default>(
    uri: Uri,
    key: &HandshakeKey,
    options: &Options,
) -> Result<Request<B>, OpenError> {
    let mut uri = uri.into_parts();
    let host = uri.authority.ok_or(OpenError::Url(UrlError::Host))?;
    if host.as_str().contains('@') {
        return Err(OpenError::Url(UrlError::Credentials));
    }
    let target = uri.path_and_query.take().map(Uri::from).unwrap_or_default();
    let mut request = Request::new(B::default());
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    let value = |text: &str| HeaderValue::try_from(text).map_err(|_| OpenError::HeaderInvalid);
    headers.insert(header::HOST, value(host.as_str())?);
    headers.insert(header::UPGRADE, WEBSOCKET);
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::SEC_WEBSOCKET_KEY, value(key.as_str())?);
    // What a name of a header may have is what one of a subprotocol may.
    if options.subprotocols.iter().any(|name| HeaderName::try_from(name).is_err()) {
        return Err(OpenError::HeaderInvalid);
    }
    if !options.subprotocols.is_empty() {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value(&options.subprotocols.join(", "))?);
    }
    if let Some(offer) = options.extension_offer() {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value(&offer)?);
    }
    for (name, text) in &options.headers {
        let name = HeaderName::try_from(name).map_err(|_| OpenError::HeaderInvalid)?;
        headers.append(name, value(text)?);
    }
    Ok(request)
}

/// Checks that a response opens the WebSocket that [`request`] has asked for with this key and these
/// options; returns what both have agreed on.
///
/// # Errors
///
/// The first rule that the response breaks: the connection must not be used.
pub fn verify<B>(
    response: &Response<B>,
    key: &HandshakeKey,
    options: &Options,
) -> Result<Agreed, OpenError> {
    let masks = OsMasks::new().map_err(|_| OpenError::NoRandomness)?;
    agreed::conclude(response.status().as_u16(), Lines(response.headers()), key, options, masks)
}

/// All lines: a name, and the bytes after its colon.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a HeaderMap);

impl<'a> IntoIterator for Lines<'a> {
    type Item = (&'a str, &'a [u8]);
    type IntoIter =
        Map<header::Iter<'a, HeaderValue>, fn((&'a HeaderName, &'a HeaderValue)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("Upgrade");
