//! A subscription as a stream: deliveries from as many connections as it takes.

use crate::{
    Delivery, Outage, SubscribeError, SubscribeRequest,
    session::{Session, Step},
};
use async_stream::stream;
use futures_util::Stream;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tidewire_protocol::Bookmark;

/// Deliveries, one after another, from as many connections as it takes.
///
/// Ends after an error, or when the server closes it normally.
pub struct Subscription {
    steps: Pin<Box<dyn Stream<Item = Result<Step, SubscribeError>> + Send>>,
    position: Option<Bookmark>,
    outage: Option<Outage>,
}

impl SubscribeRequest {
    /// Begins when first polled, and ends when dropped.
    pub fn stream(self) -> Subscription {
        let steps = stream! {
            if self.channels.is_empty() {
                yield Err(SubscribeError::NoChannel);
                return;
            }
            let mut session = Session::new(self);
            while let Some(step) = session.next().await {
                yield step;
            }
        };
        Subscription { steps: Box::pin(steps), position: None, outage: None }
    }
}

impl Subscription {
    /// From where to resume in another life: give it to [`SubscribeRequest::since`].
    ///
    /// Everything up to here has been taken from the stream. `None` before the server has said
    /// where the head is.
    pub const fn position(&self) -> Option<Bookmark> {
        self.position
    }

    /// Why there is no connection, from a failure until something is received again.
    pub const fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.steps.as_mut().poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Step { delivery, position, outage })) => {
                    self.position = position;
                    self.outage = outage;
                    if let Some(delivery) = delivery {
                        return Poll::Ready(Some(Ok(delivery)));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}
