//! Requests of a WebSocket whose answer may have to wait for an archive: pages, and subscriptions that
//! begin at a time.
//!
//! One at a time: nothing is read from the client until it is answered, so answers keep their order.

use crate::{
    Connection, Format, Page, PageReading, PresencePage, Subscription, Time, Worker,
    connection::Phase, start::in_words,
};
use std::task::{Poll, Waker, ready};
use tidewire_broker::{ChannelName, Interest};
use tidewire_protocol::ServerMessage;

/// A request that is not answered yet, and the client's number for it.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) id: u64,
    pub(crate) request: Request,
}

/// What it asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// A page of history.
    History(PageReading),
    /// A page of who is on a channel.
    Presence(ChannelName, PageReading),
    /// To follow a channel, which the client spelled like this.
    Subscribe { channel: String, subscription: Subscription, interest: Interest },
}

/// What was read for it.
enum Answer {
    Page(Page),
    Found,
}

impl Connection {
    /// Whether a request waits.
    pub(crate) fn has_unanswered(&self) -> bool {
        self.socket.as_deref().is_some_and(|socket| socket.unanswered.is_some())
    }

    /// Answers the request that waits, once all of it has been read.
    pub(crate) fn resume_request(&mut self, worker: &mut Worker, time: Time, waker: &Waker) {
        let Some(socket) = self.socket.as_deref_mut() else { return };
        let Some(mut unanswered) = socket.unanswered.take() else { return };
        if self.phase != Phase::Open {
            return;
        }
        match unanswered.request.poll(worker, time, waker) {
            Poll::Ready(answer) => {
                self.answer(*unanswered, answer, worker, time);
                // What comes after it on its way in is for the next turn: others first.
                self.is_spent = true;
            }
            Poll::Pending => socket.unanswered = Some(unanswered),
        }
    }

    fn answer(
        &mut self,
        Unanswered { id, request }: Unanswered,
        answer: Answer,
        worker: &mut Worker,
        time: Time,
    ) {
        match (request, answer) {
            (Request::History(_), Answer::Page(page)) => {
                page.with_view(Format::Json, &worker.broker, |page| {
                    self.say(&ServerMessage::History { id, page });
                });
            }
            (Request::Presence(channel, _), Answer::Page(page)) => {
                PresencePage::new(channel, page).with_view(&worker.broker, |page| {
                    self.say(&ServerMessage::Presence { id, page });
                });
            }
            (Request::Subscribe { channel, subscription, .. }, _) => {
                let (after, mut gaps) = self.follow(&[subscription], worker, time);
                let position = in_words(worker.broker.position(after));
                self.replies.append(&mut gaps);
                self.say(&ServerMessage::Subscribed { id, channel: &channel, position });
            }
            // A page is never answered by a place.
            (Request::History(_) | Request::Presence(..), Answer::Found) => {}
        }
    }
}

impl Request {
    fn poll(&mut self, worker: &Worker, time: Time, waker: &Waker) -> Poll<Answer> {
        let Worker { broker, limits, .. } = worker;
        match self {
            Self::History(reading) | Self::Presence(_, reading) => {
                reading.poll(broker, limits, waker).map(Answer::Page)
            }
            Self::Subscribe { subscription, interest, .. } => {
                let subscriptions = std::slice::from_mut(subscription);
                ready!(Subscription::find(subscriptions, broker, time, interest, waker));
                Poll::Ready(Answer::Found)
            }
        }
    }
}
