//! The socket as actix sees it, and the one home of the states a takeover goes through.
//!
//! Apart because everything that could lose a byte or a waker is here.

use super::close::close_after_answer;
use super::early::{Answers, Refuse};
use super::holding::Holding;
use super::input_buffer::{BODY_READ_BYTES, Begin, InputBuffer, Read};
use super::mismatch;
use super::target::{RequestBody, Targets};
use super::timeouts::HttpTimeouts;
use crate::in_flight::InFlight;
use crate::request_turns::{RequestTurn, RequestTurns};
use crate::socket::{ClientSocket, ProxyHeader, Socket};
use actix_http::Extensions;
use bytes::Bytes;
use futures_util::ready;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What runs with the socket and the bytes that were read past the request's head.
pub(super) type OnTaken<S> = Box<dyn FnOnce(S, Bytes)>;

/// A stream that knows whether a read is worth a turn, and what it holds.
pub(super) trait Readable: AsyncRead {
    /// Ready unless there is certainly nothing to read; then the waker is kept until there may be.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()>;

    /// Bytes that it has read and not handed out.
    fn unread_bytes(&self) -> usize {
        0
    }

    /// Bytes that it took and has not sent.
    fn unsent_bytes(&self) -> usize {
        0
    }
}

impl Readable for ClientSocket {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        Self::poll_readable(self, context)
    }

    fn unread_bytes(&self) -> usize {
        Socket::unread_bytes(self)
    }

    fn unsent_bytes(&self) -> usize {
        Socket::unsent_bytes(self)
    }
}

/// What all connections of a listener have in common.
#[derive(Clone)]
pub(super) struct ConnectionOptions {
    pub(super) timeouts: HttpTimeouts,
    pub(super) accounts: InFlight,
    pub(super) refuse: Refuse,
    pub(super) turns: RequestTurns,
}

/// A stream that a response can take from the dispatcher that drives it.
pub(super) struct HandoffStream<S> {
    stream: Option<S>,
    link: Link<S>,
    /// What the connection began with.
    pub(super) header: Option<ProxyHeader>,
    /// When the phase has to be over, or the next byte of a response on its way. actix's own timers do not cover a client
    /// that trickles the head of its second request, and stop once its task for the date has ended, which a clock before
    /// 1970 does to it.
    deadline: Pin<Box<Sleep>>,
    /// The phase that the deadline is for.
    phase: Phase,
    timeouts: HttpTimeouts,
    /// The stream has taken nothing of an answer since the deadline was set.
    is_stalled: bool,
    answers: Answers,
    input_buffer: InputBuffer,
    /// Bytes of a body that the dispatcher has got since it last had to decode.
    undecoded: usize,
    holding: Holding,
    /// To read, and to go on with a large answer.
    turn: RequestTurn,
}

impl<S> HandoffStream<S> {
    pub(super) fn new(stream: S, options: ConnectionOptions) -> (Self, Link<S>) {
        let ConnectionOptions { timeouts, accounts, refuse, turns } = options;
        let link = Link(Rc::new(Shared {
            state: RefCell::new(State::Serving),
            targets: Cell::new(Targets::START),
            phase: Cell::new(Phase::First),
            has_last_request: Cell::new(false),
            has_ended: Cell::new(false),
            has_answered: Cell::new(false),
            waiting: RefCell::new(None),
        }));
        let phase = Phase::First;
        let deadline = Box::pin(sleep(phase.limit(&timeouts)));
        let takeable = Self {
            stream: Some(stream),
            link: link.clone(),
            header: None,
            deadline,
            phase,
            timeouts,
            is_stalled: false,
            answers: Answers::new(refuse),
            input_buffer: InputBuffer::default(),
            undecoded: 0,
            holding: Holding::new(&accounts),
            turn: turns.claim(),
        };
        (takeable, link)
    }

    pub(super) fn link(&self) -> Link<S> {
        self.link.clone()
    }
}

impl HandoffStream<ClientSocket> {
    /// Leaves with the connection's requests the way to its socket, the [`Scheme`](crate::socket::Scheme) by which the
    /// client came, and the [`ProxyHeader`] if there was one.
    pub(super) fn describe(&self, data: &mut Extensions) {
        data.insert(self.link());
        if let Some(stream) = &self.stream {
            data.insert(stream.scheme());
        }
        if let Some(header) = self.header {
            data.insert(header);
        }
    }
}

impl<S: Unpin> HandoffStream<S> {
    /// An error once the phase has lasted too long.
    fn poll_deadline<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Begins to wait for the end of the phase, or the next byte in it.
    fn begin_to_wait(&mut self) {
        self.phase = self.link.0.phase.get();
        let limit = self.phase.limit(&self.timeouts);
        let limit = if self.is_stalled { limit.min(self.timeouts.stall) } else { limit };
        self.deadline.as_mut().reset(Instant::now() + limit);
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(taken)
    }
}

impl<S: Readable + AsyncWrite + Unpin + 'static> HandoffStream<S> {
    /// Reads what has come, as far as the dispatcher may have it, when it has a turn.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.link.0.has_answered.take() {
            self.holding.end_request();
            self.turn.note_answered();
        }
        if self.undecoded >= BODY_READ_BYTES {
            // actix would go on until its buffer holds 128 KiB, and keep a buffer of that size.
            self.undecoded = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let targets = self.link.0.targets.get();
            let is_in_body = !targets.is_in_head();
            let begins = self.phase == Phase::First && targets.is_between();
            let before = buffer.filled().len();
            let Poll::Ready(read) = self.read_once(context, buffer) else {
                self.undecoded = 0;
                return Poll::Pending;
            };
            match read? {
                Read::Some | Read::End => {
                    let first = buffer.filled().get(before);
                    if begins && first.is_some_and(|first| mismatch::is_tls(*first)) {
                        mismatch::report_tls();
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                    if is_in_body {
                        self.undecoded += buffer.filled().len() - before;
                    }
                    return Poll::Ready(Ok(()));
                }
                // To the end of what has come, or of the turn.
                Read::Gathered => {}
                Read::Later => {
                    self.link.0.waiting.replace(Some(context.waker().clone()));
                    return Poll::Pending;
                }
            }
        }
    }

    /// One read of that.
    fn read_once(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Read>> {
        let stream = self.stream.as_mut().map(Pin::new).ok_or_else(taken)?;
        if self.input_buffer.is_empty() {
            // Nothing to read takes no turn.
            ready!(stream.poll_readable(context));
        }
        ready!(self.turn.poll(context));
        let mut targets = self.link.0.targets.get();
        // actix takes the body of a request that waits for the rest of the one it answers, and then closes.
        let is_serving = self.link.0.phase.get() == Phase::Serving;
        let begin = if self.is_stalled || is_serving { Begin::Later } else { Begin::Now };
        let (is_in_head, before) = (targets.is_in_head(), buffer.filled().len());
        let len = self.input_buffer.len();
        let read = self.input_buffer.poll_read(stream, context, &mut targets, begin, buffer);
        self.link.0.targets.set(targets);
        if is_in_head {
            self.holding.add_head(buffer.filled().len() - before);
        }
        if self.input_buffer.has_ended() {
            self.link.0.has_ended.set(true);
        }
        let read = ready!(read);
        let kept = self.input_buffer.len().saturating_sub(len);
        self.turn.spend(READ_BYTES + kept + buffer.filled().len() - before);
        Poll::Ready(read)
    }
}

impl<S: Readable + AsyncWrite + Unpin + 'static> HandoffStream<S> {
    /// Ends a connection whose input takes room that others need: it gets an error, unless an answer is on its way.
    fn refuse(&mut self, context: &mut Context<'_>) -> io::Error {
        if self.phase != Phase::Serving && !self.is_stalled {
            let answer = self.answers.unavailable();
            if let Ok(stream) = self.stream() {
                // It fits an empty buffer. A client that reads nothing does not receive it.
                let _ = stream.poll_write(context, &answer);
            }
            if let Some(stream) = self.stream.take() {
                let close = Box::new(close_after_answer(self.timeouts.disconnect));
                self.link.0.state.replace(State::Taken(stream, close, Bytes::new()));
            }
        }
        taken()
    }

    /// Bytes that the stream took and has not sent.
    fn unsent_bytes(&self) -> usize {
        self.stream.as_ref().map_or(0, Readable::unsent_bytes)
    }

    /// The stream takes nothing of an answer: what that holds is counted, and the client has its time to read.
    fn wait_for_room<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.is_stalled {
            self.is_stalled = true;
            let stalled = Instant::now() + self.timeouts.stall;
            if stalled < self.deadline.deadline() {
                self.deadline.as_mut().reset(stalled);
            }
        }
        if self.holding.hold_output(context).is_err() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        // While held nothing is read, so that a client which takes no byte of the head is only found out here.
        self.poll_deadline(context)
    }

    /// The stream has taken some of an answer.
    fn go_on(&mut self) {
        if mem::take(&mut self.is_stalled) {
            self.link.read_again();
        }
        self.begin_to_wait();
    }

    /// Ends a connection that took too long, as its phase asks for.
    fn time_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.phase {
            _ if self.is_stalled => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Phase::First => {
                let answer = self.answers.timeout();
                // It fits an empty buffer. A client that reads nothing does not receive it.
                let _ = self.stream()?.poll_write(context, &answer);
                Poll::Ready(Ok(()))
            }
            Phase::Serving => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Phase::Idle => Poll::Ready(Ok(())),
        }
    }
}

impl<S: Readable + AsyncWrite + Unpin + 'static> AsyncRead for HandoffStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.link.holds_back(context) {
            return Poll::Pending;
        }
        if this.phase != this.link.0.phase.get() {
            this.begin_to_wait();
        }
        if this.deadline.as_mut().poll(context).is_ready() {
            return this.time_out(context);
        }
        let read = this.read(context, buffer);
        let unread_bytes = this.stream.as_ref().map_or(0, Readable::unread_bytes);
        match this.holding.hold_input(this.input_buffer.held_bytes() + unread_bytes, context) {
            Ok(()) => read,
            Err(_) => Poll::Ready(Err(this.refuse(context))),
        }
    }
}

impl<S: Readable + AsyncWrite + Unpin + 'static> AsyncWrite for HandoffStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.holding.note_answer(bytes.len());
        if bytes.len() > ANSWER_BYTES_MIN
            && this.turn.poll(context).is_pending()
            // It counts while it waits. What finds no room for that goes on at once: its client may take it.
            && this.holding.hold_output(context).is_ok()
        {
            return this.poll_deadline(context);
        }
        let is_muted = this.link.has_last_request();
        let stream = this.stream.as_mut().map(Pin::new).ok_or_else(taken)?;
        let Poll::Ready(written) = this.answers.poll_write(stream, context, bytes, is_muted)?
        else {
            return this.wait_for_room(context);
        };
        this.turn.spend(written);
        if written == bytes.len() && this.unsent_bytes() == 0 {
            this.holding.end_answer();
        }
        this.go_on();
        Poll::Ready(Ok(written))
    }

    /// The dispatcher flushes once the stream has accepted all it had to write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unsent_bytes() > 0 {
            if this.stream()?.poll_flush(context)?.is_pending() {
                return this.wait_for_room(context);
            }
            this.holding.end_answer();
            this.go_on();
        }
        ready!(this.stream()?.poll_flush(context))?;
        if this.link.take(&mut this.stream, &mut this.input_buffer) {
            Poll::Ready(Err(taken()))
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(context)
    }
}

/// What the socket, the response body and the service around the dispatcher share.
pub(super) struct Link<S>(Rc<Shared<S>>);

struct Shared<S> {
    state: RefCell<State<S>>,
    phase: Cell<Phase>,
    /// How far the bytes of requests have come that the dispatcher has read.
    targets: Cell<Targets>,
    /// Whether a request was served that said it is the connection's last.
    has_last_request: Cell<bool>,
    /// The client has ended its side: mostly, it is gone.
    has_ended: Cell<bool>,
    /// A handler has answered, so that the head of its request is gone.
    has_answered: Cell<bool>,
    /// What to wake once the next request is served, or the answer before it is read.
    waiting: RefCell<Option<Waker>>,
}

enum State<S> {
    /// The dispatcher reads and writes as if nothing of ours were there.
    Serving,
    /// A response that takes over is on its way; once `armed`, the next flush is the moment.
    Held { reader: Option<Waker>, armed: Option<(OnTaken<S>, Bytes)> },
    /// The stream has left the dispatcher.
    Taken(S, OnTaken<S>, Bytes),
}

/// What a connection is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The head of its first request.
    First,
    /// A handler, and what that waits for.
    Serving,
    /// That it takes the answer, or sends the next request.
    Idle,
}

impl Phase {
    fn limit(self, timeouts: &HttpTimeouts) -> Duration {
        match self {
            Self::First => timeouts.request_head,
            Self::Serving => timeouts.answer,
            Self::Idle => timeouts.keep_alive.min(timeouts.answer),
        }
    }
}

impl<S> Link<S> {
    /// Takes word of a request that is about to be served, and what its body is. Returns whether it may be
    /// served: behind the last one nothing is ([RFC 9112 §9.6]).
    ///
    /// [RFC 9112 §9.6]: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    pub(super) fn begin(&self, is_last: bool, body: RequestBody) -> bool {
        self.0.phase.set(Phase::Serving);
        let mut targets = self.0.targets.get();
        targets.serve(body);
        self.0.targets.set(targets);
        self.read_again();
        !self.0.has_last_request.replace(self.has_last_request() || is_last)
    }

    /// Has the dispatcher read what waited for something to happen.
    fn read_again(&self) {
        if let Some(reader) = self.0.waiting.take() {
            reader.wake();
        }
    }

    /// Takes word that the handler of the request has answered.
    pub(super) fn answered(&self) {
        self.0.phase.set(Phase::Idle);
        self.0.has_answered.set(true);
        self.read_again();
    }

    fn has_last_request(&self) -> bool {
        self.0.has_last_request.get()
    }

    /// Whether the client has ended its side.
    pub(super) fn has_ended(&self) -> bool {
        self.0.has_ended.get()
    }

    /// Stops reading.
    pub(super) fn hold(&self) {
        self.0.state.replace(State::Held { reader: None, armed: None });
    }

    /// Lets the next flush take the stream.
    pub(super) fn arm(&self, on_taken: OnTaken<S>, early: Bytes) {
        if let State::Held { armed, .. } = &mut *self.0.state.borrow_mut() {
            *armed = Some((on_taken, early));
        }
    }

    /// Reads again, unless the stream is already taken.
    pub(super) fn release(&self) {
        let mut state = self.0.state.borrow_mut();
        if matches!(*state, State::Held { .. }) {
            let held = mem::replace(&mut *state, State::Serving);
            // What is dropped and woken may come back to this link.
            drop(state);
            if let State::Held { reader: Some(reader), .. } = held {
                reader.wake();
            }
        }
    }

    /// Gives a taken stream to its closure; returns whether there was one.
    pub(super) fn deliver(&self) -> bool {
        let state = self.0.state.replace(State::Serving);
        let State::Taken(stream, on_taken, early) = state else { return false };
        on_taken(stream, early);
        true
    }

    fn holds_back(&self, context: &Context<'_>) -> bool {
        let mut state = self.0.state.borrow_mut();
        let State::Held { reader, .. } = &mut *state else { return false };
        *reader = Some(context.waker().clone());
        true
    }

    /// Moves the stream here if a response is armed; returns whether it did.
    fn take(&self, stream: &mut Option<S>, input_buffer: &mut InputBuffer) -> bool
    where
        S: AsyncRead + Unpin,
    {
        let mut state = self.0.state.borrow_mut();
        if let State::Held { armed, .. } = &mut *state
            && let Some((on_taken, early)) = armed.take()
            && let Some(mut stream) = stream.take()
        {
            forget_reader(&mut stream);
            self.0.waiting.take();
            let early = match input_buffer.take() {
                ahead if ahead.is_empty() => early,
                ahead => [&early, &*ahead].concat().into(),
            };
            *state = State::Taken(stream, on_taken, early);
            return true;
        }
        false
    }
}

impl<S> Clone for Link<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Makes a TCP stream drop the dispatcher's waker, which would keep the memory of its finished task: `readable()`
/// waits beside that waker and never replaces it. Reading zero bytes loses nothing.
fn forget_reader<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut context = Context::from_waker(Waker::noop());
    let _ = Pin::new(stream).poll_read(&mut context, &mut ReadBuf::new(&mut []));
}

/// Never reaches a peer or a log: it only makes the dispatcher end.
fn taken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// A shorter answer is written in the turn of its request, or without one.
const ANSWER_BYTES_MIN: usize = 16 << 10;

/// What a read counts beside its bytes.
const READ_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::takeover::RefusalBody;
    use std::sync::Arc;
    use std::task::Wake;
    use tokio::net::{TcpListener, TcpStream};

    impl ConnectionOptions {
        /// With more time and room than a test needs.
        pub(in crate::takeover) fn of(refuse: Refuse) -> Self {
            let accounts = InFlight::new(64 << 20, 64 << 20);
            let turns = RequestTurns::unlimited();
            Self { timeouts: HttpTimeouts::default(), accounts, refuse, turns }
        }
    }

    #[actix_web::test]
    async fn a_taken_stream_has_forgotten_who_read_it_before() {
        struct Dispatcher;
        impl Wake for Dispatcher {
            fn wake(self: Arc<Self>) {}
        }

        let dispatcher = Arc::new(Dispatcher);
        let waker = Arc::clone(&dispatcher).into();
        let mut context = Context::from_waker(&waker);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let refuse: Refuse = Rc::new(|_| RefusalBody::default());
        let accepted = ClientSocket::from(listener.accept().await.unwrap().0);
        let (mut socket, link) = HandoffStream::new(accepted, ConnectionOptions::of(refuse));
        let read = Pin::new(&mut socket).poll_read(&mut context, &mut ReadBuf::new(&mut [0]));
        assert!(read.is_pending());
        // Ours, the test's waker, the stream's reader and the deadline.
        assert_eq!(Arc::strong_count(&dispatcher), 4);
        link.hold();
        link.arm(Box::new(|_, _| ()), Bytes::new());
        assert!(matches!(Pin::new(&mut socket).poll_flush(&mut context), Poll::Ready(Err(_))));
        drop(socket);
        assert_eq!(Arc::strong_count(&dispatcher), 2);
    }
}
