//! An event source: a stream of events that goes on when its connection does not.
//!
//! What a browser's `EventSource` does, over any way to make a request: [`Transport`] is that way,
//! and [`Reconnect`] decides. With the feature `reqwest` there is a transport ready to use.

mod reconnect;
#[cfg(feature = "reqwest")]
mod reqwest;

pub use reconnect::{Next, Reconnect, ReconnectPolicy, Refusal};

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestTransport;

use crate::{EventStream, EventStreamError, LimitError, Limits, OwnedEvent, OwnedItem, Parser};
use alloc::{borrow::ToOwned as _, string::String};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::{error::Error, fmt, time::Duration};
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

/// How an [`EventSource`] makes a request, waits, and comes by a random number.
///
/// It is called by nobody else. Errors are kept as they are.
pub trait Transport {
    /// Why there is no response, or no further piece of a body.
    type Error;
    /// A piece of a body.
    type Bytes: AsRef<[u8]>;
    /// A body.
    type Body: Stream<Item = Result<Self::Bytes, Self::Error>>;
    /// A request under way.
    type Connect: Future<Output = Result<Response<Self::Body>, Self::Error>>;
    /// A wait.
    type Sleep: Future<Output = ()>;

    /// Begins a `GET` with `Accept: text/event-stream`, with `Cache-Control: no-store`, and with the
    /// bytes of the id as `Last-Event-ID` if there is one.
    fn connect(&mut self, last_event_id: Option<&str>) -> Self::Connect;

    /// Begins to wait.
    fn sleep(&mut self, delay: Duration) -> Self::Sleep;

    /// A new number from `0.0..1.0`.
    fn random(&mut self) -> f64;

    /// Whether it is no use to try again after this error: a malformed URL, for example. The source ends
    /// with it then.
    fn is_final(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }
}

/// What an [`EventSource`] has to know of a response, after redirects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response<B> {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: B,
}

impl<B> Response<B> {
    /// A response without `Retry-After`.
    pub const fn new(status: u16, content_type: Option<String>, body: B) -> Self {
        Self { status, content_type, retry_after: None, body }
    }
}

pin_project! {
    /// The events of a URL, across connections, by [the standard].
    ///
    /// It makes its first request when it is polled first. It comes back when a connection ends or
    /// fails, after the wait that the stream asks for and with the last id that it has seen. It ends
    /// with 204, and with an error where the answer is no event stream, or a value is over its limit.
    /// Dropping it closes the connection.
    ///
    /// As a stream it has the events. [`updates`](Self::updates) also says when a connection is open,
    /// and why it waits.
    ///
    /// [the standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    #[must_use = "streams do nothing unless polled"]
    pub struct EventSource<T: Transport> {
        transport: T,
        #[pin]
        state: State<T>,
        reconnect: Reconnect,
        limits: Limits,
        comments: bool,
        // As of the last connection that has ended.
        last_event_id: String,
    }
}

pin_project! {
    /// Where an event source stands between two polls.
    ///
    /// ```text
    /// Idle ──► Connecting ──► Open ──► Waiting ─┐
    ///               ▲   └─────────────────▲     │
    ///               └───────────────────────────┘
    /// ```
    ///
    /// `Ended` is reached from any of them and left by nothing.
    #[project = StateProjection]
    enum State<T: Transport> {
        Idle,
        Connecting { #[pin] response: T::Connect },
        Open { #[pin] events: EventStream<T::Body> },
        Waiting { #[pin] sleep: T::Sleep },
        Ended,
    }
}

/// What becomes of an event source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update<E> {
    /// A connection is open.
    Open,
    /// An event has arrived.
    Event(OwnedEvent),
    /// A comment has arrived, if they are to be reported.
    Comment(String),
    /// There is no connection; the next attempt comes after `delay`.
    Waiting {
        /// How long it waits.
        delay: Duration,
        /// What happened.
        cause: Interruption<E>,
    },
}

/// Why an event source makes its request again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interruption<E> {
    /// The body has ended.
    End,
    /// The connection could not be made, or broke.
    Transport(E),
    /// The answer was a status that passes.
    Status(u16),
}

impl<T: Transport> EventSource<T> {
    /// A source with the usual [`ReconnectPolicy`] and [`Limits`].
    pub fn new(transport: T) -> Self {
        Self::with_policy(transport, ReconnectPolicy::new())
    }

    /// A source that comes back by that policy.
    pub fn with_policy(transport: T, policy: ReconnectPolicy) -> Self {
        Self {
            transport,
            state: State::Idle,
            reconnect: Reconnect::new(policy),
            limits: Limits::new(),
            comments: false,
            last_event_id: String::new(),
        }
    }

    /// The same source with these limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same source, which begins after the event of that id: one that was stored.
    pub fn with_last_event_id(self, id: impl Into<String>) -> Self {
        Self { last_event_id: id.into(), ..self }
    }

    /// The same source with comments among its [`updates`](Self::updates).
    pub fn with_comments(self) -> Self {
        Self { comments: true, ..self }
    }

    /// Events, and what becomes of the connections.
    pub fn updates(self) -> Updates<T> {
        Updates { source: self }
    }

    /// What the next request is made with: store it to continue after a restart of the program.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        match &self.state {
            State::Open { events } => events.last_event_id(),
            _ => &self.last_event_id,
        }
    }

    /// Goes one step, and says what came of it if that is anybody's concern.
    fn poll_step(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step<T::Error>> {
        let mut this = self.project();
        let (next, cause) = match this.state.as_mut().project() {
            StateProjection::Ended => return Poll::Ready(Step::End),
            StateProjection::Idle => {
                let id = Some(this.last_event_id.as_str()).filter(|id| !id.is_empty());
                let response = this.transport.connect(id);
                this.state.set(State::Connecting { response });
                return Poll::Ready(Step::Silent);
            }
            StateProjection::Waiting { sleep } => {
                ready!(sleep.poll(context));
                this.state.set(State::Idle);
                return Poll::Ready(Step::Silent);
            }
            StateProjection::Connecting { response } => match ready!(response.poll(context)) {
                Err(error) if this.transport.is_final(&error) => {
                    (Next::GiveUp, Interruption::Transport(error))
                }
                Err(error) => {
                    let next = this.reconnect.handle_failure(this.transport.random());
                    (next, Interruption::Transport(error))
                }
                Ok(Response { status, content_type, retry_after, body }) => {
                    let (content_type, random) = (content_type.as_deref(), this.transport.random());
                    let next =
                        this.reconnect.handle_response(status, content_type, retry_after, random);
                    if next == Next::Read {
                        let parser = Parser::with_limits(*this.limits);
                        let parser = parser.with_last_event_id(this.last_event_id.as_str());
                        let parser = if *this.comments { parser.with_comments() } else { parser };
                        let events = EventStream::with_parser(body, parser);
                        this.state.set(State::Open { events });
                        return Poll::Ready(Step::Update(Update::Open));
                    }
                    (next, Interruption::Status(status))
                }
            },
            StateProjection::Open { mut events } => {
                let item = ready!(events.as_mut().poll_item(context));
                let cause = match said(item, this.reconnect) {
                    Ok(step @ (Step::Update(_) | Step::Silent)) => return Poll::Ready(step),
                    Ok(end) => {
                        events.last_event_id().clone_into(this.last_event_id);
                        this.state.set(State::Ended);
                        return Poll::Ready(end);
                    }
                    Err(cause) => cause,
                };
                events.last_event_id().clone_into(this.last_event_id);
                (this.reconnect.handle_end(this.transport.random()), cause)
            }
        };
        this.state.set(State::Ended);
        if let Next::Wait(delay) = next {
            let sleep = this.transport.sleep(delay);
            this.state.set(State::Waiting { sleep });
        }
        Poll::Ready(Step::after(next, cause))
    }
}

/// What a step of an event source came to.
enum Step<E> {
    /// Nothing that is said; the next step may come at once.
    Silent,
    Update(Update<E>),
    Fail(EventSourceError<E>),
    End,
}

impl<E> Step<E> {
    /// What is said where there is no body to read.
    fn after(next: Next, cause: Interruption<E>) -> Self {
        match (next, cause) {
            (Next::Wait(delay), cause) => Self::Update(Update::Waiting { delay, cause }),
            (Next::Fail(refusal), _) => Self::Fail(EventSourceError::Refused(refusal)),
            (Next::GiveUp, Interruption::Transport(error)) => {
                Self::Fail(EventSourceError::Transport(error))
            }
            (Next::GiveUp, Interruption::Status(status)) => {
                Self::Fail(EventSourceError::Refused(Refusal::Status(status)))
            }
            // The first is asked for, the others do not come here.
            (Next::Stop | Next::Read | Next::GiveUp, _) => Self::End,
        }
    }
}

/// What an open connection says, or why there is nothing more to read of it.
fn said<E>(
    item: Option<Result<OwnedItem, EventStreamError<E>>>,
    reconnect: &mut Reconnect,
) -> Result<Step<E>, Interruption<E>> {
    Ok(match item {
        Some(Ok(OwnedItem::Event(event))) => Step::Update(Update::Event(event)),
        Some(Ok(OwnedItem::Comment(text))) => Step::Update(Update::Comment(text)),
        Some(Ok(OwnedItem::Retry(delay))) => {
            reconnect.handle_retry(delay);
            Step::Silent
        }
        Some(Err(EventStreamError::Limit(error))) => Step::Fail(EventSourceError::Limit(error)),
        Some(Err(EventStreamError::Transport(error))) => {
            return Err(Interruption::Transport(error));
        }
        None => return Err(Interruption::End),
    })
}

impl<T: Transport> Stream for EventSource<T> {
    type Item = Result<OwnedEvent, EventSourceError<T::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.as_mut().poll_step(context)) {
                Step::Update(Update::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Step::Update(_) | Step::Silent => {}
                Step::Fail(error) => return Poll::Ready(Some(Err(error))),
                Step::End => return Poll::Ready(None),
            }
        }
    }
}

impl<T: Transport> FusedStream for EventSource<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl<T: Transport> fmt::Debug for EventSource<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("EventSource");
        fields.field("last_event_id", &self.last_event_id()).field("reconnect", &self.reconnect);
        fields.finish_non_exhaustive()
    }
}

pin_project! {
    /// Events, and what becomes of the connections: [`EventSource::updates`].
    #[must_use = "streams do nothing unless polled"]
    pub struct Updates<T: Transport> {
        #[pin]
        source: EventSource<T>,
    }
}

impl<T: Transport> Updates<T> {
    /// What the next request is made with.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }
}

impl<T: Transport> Stream for Updates<T> {
    type Item = Result<Update<T::Error>, EventSourceError<T::Error>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut source = self.project().source;
        loop {
            match ready!(source.as_mut().poll_step(context)) {
                Step::Update(update) => return Poll::Ready(Some(Ok(update))),
                Step::Silent => {}
                Step::Fail(error) => return Poll::Ready(Some(Err(error))),
                Step::End => return Poll::Ready(None),
            }
        }
    }
}

/// Why an event source has ended, though nobody wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventSourceError<E> {
    /// The answer is no event stream.
    Refused(Refusal),
    /// The peer sent a value over its limit. It would again.
    Limit(LimitError),
    /// It is no use to try again after this, or as many attempts have failed in a row as the policy
    /// allows, the last one by this.
    Transport(E),
}

impl<E> fmt::Display for EventSourceError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused(_) => "the server does not offer the event stream",
            Self::Limit(_) => "the event stream has a value that is too long",
            Self::Transport(_) => "the server could not be reached, and no further attempt is made",
        })
    }
}

impl<E: Error + 'static> Error for EventSourceError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Refused(refusal) => refusal,
            Self::Limit(error) => error,
            Self::Transport(error) => error,
        })
    }
}
