//! The socket as actix sees it, and the one home of the states a takeover goes through.
//!
//! Apart because everything that could lose a byte or a waker is here.

use super::early::{Answers, Refuse};
use super::service::HttpTimeouts;
use super::target::{GROWTH, Targets};
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

/// A stream that a response can take from the dispatcher that drives it.
pub(super) struct Takeable<S> {
    stream: Option<S>,
    link: Link<S>,
    /// When the phase has to be over, or the next byte of a response on its way. actix's own timers
    /// let go of a client that trickles the head of its second request, and stand still once its
    /// task for the date has ended, which a clock before 1970 does to it.
    deadline: Pin<Box<Sleep>>,
    /// The phase that the deadline is for.
    phase: Phase,
    timeouts: HttpTimeouts,
    answers: Answers,
}

impl<S> Takeable<S> {
    pub(super) fn new(stream: S, timeouts: HttpTimeouts, refuse: Refuse) -> (Self, Link<S>) {
        let link = Link(Rc::new(Shared {
            state: RefCell::new(State::Serving),
            targets: Cell::new(Targets::START),
            phase: Cell::new(Phase::First),
            has_last_request: Cell::new(false),
            has_ended: Cell::new(false),
        }));
        let phase = Phase::First;
        let deadline = Box::pin(sleep(phase.limit(&timeouts)));
        let (stream, answers) = (Some(stream), Answers::new(refuse));
        (Self { stream, link: link.clone(), deadline, phase, timeouts, answers }, link)
    }

    pub(super) fn link(&self) -> Link<S> {
        self.link.clone()
    }
}

impl<S: Unpin> Takeable<S> {
    /// Begins to wait for the end of the phase, or the next byte in it.
    fn begin_to_wait(&mut self) {
        self.phase = self.link.0.phase.get();
        let deadline = Instant::now() + self.phase.limit(&self.timeouts);
        self.deadline.as_mut().reset(deadline);
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(taken)
    }
}

impl<S: AsyncRead + Unpin> Takeable<S> {
    /// Reads what has come, with the targets of requests in it escaped.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut targets = self.link.0.targets.get();
        // Room for the case that each byte is escaped. actix never brings a buffer without.
        let room = (buffer.remaining() / GROWTH).min(HEAD_READ_BYTES);
        if !targets.is_in_head() || room == 0 {
            let before = buffer.filled().len();
            let read = self.stream()?.poll_read(context, buffer);
            targets.pass(buffer.filled().len() - before);
            self.link.0.targets.set(targets);
            return read;
        }
        let mut bytes = [0; HEAD_READ_BYTES];
        let mut raw = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(self.stream()?.poll_read(context, &mut raw))?;
        targets.escape(raw.filled(), |piece| buffer.put_slice(piece));
        self.link.0.targets.set(targets);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Takeable<S> {
    /// Ends a connection that took too long, as its phase asks for.
    fn time_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.phase {
            Phase::First => {
                let answer = self.answers.timeout();
                // It fits an empty buffer, and who takes nothing hears nothing.
                let _ = self.stream()?.poll_write(context, &answer);
                Poll::Ready(Ok(()))
            }
            Phase::Serving => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Phase::Idle => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Takeable<S> {
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
        let before = buffer.filled().len();
        let read = this.read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before {
            this.link.0.has_ended.set(true);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Takeable<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let is_muted = this.link.has_last_request();
        let stream = this.stream.as_mut().map(Pin::new).ok_or_else(taken)?;
        let Poll::Ready(written) = this.answers.poll_write(stream, context, bytes, is_muted)?
        else {
            // While held nothing is read, so that a client which takes no byte of the head is only
            // found out here.
            return this
                .deadline
                .as_mut()
                .poll(context)
                .map(|()| Err(io::ErrorKind::TimedOut.into()));
        };
        this.begin_to_wait();
        Poll::Ready(Ok(written))
    }

    /// The dispatcher flushes once the stream has accepted all it had to write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.stream()?.poll_flush(context))?;
        if this.link.take(&mut this.stream) {
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
    /// Takes word of a request that is about to be served, with the length of its body if a header
    /// tells it. Returns whether it may be: behind the last one nothing is ([RFC 9112 §9.6]).
    ///
    /// [RFC 9112 §9.6]: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    pub(super) fn begin(&self, is_last: bool, body_bytes: Option<u64>) -> bool {
        self.0.phase.set(Phase::Serving);
        if let Some(bytes) = body_bytes {
            let mut targets = self.0.targets.get();
            targets.serve(bytes);
            self.0.targets.set(targets);
        }
        !self.0.has_last_request.replace(self.has_last_request() || is_last)
    }

    /// Takes word that the handler of the request has answered.
    pub(super) fn answered(&self) {
        self.0.phase.set(Phase::Idle);
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

    /// Gives a taken stream to its closure and tells whether there was one.
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

    /// Moves the stream here if a response is armed, and tells whether it did.
    fn take(&self, stream: &mut Option<S>) -> bool
    where
        S: AsyncRead + Unpin,
    {
        let mut state = self.0.state.borrow_mut();
        if let State::Held { armed, .. } = &mut *state
            && let Some((on_taken, early)) = armed.take()
            && let Some(mut stream) = stream.take()
        {
            forget_reader(&mut stream);
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

/// Makes a TCP stream let go of the dispatcher's waker, which would keep the memory of its finished
/// task: `readable()` waits beside that waker and never replaces it. Reading nothing loses nothing.
fn forget_reader<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut context = Context::from_waker(Waker::noop());
    let _ = Pin::new(stream).poll_read(&mut context, &mut ReadBuf::new(&mut []));
}

/// As much of a head as one read takes: most heads whole.
const HEAD_READ_BYTES: usize = 2 << 10;

/// Never reaches a peer or a log: it only makes the dispatcher end.
fn taken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::takeover::RefusalBody;
    use std::sync::Arc;
    use std::task::Wake;
    use tokio::net::{TcpListener, TcpStream};

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
        let (mut socket, link) =
            Takeable::new(listener.accept().await.unwrap().0, HttpTimeouts::default(), refuse);
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
