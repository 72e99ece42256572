//! The body of a response: blocks of a stream, written as they come.
//!
//! It is a stream of [`Bytes`], which most servers take. Features make it what a server wants as it
//! is: an `http_body::Body` for hyper, a response for axum, a responder for actix-web.

#[cfg(feature = "actix-web")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "http-body")]
mod http;

use crate::encode::{Block, EncodeError};
use crate::parse::OwnedEvent;
use alloc::string::String;
use bytes::{Bytes, BytesMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::{error::Error, fmt, mem};
use futures_core::Stream;
use pin_project_lite::pin_project;

/// What can be written as one block. A text is the data of an event.
pub trait AsBlock {
    /// The block, lent.
    fn as_block(&self) -> Block<'_>;
}

impl AsBlock for Block<'_> {
    fn as_block(&self) -> Block<'_> {
        *self
    }
}

impl AsBlock for OwnedEvent {
    fn as_block(&self) -> Block<'_> {
        Self::as_block(self)
    }
}

impl AsBlock for str {
    fn as_block(&self) -> Block<'_> {
        Block::new().data(self)
    }
}

impl AsBlock for String {
    fn as_block(&self) -> Block<'_> {
        Block::new().data(self)
    }
}

impl<T: AsBlock + ?Sized> AsBlock for &T {
    fn as_block(&self) -> Block<'_> {
        (**self).as_block()
    }
}

pin_project! {
    /// The body of a response whose events are those of a stream.
    ///
    /// What the stream has ready is written at once, up to 16 KiB in a piece. The body ends with the
    /// stream, or with its first error.
    ///
    /// # Example
    ///
    /// A response needs [`HEADERS`]. With the features `axum` and `actix-web` a handler returns the
    /// body, and they are added; for other servers it is a stream of `Result<Bytes, _>`, and with the
    /// feature `http-body` a body for hyper.
    ///
    /// ```
    /// # use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::body::EventBody;
    ///
    /// let tokens = stream::iter(["Sea", " shells"].map(Ok::<_, std::io::Error>));
    /// let mut body = EventBody::new(tokens);
    /// # let written = body.next().now_or_never().unwrap().unwrap().unwrap();
    /// # assert_eq!(written, "data: Sea\n\ndata:  shells\n\n");
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct EventBody<S: Stream, K = NoTicks> {
        #[pin]
        events: S,
        #[pin]
        ticks: Option<K>,
        output: BytesMut,
        // What is reported after that what was written before it: an error of the stream, or of ours.
        failure: Option<Result<S::Item, EncodeError>>,
        has_ended: bool,
    }
}

impl<S: Stream> EventBody<S> {
    /// The body with the events of that stream.
    pub fn new(events: S) -> Self {
        let output = BytesMut::new();
        Self { events, ticks: None, output, failure: None, has_ended: false }
    }
}

impl<S: Stream, K> EventBody<S, K> {
    /// The same body with an empty comment at each tick at which no event is ready, so that nothing on the
    /// way takes the connection for a dead one: `IntervalStream` of `tokio-stream`, for example, with
    /// `MissedTickBehavior::Skip` (the usual `Burst` makes up for the ticks that nobody has waited for).
    pub fn keep_alive<T: Stream>(self, ticks: T) -> EventBody<S, T> {
        let Self { events, output, failure, has_ended, .. } = self;
        EventBody { events, ticks: Some(ticks), output, failure, has_ended }
    }
}

impl<S, B, E, K> Stream for EventBody<S, K>
where
    S: Stream<Item = Result<B, E>>,
    B: AsBlock,
    K: Stream,
{
    type Item = Result<Bytes, EventBodyError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while !*this.has_ended && this.output.len() < PIECE_BYTES {
            match this.events.as_mut().poll_next(context) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(block))) => {
                    if let Err(error) = block.as_block().encode(this.output) {
                        (*this.failure, *this.has_ended) = (Some(Err(error)), true);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    (*this.failure, *this.has_ended) = (Some(Ok(Err(error))), true);
                }
                Poll::Ready(None) => *this.has_ended = true,
            }
        }
        if this.output.is_empty() && !*this.has_ended {
            let Some(ticks) = this.ticks.as_pin_mut() else { return Poll::Pending };
            match ticks.poll_next(context) {
                // Without ticks, events alone wake.
                Poll::Pending | Poll::Ready(None) => return Poll::Pending,
                Poll::Ready(Some(_)) => this.output.extend_from_slice(TICK),
            }
        }
        if !this.output.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(this.output).freeze())));
        }
        Poll::Ready(match this.failure.take() {
            Some(Err(error)) => Some(Err(EventBodyError::Encode(error))),
            Some(Ok(Err(error))) => Some(Err(EventBodyError::Stream(error))),
            Some(Ok(Ok(_))) | None => None,
        })
    }
}

impl<S: Stream, K> fmt::Debug for EventBody<S, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("EventBody");
        fields.field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

/// No ticks: a body that is quiet while its stream is.
#[derive(Clone, Copy, Debug)]
pub enum NoTicks {}

impl Stream for NoTicks {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        match *self {}
    }
}

/// Why a body ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventBodyError<E> {
    /// The stream of events failed.
    Stream(E),
    /// An event cannot be written. Nothing of it was.
    Encode(EncodeError),
}

impl<E> fmt::Display for EventBodyError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stream(_) => "the stream of events failed",
            Self::Encode(_) => "an event cannot be written",
        })
    }
}

impl<E: Error + 'static> Error for EventBodyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Stream(error) => error,
            Self::Encode(error) => error,
        })
    }
}

/// What a response with an event stream needs: its type, no cache, and no buffer in nginx.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
];

/// An empty comment, and the blank line.
const TICK: &[u8] = b":\n\n";

/// As much is written before it is sent, if the stream has it ready: what fits a record of TLS.
const PIECE_BYTES: usize = 16 << 10;
