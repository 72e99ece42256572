//! A subscription as a stream: deliveries from as many connections as it takes.

use crate::{
    Client, Delivery, Outage, State, SubscribeError, SubscribeRequest, driver,
    hub::Hub,
    machine::{MemberId, Step},
    message::FromRaw,
};
use futures_util::Stream;
use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tidewire_protocol::{Bookmark, Message as RawMessage};
use tokio::sync::watch;

/// Deliveries, one after another, from as many connections as it takes.
///
/// Ends after an error that [is final](SubscribeError::is_final), or when the server closes it normally. Of a typed one,
/// the messages are [`Message<T>`](crate::Message).
pub struct Subscription<M = RawMessage> {
    client: Client,
    hub: Arc<Hub>,
    /// What to ask for, until it is first polled.
    request: Option<SubscribeRequest<M>>,
    member: Option<MemberId>,
    position: Option<Bookmark>,
    is_joined: bool,
    states: watch::Receiver<State>,
    outage: Option<Outage>,
    reads: PhantomData<fn() -> M>,
}

impl<M> SubscribeRequest<M> {
    /// Begins when first polled, which has to be in a tokio runtime, and ends when dropped.
    pub fn stream(self) -> Subscription<M> {
        let client = self.client.clone();
        let hub = client.hubs().hub(self.options());
        let states = hub.states();
        Subscription {
            client,
            hub,
            position: None,
            request: Some(self),
            member: None,
            is_joined: false,
            states,
            outage: None,
            reads: PhantomData,
        }
    }
}

impl<M> Subscription<M> {
    /// From where to resume in another life: give it to [`SubscribeRequest::since`].
    ///
    /// Everything up to here has been taken from the stream. `None` before the server has said
    /// where the head is.
    pub const fn position(&self) -> Option<Bookmark> {
        self.position
    }

    /// Why there is no connection, from a failure until there is one again.
    pub const fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }

    /// How the connection is, which it may share with other subscriptions.
    pub fn state(&self) -> State {
        self.states.borrow().clone()
    }

    /// The same, as it changes.
    pub fn states(&self) -> watch::Receiver<State> {
        self.states.clone()
    }

    /// Whether it has been given everything that was there when it began, and goes on with what is new.
    pub const fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Begins, unless it has.
    fn begin(&mut self) -> Option<MemberId> {
        if let Some(request) = self.request.take() {
            let (member, is_first) =
                self.hub.subscribe(request.channels, request.since, request.is_paged);
            self.member = Some(member);
            if is_first {
                tokio::spawn(driver::run(self.client.clone(), Arc::clone(&self.hub)));
            }
        }
        self.member
    }

    fn note_state(&mut self) {
        self.outage = match &*self.states.borrow_and_update() {
            State::Waiting { outage, .. } => Some(outage.clone()),
            // An attempt is no connection yet.
            State::Connecting => self.outage.take(),
            State::Idle | State::CatchingUp { .. } | State::Live(_) | State::Refused(_) => None,
        };
    }
}

impl<M: FromRaw> Stream for Subscription<M> {
    type Item = Result<Delivery<M>, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(member) = self.begin() else { return Poll::Ready(None) };
        loop {
            let polled = self.hub.poll_step(member, cx);
            self.note_state();
            match ready!(polled) {
                Step::End(error) => {
                    self.hub.unsubscribe(member);
                    self.member = None;
                    return Poll::Ready(error.map(Err));
                }
                Step::Progress { delivery, position, is_joined } => {
                    (self.position, self.is_joined) = (position, is_joined);
                    let delivery = match delivery {
                        None => continue,
                        Some(Delivery::Gap(gap)) => Ok(Delivery::Gap(gap)),
                        Some(Delivery::Message(raw)) => M::from_raw(raw).map(Delivery::Message),
                    };
                    return Poll::Ready(Some(delivery));
                }
            }
        }
    }
}

impl<M> Unpin for Subscription<M> {}

impl<M> Drop for Subscription<M> {
    fn drop(&mut self) {
        if let Some(member) = self.member {
            self.hub.unsubscribe(member);
        }
    }
}

impl<M> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}
