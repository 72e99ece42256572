//! Events from a stream of bytes: what HTTP clients call the body of a response.
//!
//! No runtime is needed: this polls the stream when it is polled. A piece of input is parsed where it
//! lies, and each event is copied out of it once.

use crate::{LimitError, OwnedEvent, OwnedItem, Parser};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::{error::Error, fmt, time::Duration};
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

/// Makes events of a stream of bytes, such as `reqwest::Response::bytes_stream()`.
///
/// # Example
///
/// The tokens of a language model:
///
/// ```
/// use futures_util::TryStreamExt as _;
/// use sse_codec::EventsExt as _;
///
/// # type Failure = sse_codec::EventStreamError<std::io::Error>;
/// # async fn read() -> Result<String, Failure> {
/// # let body = futures_util::stream::iter([Ok(&b"data: Sea\n\nda"[..]), Ok(b"ta:  shells\n\n")]);
/// let mut events = body.events();
/// let mut answer = String::new();
/// while let Some(event) = events.try_next().await? {
///     answer.push_str(event.data());
/// }
/// # Ok(answer)
/// # }
/// # assert_eq!(futures_util::FutureExt::now_or_never(read()).unwrap().unwrap(), "Sea shells");
/// ```
pub trait EventsExt: Stream + Sized {
    /// The events of the stream, with the default [`Limits`](crate::Limits).
    fn events(self) -> EventStream<Self> {
        EventStream::new(self)
    }
}

impl<S, B, E> EventsExt for S
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
}

pin_project! {
    /// The events of a stream of bytes, each as soon as its last byte has arrived.
    ///
    /// An event that the end of the stream leaves unfinished is [discarded]. After an error of the
    /// underlying stream that stream is asked again; after a [`LimitError`] there is nothing more.
    ///
    /// Beside the parser's memory, which its [`Limits`](crate::Limits) bound, it holds one piece of input.
    ///
    /// [discarded]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S: Stream> {
        #[pin]
        stream: S,
        // The piece of input that is being parsed, never an error, and how many of its bytes are.
        input: Option<S::Item>,
        parsed: usize,
        parser: Parser,
        retry: Option<Duration>,
        has_ended: bool,
    }
}

impl<S: Stream> EventStream<S> {
    /// The events of `stream`, with the default [`Limits`](crate::Limits).
    pub const fn new(stream: S) -> Self {
        Self::with_parser(stream, Parser::new())
    }

    /// The events of `stream` as that parser reads them: with its limits, and its last event id.
    ///
    /// ```
    /// # use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::{EventStream, Limits, Parser};
    ///
    /// # let body = stream::iter([Ok::<_, std::io::Error>("data: x\n\n")]);
    /// let parser = Parser::with_limits(Limits::new().data_bytes_max(1 << 20));
    /// let mut events = EventStream::with_parser(body, parser.with_last_event_id("42"));
    /// # let event = events.next().now_or_never().unwrap().unwrap().unwrap();
    /// # assert_eq!((event.id(), event.last_event_id()), (None, "42"));
    /// ```
    pub const fn with_parser(stream: S, parser: Parser) -> Self {
        Self { stream, input: None, parsed: 0, parser, retry: None, has_ended: false }
    }

    /// What a client sends as `Last-Event-ID` when it reconnects; empty before the first id.
    ///
    /// It is that of the last event that was handed out, or of a block without data after it.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// How long the stream has asked to wait before reconnecting.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// All that the stream says: events, `retry`, and comments if the parser reports them.
    pub const fn items(self) -> ItemStream<S> {
        ItemStream { events: self }
    }

    /// The underlying stream, without what was taken from it and makes no event yet.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, B, E> EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    /// Makes sure that there is input to parse; `None` if there is none any more.
    #[inline(always)] // In the one place where most events pass.
    fn poll_input(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(), EventStreamError<E>>>> {
        let this = self.project();
        if this.input.is_some() {
            return Poll::Ready(Some(Ok(())));
        }
        if *this.has_ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(this.stream.poll_next(context)) {
            piece @ Some(Ok(_)) => {
                (*this.input, *this.parsed) = (piece, 0);
                Some(Ok(()))
            }
            Some(Err(error)) => Some(Err(EventStreamError::Transport(error))),
            None => {
                *this.has_ended = true;
                None
            }
        })
    }

    /// An event of one line, as most are, if the input begins with it.
    #[inline(always)] // In the one place where most events pass.
    fn take_message(self: Pin<&mut Self>) -> Option<OwnedEvent> {
        let this = self.project();
        let Some(Ok(piece)) = this.input.as_ref() else { return None };
        let bytes = piece.as_ref();
        let mut input = bytes.get(*this.parsed..)?;
        let event = this.parser.take_message(&mut input)?;
        *this.parsed = bytes.len() - input.len();
        if input.is_empty() {
            *this.input = None;
        }
        Some(event)
    }

    /// The next event, whatever it is made of.
    #[inline(never)]
    fn poll_event(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedEvent, EventStreamError<E>>>> {
        loop {
            return Poll::Ready(match ready!(self.as_mut().poll_item(context)) {
                Some(Ok(OwnedItem::Event(event))) => Some(Ok(event)),
                Some(Ok(OwnedItem::Retry(retry))) => {
                    *self.as_mut().project().retry = Some(retry);
                    continue;
                }
                Some(Ok(OwnedItem::Comment(_))) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }

    /// The next thing the stream says.
    #[inline(always)] // In a few places, each with what it does with it.
    pub(crate) fn poll_item(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedItem, EventStreamError<E>>>> {
        loop {
            match ready!(self.as_mut().poll_input(context)) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
            let this = self.as_mut().project();
            let Some(Ok(piece)) = this.input.as_ref() else { continue };
            let bytes = piece.as_ref();
            let mut input = bytes.get(*this.parsed..).unwrap_or_default();
            let item = this.parser.parse_owned(&mut input);
            *this.parsed = bytes.len() - input.len();
            *this.has_ended |= item.is_err();
            if input.is_empty() || item.is_err() {
                *this.input = None;
            }
            if let Some(item) = item.transpose() {
                return Poll::Ready(Some(item.map_err(EventStreamError::Limit)));
            }
        }
    }
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<OwnedEvent, EventStreamError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.as_mut().poll_input(context)) {
            Some(Ok(())) => {}
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
        }
        match self.as_mut().take_message() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => self.poll_event(context),
        }
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for EventStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("EventStream");
        fields.field("stream", &self.stream).field("parser", &self.parser);
        fields.finish_non_exhaustive()
    }
}

impl<S, B, E> FusedStream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        self.has_ended && self.input.is_none()
    }
}

pin_project! {
    /// All that a stream of bytes says: [`EventStream::items`].
    ///
    /// # Example
    ///
    /// A watchdog for the comments by which a server keeps a connection alive:
    ///
    /// ```
    /// # use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::{EventStream, OwnedItem, Parser};
    ///
    /// # let body = stream::iter([Ok::<_, std::io::Error>(": alive\n\ndata: x\n\n")]);
    /// let mut items = EventStream::with_parser(body, Parser::new().with_comments()).items();
    /// # async {
    /// while let Some(item) = items.next().await {
    ///     // Here the watchdog is set again.
    ///     match item? {
    ///         OwnedItem::Event(event) => println!("{}", event.data()),
    ///         OwnedItem::Comment(_) | OwnedItem::Retry(_) | _ => {}
    ///     }
    /// }
    /// # Ok::<(), sse_codec::EventStreamError<std::io::Error>>(())
    /// # }.now_or_never().unwrap().unwrap();
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct ItemStream<S: Stream> {
        #[pin]
        events: EventStream<S>,
    }
}

impl<S: Stream> ItemStream<S> {
    /// What a client sends as `Last-Event-ID` when it reconnects; empty before the first id.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.events.last_event_id()
    }
}

impl<S, B, E> Stream for ItemStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<OwnedItem, EventStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().events.poll_item(context)
    }
}

/// Why a stream has no further event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventStreamError<E> {
    /// The underlying stream failed.
    Transport(E),
    /// The peer sent a value over its limit.
    Limit(LimitError),
}

impl<E> fmt::Display for EventStreamError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Transport(_) => "the event stream could not be read any further",
            Self::Limit(_) => "the event stream has a value that is too long",
        })
    }
}

impl<E: Error + 'static> Error for EventStreamError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Transport(error) => error,
            Self::Limit(error) => error,
        })
    }
}
