//! HTTP/2: one task for each connection, which drives the `h2` crate and the requests of all streams.
//!
//! actix's own HTTP/2 has no extended CONNECT, no bound on streams and no graceful end, so it is not used. Finite requests
//! go to the same application as those of HTTP/1.1; a stream that a handler takes becomes a socket of the worker's loop.
//!
//! ```text
//!   TLS ─▶ frames ─▶ h2 ─┬─▶ a request: waits for its turn ─▶ the application ─▶ its answer, piece by piece
//!    ▲                   └─▶ … whose handler takes the stream ─▶ Http2Stream ─▶ the worker's loop
//!    └── frames ◀─ h2 ◀── what answers and streams have written, as far as the client's windows allow
//! ```
//!
//! Reading takes turns like that of HTTP/1.1, and so does each request. What a connection holds is counted as one client:
//! heads, bodies that nobody has read, answers that are not sent.

mod answer;
mod io;
mod liveness;
mod request;

use super::close::close_after_answer;
use super::early::Expect;
use super::proxied::Remote;
use super::socket::ConnectionOptions;
use crate::in_flight::{Full, Held};
use crate::request_turns::RequestTurn;
use crate::socket::{ClientSocket, HoldServer, Http2Meter, Piece, STREAM_BYTES_MAX};
use actix_http::body::{BoxBody, MessageBody};
use actix_http::{Request, Response};
use actix_rt::spawn;
use actix_service::Service;
use answer::answer;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use futures_util::stream::FuturesUnordered;
use h2::server::{self, SendResponse};
use h2::{Ping, PingPong, Reason};
use io::{Http2Io, Traffic};
use liveness::{Liveness, Verdict};
use request::Incoming;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// What all HTTP/2 connections of a listener have in common; cloning gives another handle.
#[derive(Clone)]
pub(super) struct Http2Options {
    app: App,
    common: ConnectionOptions,
    expect: Expect,
    hold_server: HoldServer,
}

/// The application of the worker.
type App = Rc<dyn Fn(Request) -> LocalBoxFuture<'static, Response<BoxBody>>>;

impl Http2Options {
    pub(super) fn new<A, B>(
        app: Rc<A>,
        common: ConnectionOptions,
        expect: Expect,
        hold_server: HoldServer,
    ) -> Self
    where
        A: Service<Request> + 'static,
        A::Error: Into<Response<BoxBody>> + 'static,
        A::Response: Into<Response<B>> + 'static,
        B: MessageBody + 'static,
    {
        let app = move |request| {
            let answered = app.call(request);
            let answered = async move {
                match answered.await {
                    Ok(response) => response.into().map_into_boxed_body(),
                    Err(error) => error.into(),
                }
            };
            answered.boxed_local()
        };
        Self { app: Rc::new(app), common, expect, hold_server }
    }
}

/// Serves a connection, and returns once actix has no more to do with it: when it ends, or when one of its streams
/// becomes a connection of the worker's loop. Those are counted themselves, and actix takes a limited number of connections.
/// A connection that is counted by neither leaves soon ([`Liveness`]).
///
/// Once `leaving` is over it takes no more requests, and ends after those it has.
pub(super) async fn serve(
    socket: ClientSocket,
    remote: Remote,
    options: Http2Options,
    leaving: impl Future<Output = ()> + 'static,
) -> Result<(), Error> {
    let (counted, is_counted_no_more) = oneshot::channel();
    spawn(async move {
        if let Err(error) = run(socket, remote, options, counted, leaving).await {
            tracing::debug!(%error, peer = ?remote.address, "an HTTP/2 connection has failed");
        }
    });
    // The sender never sends: it is dropped.
    let _ = is_counted_no_more.await;
    Ok(())
}

async fn run(
    socket: ClientSocket,
    remote: Remote,
    options: Http2Options,
    counted: oneshot::Sender<()>,
    leaving: impl Future<Output = ()>,
) -> Result<(), Error> {
    let ConnectionOptions { timeouts, accounts, turns, .. } = options.common.clone();
    socket.tune(UNSENT_BYTES, timeouts.stall);
    let (io, traffic) = Http2Io::new(socket, turns.claim());
    let handshake = limits().handshake::<_, Piece>(io);
    let frames = timeout(timeouts.request_head, handshake).await.map_err(|_| timed_out())?;
    let mut frames = frames.map_err(Error::other)?;
    let mut ping_pong = frames.ping_pong();
    let mut liveness = Liveness::new(&timeouts, Instant::now());
    let mut timer = pin!(sleep_until(liveness.deadline()));
    let meter =
        Http2Meter::new(Rc::clone(&options.hold_server), remote.address.map(|peer| peer.ip()));
    let counted = Cell::new(Some(counted));
    let mut connection = Connection {
        frames,
        waiting: VecDeque::new(),
        turn: turns.claim(),
        traffic: traffic.clone(),
        requests: FuturesUnordered::new(),
        common: Rc::new(Common { options, remote, meter, counted }),
        input: accounts.input.open(),
        output: accounts.output.open(),
        resets: Resets::new(Instant::now()),
        leaving_since: None,
        is_ended: false,
    };
    let mut leaving = pin!(leaving);
    let served = poll_fn(|context| {
        traffic.begin();
        if !connection.is_leaving() && leaving.as_mut().poll(context).is_ready() {
            connection.leave();
        }
        if let Poll::Ready(ended) = connection.poll(context) {
            return Poll::Ready(ended);
        }
        loop {
            let has_streams = connection.frames.has_streams();
            let (now, read_at) = (Instant::now(), traffic.read_at());
            liveness.note_counted(now, connection.common.is_counted());
            match liveness.look(now, has_streams, connection.is_leaving(), read_at) {
                Verdict::Waits if timer.deadline() != liveness.deadline() => {
                    timer.as_mut().reset(liveness.deadline());
                }
                Verdict::Waits => ready!(timer.as_mut().poll(context)),
                Verdict::Asks => ask(ping_pong.as_mut(), context),
                Verdict::Leaves => {
                    connection.leave();
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Verdict::Gone => return Poll::Ready(Err(timed_out())),
            }
        }
    })
    .await;
    let is_ended = connection.is_ended;
    drop(connection);
    if let Some(socket) = traffic.take_socket().filter(|_| is_ended) {
        // What the client still sends is read, or it would not receive why it is disconnected.
        close_after_answer(timeouts.disconnect)(socket, Bytes::new());
    }
    served
}

/// Sends `PING`. Whatever comes then is a sign of life, so the answer itself is only passed over.
fn ask(ping_pong: Option<&mut PingPong>, context: &mut Context<'_>) {
    if let Some(ping_pong) = ping_pong {
        let _ = ping_pong.poll_pong(context);
        // If one is still on its way, that is as good.
        let _ = ping_pong.send_ping(Ping::opaque());
    }
}

/// What the requests of a connection share.
struct Common {
    options: Http2Options,
    remote: Remote,
    meter: Http2Meter,
    /// Dropped, actix counts the connection no more.
    counted: Cell<Option<oneshot::Sender<()>>>,
}

impl Common {
    /// Whether a limit on connections knows of this one: that of actix, or that of its streams.
    fn is_counted(&self) -> bool {
        let counted = self.counted.take();
        let is_actix_counting = counted.is_some();
        self.counted.set(counted);
        is_actix_counting || self.meter.taken() > 0
    }
}

struct Connection {
    frames: server::Connection<Http2Io, Piece>,
    /// Requests whose turn has not come. A connection has one claim for all of them, as one of HTTP/1.1 has.
    waiting: VecDeque<(Incoming, SendResponse<Piece>)>,
    turn: RequestTurn,
    traffic: Traffic,
    requests: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    common: Rc<Common>,
    /// Heads and bodies.
    input: Held,
    /// Answers, and what streams have taken.
    output: Held,
    resets: Resets,
    leaving_since: Option<Instant>,
    /// Because the client has done what it may not.
    is_ended: bool,
}

impl Connection {
    /// Does all that can be done now; ready once the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            while !self.waiting.is_empty() && self.turn.poll(context).is_ready() {
                self.begin_next();
            }
            while let Poll::Ready(Some(())) = self.requests.poll_next_unpin(context) {
                self.turn.note_answered();
                self.traffic.note_answered();
            }
            match self.frames.poll_accept(context) {
                Poll::Ready(Some(Ok(_))) if self.has_left() => {
                    tracing::debug!(peer = ?self.common.remote.address, "a client goes on after GOAWAY");
                    self.end(Reason::ENHANCE_YOUR_CALM, context);
                    break;
                }
                Poll::Ready(Some(Ok((head, respond)))) => {
                    let incoming = Incoming::new(head, &self.common.meter);
                    self.waiting.push_back((incoming, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    // What h2 itself ends a client for: it has said so by GOAWAY.
                    self.is_ended |= error.is_library();
                    return Poll::Ready(Err(Error::other(error)));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        if self.resets.are_too_many(self.common.meter.take_resets(), Instant::now()) {
            tracing::debug!(peer = ?self.common.remote.address, "a client resets too many streams");
            self.end(Reason::ENHANCE_YOUR_CALM, context);
        }
        if let Err(full) = self.account(context) {
            tracing::debug!(%full, "an HTTP/2 connection holds too much");
            self.input.let_go();
            self.output.let_go();
            self.end(Reason::ENHANCE_YOUR_CALM, context);
        }
        Poll::Pending
    }

    /// Serves the request that has waited longest.
    fn begin_next(&mut self) {
        self.turn.spend(REQUEST_BYTES);
        if let Some((incoming, respond)) = self.waiting.pop_front() {
            self.requests.push(Box::pin(answer(incoming, respond, Rc::clone(&self.common))));
        }
    }

    fn is_leaving(&self) -> bool {
        self.leaving_since.is_some()
    }

    /// Whether no request may come any more. A client that does not answer the `PING` after `GOAWAY` could go on else.
    fn has_left(&self) -> bool {
        self.leaving_since.is_some_and(|since| since.elapsed() > LEAVE_WAIT)
    }

    /// Takes no more requests.
    fn leave(&mut self) {
        self.leaving_since.get_or_insert_with(Instant::now);
        self.frames.graceful_shutdown();
    }

    /// Ends all streams, and says why.
    fn end(&mut self, reason: Reason, context: &Context<'_>) {
        self.leaving_since.get_or_insert_with(Instant::now);
        self.is_ended = true;
        self.waiting.clear();
        self.requests.clear();
        self.frames.abrupt_shutdown(reason);
        context.waker().wake_by_ref();
    }

    /// Counts what the connection holds.
    ///
    /// # Errors
    ///
    /// Others need the room more.
    fn account(&mut self, context: &Context<'_>) -> Result<(), Full> {
        let meter = &self.common.meter;
        hold(&mut self.input, meter.head_bytes() + meter.unread_bytes(), context)?;
        hold(&mut self.output, meter.unsent_bytes(), context)
    }
}

fn hold(held: &mut Held, bytes: usize, context: &Context<'_>) -> Result<(), Full> {
    held.hold(bytes)?;
    match held.poll_notice(context) {
        Poll::Ready(full) => Err(full),
        Poll::Pending => Ok(()),
    }
}

/// Streams that a client has ended early (CVE-2023-44487): each has cost a request that nobody takes the answer of.
struct Resets {
    /// How many more are taken now, at most [`RESETS_MAX`].
    left: u32,
    since: Instant,
}

impl Resets {
    fn new(now: Instant) -> Self {
        Self { left: RESETS_MAX, since: now }
    }

    fn are_too_many(&mut self, more: u32, now: Instant) -> bool {
        if more == 0 {
            return false;
        }
        let intervals = (now - self.since).as_millis() / RESET_INTERVAL.as_millis();
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        if intervals > 0 {
            self.left = self.left.saturating_add(intervals).min(RESETS_MAX);
            self.since = now;
        }
        let are_too_many = more > self.left;
        self.left = self.left.saturating_sub(more);
        are_too_many
    }
}

/// What a client is held to, by h2 itself.
fn limits() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(STREAM_BYTES_MAX)
        .max_pending_accept_reset_streams(UNSEEN_RESETS_MAX)
        .max_concurrent_reset_streams(REMEMBERED_RESETS_MAX)
        .max_local_error_reset_streams(Some(ERRORS_MAX))
        .enable_connect_protocol();
    builder
}

fn timed_out() -> Error {
    ErrorKind::TimedOut.into()
}

/// Streams of a connection at once, as [RFC 9113 §6.5.2] recommends at least.
///
/// [RFC 9113 §6.5.2]: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
pub(super) const STREAMS_MAX: u32 = 100;

/// The largest head of a request, counted as [RFC 9113 §6.5.2] does: as much as one of HTTP/1.1 may have.
///
/// [RFC 9113 §6.5.2]: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
const HEAD_BYTES_MAX: u32 = 128 << 10;

/// What a client may send on one stream before somebody reads it.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;

/// The same on all streams of a connection together.
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;

/// Resets that a connection may send at once, and then one in each [`RESET_INTERVAL`]: two pages full of streams that are
/// closed one after the other.
const RESETS_MAX: u32 = 2 * STREAMS_MAX;

const RESET_INTERVAL: Duration = Duration::from_millis(100);

/// Streams that a client may reset before their requests have been looked at.
const UNSEEN_RESETS_MAX: usize = 20;

/// Streams that were reset here, for which frames may still be on their way.
const REMEMBERED_RESETS_MAX: usize = 10;

/// Broken streams after which the connection ends.
const ERRORS_MAX: usize = 64;

/// How long after `GOAWAY` a request may still be on its way, or the client's answer to the `PING` that goes with it.
const LEAVE_WAIT: Duration = Duration::from_secs(20);

/// What a request counts of a turn.
const REQUEST_BYTES: usize = 4 << 10;

/// What the kernel holds of a connection that is not sent, so that streams share what it can take fairly.
const UNSENT_BYTES: u32 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_too_many_at_once_but_not_one_after_the_other() {
        let mut now = Instant::now();
        let mut resets = Resets::new(now);
        assert!(!resets.are_too_many(0, now) && !resets.are_too_many(RESETS_MAX, now));
        for _ in 0..1_000 {
            now += RESET_INTERVAL;
            assert!(!resets.are_too_many(1, now));
        }
        assert!(resets.are_too_many(1, now), "two within one interval");
        // However long it was quiet, no more are let pass at once.
        now += Duration::from_secs(3_600);
        assert!(!resets.are_too_many(RESETS_MAX, now) && resets.are_too_many(1, now));
    }
}
