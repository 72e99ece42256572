//! A request of HTTP/2 as the application knows requests.

use crate::socket::{ClientSocket, HeadBytes, Http2Meter, Http2Receiver, Scheme};
use crate::takeover::handoff::StreamHandoff;
use crate::takeover::proxied::Remote;
use actix_http::error::PayloadError;
use actix_http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use actix_http::{HttpMessage as _, Method, Payload, Request, Uri, Version};
use bytes::Bytes;
use futures_util::Stream;
use h2::ext::Protocol;
use std::cell::Cell;
use std::io::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A request whose turn has not come.
pub(super) struct Incoming {
    head: http::request::Parts,
    receiver: Http2Receiver,
    /// As long as the head is in memory.
    head_bytes: HeadBytes,
}

/// A request as the application takes it.
pub(super) struct Outgoing {
    pub(super) request: Request,
    /// What the client sends on the stream of a WebSocket: that is no body.
    pub(super) receiver: Option<Http2Receiver>,
    pub(super) head_bytes: HeadBytes,
}

impl Incoming {
    pub(super) fn new(request: http::Request<h2::RecvStream>, meter: &Http2Meter) -> Self {
        let (head, body) = request.into_parts();
        let fields = head.headers.iter();
        let bytes = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES);
        let query = head.uri.query().map_or(0, str::len);
        let bytes = bytes.sum::<usize>() + head.uri.path().len() + query;
        let head_bytes = meter.hold_head(bytes);
        Self { head, receiver: Http2Receiver::new(body, meter), head_bytes }
    }

    /// How many lines its head has.
    pub(super) fn fields(&self) -> usize {
        self.head.headers.len()
    }

    /// The request for the application; a handler may take its stream by `handoff`.
    ///
    /// A WebSocket ([RFC 8441]) becomes the `GET` with `Upgrade` that it is in HTTP/1.1, so that it is routed alike. No
    /// client can send that header itself: HTTP/2 has none of that name, and h2 refuses it.
    ///
    /// `None` if something in the head is not possible in HTTP/1.1 either.
    ///
    /// [RFC 8441]: https://www.rfc-editor.org/rfc/rfc8441
    /// [RFC 9110 §9.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1
    pub(super) fn into_request(
        self,
        remote: Remote,
        handoff: StreamHandoff<ClientSocket>,
        leftover: &Leftover,
    ) -> Option<Outgoing> {
        let Self { head, receiver, head_bytes } = self;
        let protocol = head.extensions.get::<Protocol>().map(Protocol::as_str);
        let is_websocket = protocol.is_some_and(|name| name.eq_ignore_ascii_case(WEBSOCKET));
        let (payload, receiver): (Payload, _) = match is_websocket {
            true => (Payload::None, Some(receiver)),
            false if receiver.has_ended() => (Payload::None, None),
            // These have no body that a handler reads ([RFC 9110 §9.3.1]).
            false if matches!(head.method, http::Method::GET | http::Method::HEAD) => {
                leftover.0.set(Some(receiver));
                (Payload::None, None)
            }
            false => {
                let (receiver, leftover) = (Some(receiver), leftover.clone());
                (Payload::Stream { payload: Box::pin(Body { receiver, leftover }) }, None)
            }
        };
        let mut request = Request::with_payload(payload);
        let target = request.head_mut();
        target.method = match is_websocket {
            true => Method::GET,
            false => Method::from_bytes(head.method.as_str().as_bytes()).ok()?,
        };
        target.uri = target_of(&head.uri)?;
        target.version = Version::HTTP_2;
        target.peer_addr = remote.address;
        copy_fields(&head.headers, &mut target.headers)?;
        if is_websocket {
            target.headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        }
        let mut extensions = request.extensions_mut();
        extensions.insert(Scheme::Https);
        if let Some(header) = remote.header {
            extensions.insert(header);
        }
        extensions.insert(handoff);
        drop(extensions);
        Some(Outgoing { request, receiver, head_bytes })
    }
}

/// The absolute form, as a proxy of HTTP/1.1 would have sent it. A `CONNECT` that opens no WebSocket names no path.
fn target_of(uri: &http::Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    match uri.authority() {
        Some(authority) if path.starts_with('/') => {
            Uri::try_from(format!("https://{authority}{path}")).ok()
        }
        // `OPTIONS *` is about the server as a whole.
        _ => Uri::try_from(path).ok(),
    }
}

/// Copies all header lines. A cookie in pieces becomes one ([RFC 9113 §8.2.3]).
///
/// [RFC 9113 §8.2.3]: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
fn copy_fields(from: &http::HeaderMap, to: &mut HeaderMap) -> Option<()> {
    let mut cookies: Vec<&[u8]> = Vec::new();
    for (name, value) in from {
        if name == http::header::COOKIE {
            cookies.push(value.as_bytes());
            continue;
        }
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        to.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    if !cookies.is_empty() {
        to.insert(COOKIE, HeaderValue::from_bytes(&cookies.join(&b"; "[..])).ok()?);
    }
    Some(())
}

/// What is left of a body once its handler wants no more of it; cloning gives another handle.
#[derive(Clone, Default)]
pub(super) struct Leftover(Rc<Cell<Option<Http2Receiver>>>);

impl Leftover {
    /// Reads what the client still sends, and drops it: some clients discard an answer if the stream is reset before they
    /// have sent all, and what nobody reads stays in memory. Ready if nothing is left, or not yet.
    pub(super) fn poll_drain(&self, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut receiver) = self.0.take() else { return Poll::Ready(()) };
        let drained = receiver.poll_discard(context);
        self.0.set(Some(receiver).filter(|_| drained.is_pending()));
        drained
    }

    pub(super) fn take(&self) -> Option<Http2Receiver> {
        self.0.take()
    }
}

/// The body of a request, as it comes.
struct Body {
    receiver: Option<Http2Receiver>,
    leftover: Leftover,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.leftover.0.set(self.receiver.take().filter(|receiver| !receiver.has_ended()));
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let Some(receiver) = &mut self.get_mut().receiver else { return Poll::Ready(None) };
        let next = receiver.poll_next(context);
        next.map_err(|error| PayloadError::Incomplete(Some(Error::other(error))))
    }
}

const WEBSOCKET: &str = "websocket";

/// What each header line counts beside its text ([RFC 9113 §6.5.2]).
///
/// [RFC 9113 §6.5.2]: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
const FIELD_BYTES: usize = 32;
