//! How a client comes, and comes back: on some wire, from the places it remembers.

use super::{
    checkers::Follow,
    client::{Ask, Client},
    ear::{Ear, Manner},
    link::Pipe,
    presence::{connection_name, identity, late_user},
    session::{Core, Session},
    settings,
    workload::request,
    world::{World, sight, time},
};
use fastrand::Rng;
use std::{mem, num::NonZeroU64, time::Duration};
use tidewire_broker::Grant;
use tidewire_connection::{Connection, Dialect, LongPoll, Opening, Place, Subscription, Wire};
use tidewire_protocol::{ClientMessage, Position, Since, Subscribe};

impl World {
    /// Opens a connection for a client, which goes on where it was.
    pub(crate) fn connect(&mut self, at: usize) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let rng = &mut self.rng;
        if client.placed_by.is_some() {
            self.tally.reconnects += 1;
            if rng.bool() {
                client.manner = settings::manner(rng);
                client.choose_manner(rng);
            }
            self.tally.cross_wire += u64::from(client.placed_by != Some(client.manner));
        }
        let (is_placeless, past) = (client.is_placeless(), past(rng));
        for follow in &mut client.follower.follows {
            follow.reconnect();
            if client.manner == Manner::Poll && rng.u8(..4) == 0 {
                // It has forgotten everything, and lists what there is by now.
                *follow = Follow::new(&follow.pattern, None, true);
            }
            // The first answer to a poll tells all that was retained, and where that ends.
            let is_told = client.manner == Manner::Poll && past == Since::Earliest;
            follow.from_earliest &= !is_placeless || is_told;
        }
        let is_live = client.manner != Manner::Poll;
        let subscriptions = subscriptions(client, past, rng);
        self.sessions_opened += 1;
        let number = self.sessions_opened;
        if is_live {
            let patterns = subscriptions.iter().map(|it| it.pattern.as_str());
            self.presence.open(number, patterns, &self.settings);
        }
        let session = self.open(at, subscriptions);
        self.sessions.insert(number, session);

        let Some(client) = self.clients.get_mut(at) else { return };
        self.trace.note(self.now_ms, || {
            let Client { manner, follower, .. } = client;
            format!("client {at} opens {manner:?} as session {number}: {:?}", follower.follows)
        });
        (client.session, client.ear) = (Some(number), Some(Ear::new(client.manner)));
        (client.heard_ms, client.deaf_until_ms) = (self.now_ms, 0);
        let head = self.intake.broker.position(self.intake.broker.head());
        let sight = sight(&self.history, &self.intake, &self.settings, client.ears());
        for follow in &mut client.follower.follows {
            if is_placeless && follow.place.is_none() && !follow.from_earliest {
                follow.place = Some(Position { epoch: head.epoch, offset: head.offset });
            }
            follow.begin_at_once(past, &sight);
        }
    }

    /// The server's end of a new connection, on any worker.
    fn open(&mut self, at: usize, subscriptions: Vec<Subscription>) -> Session {
        let Self { rng, settings, workers, sessions_opened, .. } = self;
        let number = NonZeroU64::new(*sessions_opened).unwrap_or(NonZeroU64::MIN);
        let mut link = || {
            let mut pipe = Pipe::new(settings.link_bytes, rng.u64(0..=settings.delay_max_ms));
            if self.is_healed {
                pipe.heal();
            }
            pipe
        };
        let (down, up) = (link(), link());
        let (worker_at, wait_ms) = (rng.usize(..workers.len()), rng.u64(0..2_000));
        let manner = self.clients.get(at).map_or(Manner::Poll, |client| client.manner);
        let (time, now_ms) = (time(self.now_ms), self.now_ms);
        let core = match (workers.get_mut(worker_at), manner) {
            (Some(shift), Manner::Live(wire)) => {
                let (connection, version) = (connection_name(number.get()), "0");
                let (grant, identity) = (Grant::open(), identity(number.get()));
                let opening =
                    Opening { wire, subscriptions, grant, number, connection, identity, version };
                Core::Live(Box::new(Connection::open(opening, &mut shift.worker, time)))
            }
            (Some(shift), Manner::Poll) => {
                Core::Poll(LongPoll::open(&subscriptions, wait_ms, &mut shift.worker, time))
            }
            (None, _) => Core::Over,
        };
        let is_websocket = matches!(manner, Manner::Live(Wire::WebSocket(_)));
        Session::new(worker_at, core, is_websocket, down, up, now_ms)
    }
}

/// What the query says; a client of `tidewire.v1` may rather ask once it is there.
fn subscriptions(client: &mut Client, past: Since, rng: &mut Rng) -> Vec<Subscription> {
    let manner = client.manner;
    if manner == Manner::Live(Wire::WebSocket(Dialect::Tidewire)) && rng.bool() {
        for follow in mem::take(&mut client.follower.follows) {
            subscribe(client, follow, rng);
        }
    }
    let follows = client.follower.follows.iter();
    follows.filter_map(|follow| subscription(follow, manner, past)).collect()
}

/// Asks for a subscription, from its place or as it was first meant.
pub(crate) fn subscribe(client: &mut Client, mut follow: Follow, rng: &mut Rng) {
    follow.reconnect();
    let since = match follow.bookmark() {
        Some(place) => Some(place.into()),
        None => follow.from_earliest.then(|| past(rng)),
    };
    let channel = follow.pattern.clone();
    client.ask(Ask::Subscribe(follow), rng, |id| {
        let since = since.map(|since| since.to_string().into());
        let (channel, user) = (channel.into(), late_user(id).map(Into::into));
        let subscribe = Subscribe { id, channel, since, user, ..Subscribe::default() };
        request(&ClientMessage::Subscribe(subscribe))
    });
}

/// What the query of a request would say.
fn subscription(follow: &Follow, manner: Manner, past: Since) -> Option<Subscription> {
    let place = match follow.bookmark() {
        Some(place) if matches!(manner, Manner::Live(Wire::Sse { .. })) => {
            Place::from_last_event_id(&place.to_string())
        }
        Some(place) => Place::Since(place.into()),
        None if follow.from_earliest => Place::Since(past),
        None => Place::NOW,
    };
    Some(Subscription { pattern: follow.pattern.parse().ok()?, place })
}

fn past(rng: &mut Rng) -> Since {
    if rng.bool() { Since::Earliest } else { Since::Ago(Duration::from_millis(rng.u64(0..3_000))) }
}
