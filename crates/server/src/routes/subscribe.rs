//! The four wires: what a request asks for becomes a connection of its own, or a long-poll.

use super::{
    ConnectionsData, WorkerData, account, admit, check_room, handshake::shake_hands, json_answer,
    sharing,
};
use crate::{
    access::{Caller, Identity, MaybeIdentity},
    connection_kind::ConnectionKind,
    problem::ProblemResponse,
    query::Query,
    renewals::RenewalId,
    request_turns::RequestTurn,
    socket::ClientSocket,
    subscribed::Subscribed,
    takeover::{self, ClientDisconnect, Handoff},
    temporary::retry_after_seconds,
    traces,
    worker_context::{Goodbye, WorkerContext},
    worker_loop::WorkerLoop,
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, body,
    http::{Method, header},
    web,
};
use std::{
    borrow::Cow,
    future::poll_fn,
    mem,
    num::NonZeroU64,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use tidewire_broker::{Forbidden, Grant};
use tidewire_connection::{
    self as connection, Finding, Format, Framing, Limits, LongPoll, Opening, Page, Subscription,
    Transport, Wire,
};
use tidewire_protocol::ErrorCode;

/// `GET /events`: Server-Sent Events.
pub(super) async fn events(
    request: HttpRequest,
    query: Query,
    handoff: Handoff,
    (caller, identity): (Caller, Identity),
    connections: ConnectionsData,
) -> Result<HttpResponse, ProblemResponse> {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"));
    let heartbeat = query.heartbeat()?;
    let asked = Asked { request: &request, query: &query, caller: &caller, identity: &identity };
    follow(asked, handoff, &connections, response, Format::Raw, move |format, framing| Wire::Sse {
        format,
        framing,
        heartbeat,
    })
    .await
}

/// `GET /stream`: one message a line.
pub(super) async fn stream(
    request: HttpRequest,
    query: Query,
    handoff: Handoff,
    (caller, identity): (Caller, Identity),
    connections: ConnectionsData,
) -> Result<HttpResponse, ProblemResponse> {
    let mut response = HttpResponse::Ok();
    let content_type = match query.format(Format::Json)? {
        Format::Json => "application/x-ndjson; charset=utf-8",
        Format::Raw => "text/plain; charset=utf-8",
    };
    response.insert_header((header::CONTENT_TYPE, content_type));
    let asked = Asked { request: &request, query: &query, caller: &caller, identity: &identity };
    follow(asked, handoff, &connections, response, Format::Json, |format, framing| Wire::Stream {
        format,
        framing,
    })
    .await
}

/// `GET /ws`, or `/` with an Upgrade header: WebSocket.
pub(super) async fn socket(
    request: HttpRequest,
    query: Query,
    handoff: Handoff,
    payload: web::Payload,
    (caller, identity): (Caller, MaybeIdentity),
    connections: ConnectionsData,
) -> Result<HttpResponse, ProblemResponse> {
    let worker_context = connections.worker_context();
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.filter_map(|value| value.to_str().ok());
    let subprotocol = ws_frame::choose_subprotocol(offered, &[SUBPROTOCOL]).is_some();
    let identity = match identity {
        // Its first frame may have a token. Until then it may do nothing.
        MaybeIdentity(Err(_)) if subprotocol && query.one("channel").is_none() => {
            Identity::nobody()
        }
        MaybeIdentity(identity) => identity?,
    };
    // Browsers let every page read what it receives on a WebSocket, so this needs more than the right to read.
    let grant = caller.actor_grant(&identity, "open a WebSocket")?;
    let grant = grant.on_account(account(&request, &identity, worker_context));
    let accept = shake_hands(&request)?;
    let format = query.format(Format::Raw)?;
    let wire = if subprotocol { Wire::Tidewire } else { Wire::WebSocket(format) };
    let last_event_id = last_event_id(&request);
    let subscriptions =
        query.subscriptions(last_event_id.as_deref(), !subprotocol, &worker_context.limits())?;
    let member = identity.as_member(query.identity()?)?;
    let permit = admit(&request, &identity, wire.into(), worker_context)?;
    let subscriptions = found(subscriptions, &grant, worker_context).await?;
    worker_context.http.authenticator.use_ticket(&identity)?;
    let client = (&identity, renewal_id(wire, &grant)?);
    let opening = opening(wire, subscriptions, member, grant, client.1);
    let subscribed = Subscribed::open(opening, client, Rc::clone(&connections), permit)?;
    let mut response = HttpResponse::SwitchingProtocols();
    if let Some(accept) = accept {
        response.insert_header((header::SEC_WEBSOCKET_ACCEPT, accept));
    }
    if subprotocol {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL));
    }
    let limits = worker_context.limits();
    let taken = handoff.upgrade(&mut response, payload, move |socket, early| {
        tune(&socket, &limits);
        subscribed.run(socket, &early);
    });
    taken.map_err(|error| ProblemResponse::new(ErrorCode::BadRequest, error.to_string()))
}

/// `GET /poll`: long-poll.
pub(super) async fn poll(
    request: HttpRequest,
    query: Query,
    disconnect: ClientDisconnect,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let format = query.format(Format::Json)?;
    let wait_ms = query.wait_ms(worker_context.http.poll_wait_max)?;
    // A poll is too short to be a member. The identity is checked all the same, for clients that poll before they stream.
    query.identity()?;
    let subscriptions =
        query.subscriptions(last_event_id(&request).as_deref(), true, &worker_context.limits())?;
    let grant = caller.reader_grant(&identity);
    if request.method() == Method::HEAD {
        Subscription::check(&subscriptions, &grant, worker_context.clock.now())?;
        // The head of the answer, for which nothing has to be waited; no place is taken either.
        worker_context.admission.check()?;
        return Ok(json_answer(Vec::new()).set_body(body::None::new()).map_into_boxed_body());
    }
    check_room(&worker_context)?;
    let kind = ConnectionKind::of_poll(format);
    let _permit = admit(&request, &identity, kind, &worker_context)?;
    let subscriptions = found(subscriptions, &grant, &worker_context).await?;
    worker_context.http.authenticator.use_ticket(&identity)?;
    let mut waiter =
        RegisteredPoll::open(&subscriptions, &grant, wait_ms, Rc::clone(&worker_context))?;
    // A client that is gone needs no answer, and its place is free; one that has only ended its own side gets
    // what there is.
    let mut page = poll_fn(|context| waiter.poll(disconnect.has_happened(), context)).await?;
    let mut retry_after = None;
    if worker_context.admission.is_shutting_down() {
        let Goodbye { retry_ms, .. } = worker_context.goodbye(worker_context.clock.now());
        page = page.asking_back_after(retry_ms);
        retry_after = Some((header::RETRY_AFTER, retry_after_seconds(retry_ms)));
    }
    let mut body = Vec::new();
    page.write_json(format, &worker_context.broker, &mut body);
    count_page(&page, body.len(), &worker_context);
    let mut answer = json_answer(body);
    if let Some((name, value)) = retry_after {
        answer.headers_mut().insert(name, value);
    } else if sharing::is_for_all(&request, &query, &identity) && sharing::may_be_shared(&page) {
        answer.headers_mut().insert(header::CACHE_CONTROL, sharing::SHARED);
    }
    Ok(answer)
}

/// Counts what a long-poll is answered.
fn count_page(page: &Page, bytes: usize, worker_context: &WorkerContext) {
    let metrics = &worker_context.metrics.connections;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    metrics.deliveries.of(Transport::Poll).add(count(page.messages().count()));
    metrics.sent_bytes.of(Transport::Poll).add(count(bytes));
    traces::of_poll(page, &worker_context.worker.borrow());
    metrics.expired_gaps.add(count(page.expired_gaps()));
    metrics.unknown_gaps.add(count(page.unknown_gaps()));
}

/// The parts of a request to subscribe, and its sender.
struct Asked<'a> {
    request: &'a HttpRequest,
    query: &'a Query,
    caller: &'a Caller,
    identity: &'a Identity,
}

/// The same subscriptions, with their places found. When they are followed afterwards, the worker waits for no disk, and
/// looks at few channels.
async fn found(
    mut subscriptions: Vec<Subscription>,
    grant: &Grant,
    worker_context: &WorkerContext,
) -> Result<Vec<Subscription>, Forbidden> {
    let mut finding = Finding::new(worker_context.clock.now());
    let (mut turn, mut has_begun) = (worker_context.request_turns.claim(), false);
    poll_fn(|context| {
        // Mostly the first look finds all. What comes after takes a turn each.
        if mem::replace(&mut has_begun, true) {
            ready!(turn.poll(context));
            turn.end();
        }
        let (broker, waker) = (&worker_context.broker, context.waker());
        Subscription::find(&mut subscriptions, grant, broker, &mut finding, waker)
    })
    .await?;
    Ok(subscriptions)
}

/// Answers with an endless response, whose socket becomes a connection.
async fn follow(
    asked: Asked<'_>,
    handoff: Handoff,
    connections: &Rc<WorkerLoop<ClientSocket>>,
    mut response: HttpResponseBuilder,
    format: Format,
    wire: impl FnOnce(Format, Framing) -> Wire,
) -> Result<HttpResponse, ProblemResponse> {
    let Asked { request, query, caller, identity } = asked;
    let worker_context = connections.worker_context();
    let format = query.format(format)?;
    let subscriptions =
        query.subscriptions(last_event_id(request).as_deref(), true, &worker_context.limits())?;
    let member = identity.as_member(query.identity()?)?;
    let grant = caller.follower_grant(identity, &subscriptions, &worker_context.broker)?;
    // Proxies are asked to pass on what they get, when they get it.
    response
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(("Incremental", "?1"));
    if request.method() == Method::HEAD {
        Subscription::check(&subscriptions, &grant, worker_context.clock.now())?;
        // Nothing is subscribed, so no place is taken.
        worker_context.admission.check()?;
        return Ok(handoff.stream(&mut response, |_, _| ()));
    }
    let framing = match handoff.framing() {
        takeover::Framing::Chunked => Framing::Chunked,
        takeover::Framing::UntilClose => Framing::UntilClose,
    };
    let wire = wire(format, framing);
    let permit = admit(request, identity, wire.into(), worker_context)?;
    let subscriptions = found(subscriptions, &grant, worker_context).await?;
    worker_context.http.authenticator.use_ticket(identity)?;
    let client = (identity, renewal_id(wire, &grant)?);
    let opening = opening(wire, subscriptions, member, grant, client.1);
    let subscribed = Subscribed::open(opening, client, Rc::clone(connections), permit)?;
    let limits = worker_context.limits();
    Ok(handoff.stream(&mut response, move |socket, _| {
        tune(&socket, &limits);
        subscribed.run(socket, &bytes::Bytes::new());
    }))
}

fn opening(
    wire: Wire,
    subscriptions: Vec<Subscription>,
    identity: connection::Identity,
    grant: Grant,
    renewal_id: Option<RenewalId>,
) -> Opening {
    Opening {
        dialect: wire.dialect(),
        subscriptions,
        grant,
        number: NonZeroU64::MIN.saturating_add(OPENED.fetch_add(1, Ordering::Relaxed)),
        connection: format!("{:016x}", fastrand::u64(..)),
        identity,
        version: env!("CARGO_PKG_VERSION"),
        renewal_id: renewal_id.map(RenewalId::to_text),
    }
}

/// The secret name by which the client of a connection renews it: if its grant ends, and if its wire has room for it.
fn renewal_id(wire: Wire, grant: &Grant) -> Result<Option<RenewalId>, ProblemResponse> {
    let has_room = matches!(
        wire,
        Wire::Sse { .. }
            | Wire::Stream { format: Format::Json, .. }
            | Wire::WebSocket(Format::Json)
    );
    if !has_room || grant.expires_ms().is_none() {
        return Ok(None);
    }
    let id = RenewalId::random();
    id.map(Some).map_err(|error| ProblemResponse::new(ErrorCode::Internal, error.to_string()))
}

/// Any text is an id to a browser, so none counts as absent.
fn last_event_id(request: &HttpRequest) -> Option<Cow<'_, str>> {
    Some(String::from_utf8_lossy(request.headers().get("Last-Event-ID")?.as_bytes()))
}

/// Keeps what is not sent in the log rather than in the kernel's buffer, and has the kernel give up
/// on a client that vanished as soon as we would: heartbeats alone would fill its buffer for hours.
fn tune(socket: &ClientSocket, limits: &Limits) {
    socket.tune(UNSENT_BYTES, Duration::from_millis(limits.stall_ms));
}

/// A long-poll that gives its waiter up however the request ends.
struct RegisteredPoll {
    poll: Option<LongPoll>,
    worker_context: Rc<WorkerContext>,
    /// One message may wake thousands, and to read it and answer takes each of them a while.
    turn: RequestTurn,
    /// Whether it was polled before: the first time is in the turn of its request.
    has_begun: bool,
}

impl RegisteredPoll {
    fn open(
        subscriptions: &[Subscription],
        grant: &Grant,
        wait_ms: u64,
        worker_context: Rc<WorkerContext>,
    ) -> Result<Self, Forbidden> {
        let time = worker_context.clock.now();
        let worker = &worker_context.worker;
        let poll = LongPoll::open(subscriptions, grant, wait_ms, &mut worker.borrow_mut(), time)?;
        let turn = worker_context.request_turns.claim();
        Ok(Self { poll: Some(poll), worker_context, turn, has_begun: false })
    }

    fn poll(&mut self, has_gone: bool, context: &mut Context<'_>) -> Poll<Result<Page, Forbidden>> {
        let Some(poll) = &mut self.poll else { return Poll::Pending };
        if mem::replace(&mut self.has_begun, true) {
            ready!(self.turn.poll(context));
            self.turn.end();
        }
        let time = self.worker_context.clock.now();
        if has_gone || self.worker_context.is_dismissed(poll.waiter()) {
            poll.stop_waiting();
        }
        let mut worker = self.worker_context.worker.borrow_mut();
        match poll.poll_answer(&mut worker, time, context.waker()) {
            Some(answer) => Poll::Ready(answer),
            None => {
                poll.park(&mut worker, context.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for RegisteredPoll {
    fn drop(&mut self) {
        if let Some(poll) = self.poll.take() {
            self.worker_context.leave(|worker| poll.leave(worker));
        }
    }
}

/// Connections opened by this process.
static OPENED: AtomicU64 = AtomicU64::new(0);

const SUBPROTOCOL: &str = "tidewire.v1";

/// Unsent bytes the kernel holds before it says that a socket takes no more: one gather.
const UNSENT_BYTES: u32 = 64 << 10;

#[cfg(test)]
mod tests;
