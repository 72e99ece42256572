//! The answer of a handler that wants the socket: a response head, then a closure.

use super::socket::{Link, OnTaken};
use crate::socket::ClientSocket;
use actix_http::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode, Version, header};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    web,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The most a client may send past its upgrade request before the answer, in bytes.
///
/// [RFC 6455 §4.1] requires clients to wait for the answer. One that does not, and sends more than this, is
/// disconnected.
///
/// [RFC 6455 §4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.1
pub const EARLY_BYTES_MAX: usize = 64 * 1024;

/// How the end of a streamed body is marked, as the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Transfer-Encoding: chunked` ([RFC 9112 §7.1]): each write is a chunk of the task's own
    /// making, and `0\r\n\r\n` is the end.
    ///
    /// [RFC 9112 §7.1]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    Chunked,
    /// A client of HTTP/1.0, or a stream of HTTP/2: bytes as they are, until the sending side ends.
    UntilClose,
}

/// A request whose socket can be taken; also an extractor.
///
/// The closure runs on the request's worker, outside of any task, so it usually spawns one with
/// `actix_web::rt::spawn`. It does not run if the client goes away before the head is written.
///
/// ```
/// use actix_web::{HttpResponse, rt};
/// use tidewire::socket::ClientSocket;
/// use tidewire::takeover::{Framing, Handoff};
///
/// async fn events(handoff: Handoff) -> HttpResponse {
///     let mut response = HttpResponse::Ok();
///     handoff.stream(response.content_type("text/event-stream"), |socket, framing| {
///         rt::spawn(run(socket, framing));
///     })
/// }
///
/// async fn run(socket: ClientSocket, framing: Framing) {
///     // Writes events, and reads to notice the end.
/// #   drop((socket, framing));
/// }
/// ```
pub struct Handoff<S = ClientSocket> {
    way: Way<S>,
    method: Method,
    framing: Framing,
    chunked: bool,
}

/// How the socket is taken.
enum Way<S> {
    /// From the dispatcher.
    Http1(Link<S>),
    /// From the task of its connection.
    Http2(StreamHandoff<S>),
}

/// What a handler that takes a stream of HTTP/2 leaves for the task of the connection: it looks here once the handler has
/// answered.
pub(super) struct StreamHandoff<S>(Rc<RefCell<Option<OnTaken<S>>>>);

impl<S> StreamHandoff<S> {
    /// What runs with the stream, if the handler has taken it.
    pub(super) fn take(&self) -> Option<OnTaken<S>> {
        self.0.take()
    }

    fn of(request: &HttpRequest) -> Option<Self>
    where
        S: 'static,
    {
        request.extensions().get().cloned()
    }
}

impl<S> Clone for StreamHandoff<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S> Default for StreamHandoff<S> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<S: 'static> Handoff<S> {
    /// Looks for the socket behind a request.
    ///
    /// # Errors
    ///
    /// The request did not come through [`listen`](super::listen).
    pub fn of(request: &HttpRequest) -> Result<Self, HandoffError> {
        let way = match StreamHandoff::of(request) {
            Some(stream) => Way::Http2(stream),
            None => {
                let link = request.conn_data::<Link<S>>().ok_or(HandoffError::NoSocket)?;
                Way::Http1(link.clone())
            }
        };
        Ok(Self {
            way,
            method: request.method().clone(),
            framing: match request.version() {
                Version::HTTP_11 => Framing::Chunked,
                _ => Framing::UntilClose,
            },
            chunked: request.headers().contains_key(header::TRANSFER_ENCODING),
        })
    }

    /// How the end of [`Handoff::stream`]'s body will be marked.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Answers `101 Switching Protocols` to a WebSocket handshake, then runs `on_taken` with the
    /// socket and what the client already sent past its request, in order. Over HTTP/2 the answer is `200`.
    ///
    /// `response` brings the headers, less `Upgrade` and `Connection`. The handshake must have
    /// been checked: with no `Upgrade: websocket` in the request, actix takes what follows for
    /// another request.
    ///
    /// # Errors
    ///
    /// The client announced a chunked request body, so that what follows is not frames.
    ///
    /// ```
    /// use actix_web::{HttpResponse, http::header, rt, web};
    /// use tidewire::takeover::{Handoff, HandoffError};
    ///
    /// async fn socket(handoff: Handoff, payload: web::Payload) -> Result<HttpResponse, HandoffError> {
    ///     let mut response = HttpResponse::SwitchingProtocols();
    ///     response.insert_header((header::SEC_WEBSOCKET_ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    ///     handoff.upgrade(&mut response, payload, |socket, early| {
    ///         rt::spawn(async move {
    ///             // Decodes `early` first, then what it reads.
    /// #           drop((socket, early));
    ///         });
    ///     })
    /// }
    /// ```
    pub fn upgrade(
        self,
        response: &mut HttpResponseBuilder,
        payload: web::Payload,
        on_taken: impl FnOnce(S, Bytes) + 'static,
    ) -> Result<HttpResponse, HandoffError> {
        if self.chunked {
            return Err(HandoffError::ChunkedUpgrade);
        }
        let on_taken = Box::new(on_taken);
        Ok(match self.way {
            Way::Http1(link) => {
                let body = HandoffBody::new(link, payload.into_inner(), on_taken);
                response.status(StatusCode::SWITCHING_PROTOCOLS).upgrade("websocket").body(body)
            }
            Way::Http2(stream) => {
                response.status(StatusCode::OK).body(StreamHandoffBody::new(stream, on_taken))
            }
        })
    }

    /// Answers with the head of an endless body, then runs `on_taken` with the socket and how the
    /// head said that the body ends.
    ///
    /// The head also says `Connection: close`, since no other request is read from this socket.
    /// To `HEAD` the head is the whole answer, and `on_taken` is dropped.
    pub fn stream(
        self,
        response: &mut HttpResponseBuilder,
        on_taken: impl FnOnce(S, Framing) + 'static,
    ) -> HttpResponse {
        let framing = self.framing;
        let mut response = if self.method == Method::HEAD {
            response.streaming(stream::empty::<Result<Bytes, Infallible>>())
        } else {
            let on_taken = Box::new(move |stream, _| on_taken(stream, framing));
            match self.way {
                Way::Http1(link) => {
                    response.force_close().body(HandoffBody::new(link, Payload::None, on_taken))
                }
                Way::Http2(stream) => response.body(StreamHandoffBody::new(stream, on_taken)),
            }
        };
        response.head_mut().no_chunking(framing == Framing::UntilClose);
        response
    }
}

impl<S: 'static> FromRequest for Handoff<S> {
    type Error = HandoffError;
    type Future = Ready<Result<Self, HandoffError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// Whether the client of a request has ended its side of the connection; also an extractor.
///
/// actix goes on with the request all the same, for the client may have ended one side only. It reads
/// before it polls the handler, in the same task, so a handler that looks whenever it is polled
/// misses nothing.
///
/// Over HTTP/2 there is no such half: a client that ends a stream ends the handler.
pub struct ClientDisconnect<S = ClientSocket>(Option<Link<S>>);

impl<S> ClientDisconnect<S> {
    /// Whether the client has ended its side. Mostly it has closed the connection.
    pub fn has_happened(&self) -> bool {
        self.0.as_ref().is_some_and(Link::has_ended)
    }
}

impl<S: 'static> FromRequest for ClientDisconnect<S> {
    type Error = HandoffError;
    type Future = Ready<Result<Self, HandoffError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Handoff::of(request).map(|handoff| match handoff.way {
            Way::Http1(link) => Self(Some(link)),
            Way::Http2(_) => Self(None),
        }))
    }
}

/// Why a request's socket cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandoffError {
    /// Ours: the request came another way than through [`listen`](super::listen).
    #[error("this connection's socket cannot be taken")]
    NoSocket,
    /// The client's: an upgrade request with a chunked body.
    #[error("an upgrade request cannot have a chunked body")]
    ChunkedUpgrade,
}

impl ResponseError for HandoffError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoSocket => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ChunkedUpgrade => StatusCode::BAD_REQUEST,
        }
    }
}

/// A body with no bytes of its own. It is polled once the head is in the write buffer, and dropped when the response
/// is over.
struct HandoffBody<S> {
    link: Link<S>,
    payload: Payload,
    early: Vec<u8>,
    on_taken: Option<OnTaken<S>>,
}

impl<S> HandoffBody<S> {
    fn new(link: Link<S>, payload: Payload, on_taken: OnTaken<S>) -> Self {
        link.hold();
        Self { link, payload, early: Vec::new(), on_taken: Some(on_taken) }
    }

    /// Collects what the dispatcher read past the request; returns whether there was anything.
    ///
    /// Copies, as a chunk would keep the dispatcher's whole buffer.
    fn gather_early(&mut self, context: &mut Context<'_>) -> bool {
        let before = self.early.len();
        while let Poll::Ready(Some(Ok(chunk))) = Pin::new(&mut self.payload).poll_next(context) {
            self.early.extend_from_slice(&chunk);
        }
        self.early.len() > before
    }
}

impl<S: 'static> MessageBody for HandoffBody<S> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        if this.gather_early(context) {
            // A full payload keeps the dispatcher from emptying its read buffer. Now there is
            // room: let it go round once more, until nothing comes.
            context.waker().wake_by_ref();
        } else if let Some(on_taken) = this.on_taken.take() {
            match std::mem::take(&mut this.early) {
                early if early.len() > EARLY_BYTES_MAX => {
                    this.link.arm(Box::new(|_, _| ()), Bytes::new());
                }
                early => this.link.arm(on_taken, early.into()),
            }
        }
        Poll::Pending
    }
}

impl<S> Drop for HandoffBody<S> {
    fn drop(&mut self) {
        self.link.release();
    }
}

/// The same for a stream of HTTP/2, which is not polled: the answer that has it is one whose stream is taken.
struct StreamHandoffBody<S>(StreamHandoff<S>);

impl<S> StreamHandoffBody<S> {
    fn new(stream: StreamHandoff<S>, on_taken: OnTaken<S>) -> Self {
        stream.0.replace(Some(on_taken));
        Self(stream)
    }
}

impl<S> MessageBody for StreamHandoffBody<S> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

impl<S> Drop for StreamHandoffBody<S> {
    /// Another answer may have taken the place of this one.
    fn drop(&mut self) {
        drop(self.0.take());
    }
}
