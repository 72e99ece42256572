//! How a client comes, and comes back: on some wire, from the places it remembers.

use super::{
    checkers::Follow,
    client::{Client, past},
    clock::time,
    link::Pipe,
    membership::{connection_name, identity},
    oracle::Oracle,
    request::Request,
    session::{Core, Session},
    session_grant::SessionGrant,
    wire_reader::{Manner, WireReader},
    world::World,
};
use fastrand::Rng;
use std::{mem, num::NonZeroU64};
use tidewire_broker::Grant;
use tidewire_connection::{Connection, LongPoll, Opening, RequestedStart, Subscription, Wire};
use tidewire_protocol::Since;

impl World {
    /// Opens a connection for a client, which goes on where it was.
    pub(crate) fn connect(&mut self, at: usize) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let rng = &mut self.rng;
        if client.placed_by.is_some() {
            self.tally.reconnects += 1;
            if rng.bool() {
                client.draw_manner(rng);
            }
            self.tally.cross_wire += u64::from(client.placed_by != Some(client.manner));
        }
        let mut past = past(rng);
        if let Some(program) = &mut client.program {
            if rng.u8(..12) == 0 {
                program.restart(&mut self.tally);
            }
            let (manner, follows) = program.connect(client.manner, &mut self.tally);
            (client.manner, client.follower.follows, past) = (manner, follows, program.since);
        }
        let is_placeless = client.is_placeless();
        for follow in &mut client.follower.follows {
            follow.reconnect();
            if client.manner == Manner::Poll && client.program.is_none() && rng.u8(..4) == 0 {
                // It has forgotten everything, and lists what there is by now.
                *follow = Follow::new(&follow.pattern, None, true);
            }
            // The first answer to a poll has all that there was, and where that ends.
            follow.from_earliest &= !is_placeless || client.manner == Manner::Poll;
        }
        let subscriptions = subscriptions(client, past, rng);
        let manner = client.manner;
        self.sessions_opened += 1;
        let number = self.sessions_opened;
        if manner != Manner::Poll {
            let patterns = subscriptions.iter().map(|it| it.pattern.as_str());
            self.presence.open(number, patterns, &self.settings);
        }
        let session =
            self.request(Request { client: at, manner, subscriptions, past, arrives_ms: 0 });
        self.sessions.insert(number, session);

        let Some(client) = self.clients.get_mut(at) else { return };
        self.trace.note(self.now_ms, || {
            let Client { manner, follower, .. } = client;
            format!("client {at} opens {manner:?} as session {number}: {:?}", follower.follows)
        });
        (client.session, client.wire_reader) = (Some(number), Some(WireReader::new(client.manner)));
        client.head_left = if manner == Manner::Poll { 0 } else { HEAD.len() };
        (client.received_ms, client.deaf_until_ms) = (self.now_ms, 0);
    }

    /// A request that sets out now, to any worker.
    fn request(&mut self, mut request: Request) -> Session {
        let Self { rng, settings, workers, .. } = self;
        let mut link = || {
            let mut pipe = Pipe::new(settings.link_bytes, rng.u64(0..=settings.delay_max_ms));
            if self.is_healed {
                pipe.heal();
            }
            pipe
        };
        let (down, up) = (link(), link());
        request.arrives_ms = self.now_ms + up.delay_ms;
        let worker = rng.usize(..workers.len());
        let is_websocket =
            matches!(request.manner, Manner::Live(Wire::WebSocket(_) | Wire::Tidewire));
        Session::new(worker, request, is_websocket, down, up, self.now_ms)
    }

    /// The requests that have arrived become connections, each on its worker.
    pub(crate) fn accept(&mut self) -> Result<(), String> {
        let now_ms = self.now_ms;
        let is_here = |(number, session): (&u64, &mut Session)| match &session.core {
            Core::Asked(request) if request.arrives_ms <= now_ms => Some(*number),
            _ => None,
        };
        let arrived: Vec<u64> = self.sessions.iter_mut().filter_map(is_here).collect();
        for number in arrived {
            let Some(session) = self.sessions.get_mut(&number) else { continue };
            let Core::Asked(request) = mem::replace(&mut session.core, Core::Over) else {
                continue;
            };
            let (at, past) = (request.client, request.past);
            self.serve(number, *request);
            let placed = self.begin(number, at, past);
            placed.map_err(|error| format!("client {at}: {error}"))?;
        }
        Ok(())
    }

    /// What a handler does: it subscribes, and then answers with the head.
    fn serve(&mut self, number: u64, request: Request) {
        let Self { rng, workers, sessions, .. } = self;
        let Request { manner, subscriptions, client, .. } = request;
        let is_program = self.clients.get(client).is_some_and(|it| it.program.is_some());
        // A wait from `now` on that is cut would lose a program what is published meanwhile.
        let may_wait = !is_program || subscriptions.iter().all(has_place);
        let Some(session) = sessions.get_mut(&number) else { return };
        let Some(worker) = workers.get_mut(session.worker) else { return };
        let (time, wait_ms) = (time(self.now_ms), rng.u64(0..2_000));
        let wait_ms = if may_wait { wait_ms } else { 0 };
        let is_endless = is_program || self.is_healed;
        let endless = || (SessionGrant::default(), Grant::open());
        let (granted, grant) = if is_endless { endless() } else { SessionGrant::draw(rng, time) };
        session.grant = granted;
        let (core, head) = match manner {
            Manner::Live(wire) => {
                let (connection, version) = (connection_name(number), "0");
                let identity = identity(number);
                let number = NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN);
                let opening = Opening {
                    dialect: wire.dialect(),
                    subscriptions,
                    grant,
                    number,
                    connection,
                    identity,
                    version,
                    renewal_id: None,
                };
                let opened = Connection::open(opening, &mut worker.worker, time);
                let Ok(connection) = opened else { return };
                (Core::Live(Box::new(connection)), HEAD)
            }
            Manner::Poll => {
                let worker = &mut worker.worker;
                let opened = LongPoll::open(&subscriptions, &grant, wait_ms, worker, time);
                let Ok(poll) = opened else { return };
                (Core::Poll(Box::new(poll)), &b""[..])
            }
        };
        session.begin(core, head, self.now_ms);
    }

    /// Notes what a client that is still there is owed from this moment on.
    fn begin(&mut self, number: u64, at: usize, past: Since) -> Result<(), String> {
        let head = self.engine.broker.position(self.engine.broker.head());
        let client = self.clients.get_mut(at).filter(|client| client.session == Some(number));
        let Some(client) = client else { return Ok(()) };
        let oracle = Oracle::new(&self.history, &self.engine, &self.settings, client.ears());
        let is_placeless = client.is_placeless();
        for follow in &mut client.follower.follows {
            if is_placeless && follow.place.is_none() && !follow.from_earliest {
                follow.check_beginning(head)?;
                follow.place = Some(head);
            }
            follow.begin_at_once(past, time(self.now_ms).wall_ms, &oracle);
        }
        Ok(())
    }
}

fn has_place(subscription: &Subscription) -> bool {
    matches!(subscription.start, RequestedStart::Since(Since::After(_)))
}

/// What the query says; a client of `tidewire.v1` may rather ask once it is there.
fn subscriptions(client: &mut Client, past: Since, rng: &mut Rng) -> Vec<Subscription> {
    let manner = client.manner;
    let may_ask = manner == Manner::Live(Wire::Tidewire);
    if may_ask && (client.program.is_some() || rng.bool()) {
        for follow in mem::take(&mut client.follower.follows) {
            client.subscribe(follow, rng);
        }
    }
    let follows = client.follower.follows.iter();
    follows.filter_map(|follow| subscription(follow, manner, past)).collect()
}

/// What the query of a request would say.
fn subscription(follow: &Follow, manner: Manner, past: Since) -> Option<Subscription> {
    let start = match follow.bookmark() {
        Some(place) if matches!(manner, Manner::Live(Wire::Sse { .. })) => {
            RequestedStart::from_last_event_id(&place.to_string())
        }
        Some(place) => RequestedStart::Since(place.into()),
        None if follow.from_earliest => RequestedStart::Since(past),
        None => RequestedStart::NOW,
    };
    Some(Subscription { pattern: follow.pattern.parse().ok()?, start })
}

/// Stands for the response head: a client that has read all of it is subscribed.
pub(crate) const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
