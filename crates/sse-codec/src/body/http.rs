//! The body for hyper, and for all that take an `http_body::Body`.

use super::{AsBlock, EventBody, EventBodyError};
use bytes::Bytes;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;
use http_body::{Body, Frame};

/// `Response::new(EventBody::new(events))` is a response of hyper, once [`HEADERS`](super::HEADERS) are added.
impl<S, B, E, K> Body for EventBody<S, K>
where
    S: Stream<Item = Result<B, E>>,
    B: AsBlock,
    K: Stream,
{
    type Data = Bytes;
    type Error = EventBodyError<E>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_next(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
