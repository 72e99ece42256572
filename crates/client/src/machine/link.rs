//! One connection for any number of subscriptions: what to open, what to send, and whom to give what.
//!
//! The connection begins all its channels together, at one position. A subscription that is further behind, or that takes
//! too little, reads pages by requests of its own until it has caught up with the connection; so none holds up another.
//!
//! ```text
//!                     open                item
//! (no connection) ──────────▶ opening ──────────▶ established
//!    ▲     ▲                     │                    │
//!    │     └── next wire ◀───────┤ failure            │ failure
//!    └──────── wait  ◀───────────┴────────────────────┘
//! ```

mod opening;
mod receiving;
mod recovery;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use super::{
    member::{Member, MemberId, Page, Phase, Step},
    wires::{Kind, Wires},
};
use crate::{Backoff, Outage, State, SubscribeError, Wire};
use fastrand::Rng;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use tidewire_protocol::{Bookmark, ClientMessage, Position, Problem, Publish, Since};

/// One connection and its subscriptions.
///
/// After each call that takes something in (`subscribe`, `publish`, `handle_…`), do what [`poll_action`](Self::poll_action)
/// says until it says nothing, then hand out [`take`](Self::take) and [`poll_outcome`](Self::poll_outcome). Call
/// [`handle_time`](Self::handle_time) at the [`deadline`](Self::deadline). Times are counted from any one moment.
#[derive(Debug)]
pub struct Link {
    options: LinkOptions,
    rng: Rng,
    members: BTreeMap<MemberId, Member>,
    members_made: u64,
    wires: Wires,
    connection: Option<Connection>,
    wait: Option<Wait>,
    backoff: Backoff,
    /// Attempts in a row that failed before anything came.
    openings_failed: u32,
    /// Connections in a row that were cut after their first burst.
    short_lives: u32,
    /// When the server would like us back.
    retry: Option<Duration>,
    /// Whether the token was refused, and since then nothing has come with a fresh one.
    token_was_refused: bool,
    /// The channels of each subscription were asked for alone since the last connection that worked.
    has_asked_each: bool,
    /// Whether anything has ever come.
    has_worked: bool,
    /// The epoch of the last position received.
    epoch: Option<u64>,
    /// Why the last subscription was refused.
    refusal: Option<SubscribeError>,
    actions: VecDeque<Action>,
    outcomes: VecDeque<(u64, PublishOutcome)>,
    requests_made: u64,
}

/// What subscriptions of one link have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkOptions {
    /// How messages come.
    pub wire: Wire,
    /// How often the server speaks, until it says so itself.
    pub heartbeat: Duration,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How long a wire may say nothing after it was asked for.
    pub patience: Duration,
    /// After how many failures in a row to give up.
    pub attempts_max: u32,
    /// Whether another token can be had after one that was refused.
    pub can_renew_token: bool,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a connection, in place of the one that there is.
    Open(Opening),
    /// Close the connection.
    Close,
    /// Send this text over the WebSocket.
    Send(String),
    /// Ask for a page, beside the connection.
    Page(PageRequest),
    /// The token in use is not accepted: the next request needs another one.
    ForgetToken,
}

/// A connection to open.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// The wire.
    pub kind: Kind,
    /// Channels and patterns, each once.
    pub channels: Vec<String>,
    /// Where all of them begin.
    pub since: Since,
    /// How often the server speaks, as far as is known.
    pub heartbeat: Duration,
}

/// A page to ask for, with a poll that does not wait.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest {
    /// Whose it is.
    pub member: MemberId,
    /// Its channels and patterns.
    pub channels: Vec<String>,
    /// What the page follows.
    pub since: Since,
    /// How long it may take.
    pub limit: Duration,
}

/// What became of a message that was sent over the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// It has this place in the log.
    Published(Position),
    /// The server has refused it, and perhaps said when to try again.
    Refused(Box<Problem>, Option<Duration>),
    /// The connection ended before the answer: it was published, or it was not.
    Lost,
}

#[derive(Debug)]
struct Connection {
    kind: Kind,
    /// What is asked for: all of it from the beginning on, or on a WebSocket some of it later.
    channels: BTreeSet<String>,
    /// Behind where each of them was begun.
    begun: BTreeMap<String, Position>,
    /// Channels that were asked for later, by the number of their request.
    requested: BTreeMap<u64, String>,
    /// Everything up to here has come.
    place: Option<Bookmark>,
    /// Where the log ended when it was opened.
    head: Option<Position>,
    is_established: bool,
    /// It is not read, as every subscriber has enough to take.
    is_paused: bool,
    opened_at: Duration,
    received_at: Duration,
    heartbeat: Duration,
    /// For how long nothing may come.
    patience: Duration,
    publishes: BTreeSet<u64>,
}

#[derive(Debug)]
struct Wait {
    until: Duration,
    length: Duration,
    outage: Outage,
}

impl Link {
    /// A link without subscriptions. All its randomness comes from `seed`.
    pub fn new(options: LinkOptions, seed: u64) -> Self {
        Self {
            options,
            rng: Rng::with_seed(seed),
            members: BTreeMap::new(),
            members_made: 0,
            wires: Wires::new(options.wire, options.patience * AVOIDANCE_PATIENCES),
            connection: None,
            wait: None,
            backoff: options.backoff,
            openings_failed: 0,
            short_lives: 0,
            retry: None,
            token_was_refused: false,
            has_asked_each: false,
            has_worked: false,
            epoch: None,
            refusal: None,
            actions: VecDeque::new(),
            outcomes: VecDeque::new(),
            requests_made: 0,
        }
    }

    /// What its subscriptions have in common.
    pub const fn options(&self) -> &LinkOptions {
        &self.options
    }

    /// Begins a subscription. A channel named twice counts once.
    ///
    /// With `is_paged`, the first [`Step`] that is joined comes exactly after everything that was there at this moment.
    pub fn subscribe(
        &mut self,
        channels: impl IntoIterator<Item = String>,
        since: Since,
        is_paged: bool,
    ) -> MemberId {
        let mut once: Vec<String> = Vec::new();
        for channel in channels {
            if !once.contains(&channel) {
                once.push(channel);
            }
        }
        self.members_made += 1;
        let id = MemberId(self.members_made);
        let mut member = Member::new(once, since, is_paged);
        // On a WebSocket, news of channels that nobody follows yet can begin by itself.
        let connection = self.connection.as_ref();
        // What the connection has brought before is not for those who come later.
        let until = connection.and_then(|connection| connection.place).map(|place| place.after);
        member.phase = Phase::behind_until(until);
        let may_begin = connection.is_some_and(|connection| {
            connection.kind == Kind::WebSocket
                && connection.is_established
                && member.channels.iter().all(|it| !connection.channels.contains(it))
        });
        if may_begin && since == Since::Now && !is_paged {
            member.phase = Phase::Beginning;
        }
        if member.channels.is_empty() {
            member.end(Some(SubscribeError::NoChannel));
        }
        self.refusal = None;
        self.members.insert(id, member);
        id
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, id: MemberId) {
        self.members.remove(&id);
        self.settle();
    }

    /// The next step of a subscription, if there is one. After its end there is none.
    pub fn take(&mut self, id: MemberId) -> Option<Step> {
        self.members.get_mut(&id)?.take()
    }

    /// Whether something waits for the subscriber.
    pub fn has_steps(&self, id: MemberId) -> bool {
        self.members.get(&id).is_some_and(Member::has_steps)
    }

    /// Publishes over the connection, if it can: the number of the request, whose outcome will come.
    pub fn publish(&mut self, message: Publish<'_>) -> Option<u64> {
        let connection = self.connection.as_mut()?;
        let may_send = connection.kind == Kind::WebSocket
            && connection.is_established
            && connection.publishes.len() < PUBLISHES_MAX;
        if !may_send {
            return None;
        }
        self.requests_made += 1;
        let id = self.requests_made;
        connection.publishes.insert(id);
        let message = Publish { id: Some(id), ..message };
        self.actions.push_back(Action::Send(spell(&ClientMessage::Publish(message))));
        Some(id)
    }

    /// What became of a message, by the number of its request.
    pub fn poll_outcome(&mut self) -> Option<(u64, PublishOutcome)> {
        self.outcomes.pop_front()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self, now: Duration) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.is_idle() {
            return self.hang_up().then_some(Action::Close);
        }
        match self.wait.take() {
            Some(wait) if wait.until > now => {
                self.wait = Some(wait);
                return None;
            }
            _ => {}
        }
        self.open_or_adjust(now).or_else(|| self.next_page(now))
    }

    /// Whether there is no subscription, so that nothing is to be done.
    pub fn is_idle(&self) -> bool {
        self.members.values().all(|member| member.has_ended)
    }

    /// Whether the connection may be read: not while every subscriber has enough to take, and nobody waits for an answer.
    pub fn wants_input(&self) -> bool {
        let is_awaited = |it: &Connection| !it.publishes.is_empty() || !it.requested.is_empty();
        if self.connection.as_ref().is_some_and(is_awaited) {
            return true;
        }
        let mut taking = self.members.values().filter(|it| it.takes_input()).peekable();
        taking.peek().is_none() || taking.any(|it| !it.is_joined() || it.is_attentive())
    }

    /// Whether there is a connection, or one is being opened.
    pub const fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    /// Takes in that the task is gone that ran the link, and with it the connection and the pages under way. It goes on when
    /// another one runs it.
    pub fn handle_abandonment(&mut self) {
        self.hang_up();
        self.actions.retain(|action| *action == Action::ForgetToken);
        for member in self.members.values_mut().filter(|member| member.page == Page::Asked) {
            member.page = Page::None;
        }
    }

    /// When to call [`handle_time`](Self::handle_time).
    pub fn deadline(&self) -> Option<Duration> {
        let wait = self.wait.as_ref().map(|wait| wait.until);
        let connection = self.connection.as_ref().filter(|_| self.wants_input());
        let silence = connection.map(|it| it.received_at + it.patience);
        let pages = self.members.values().filter_map(|member| match member.page {
            Page::NotBefore(time) if !member.has_ended => Some(time),
            _ => None,
        });
        wait.into_iter().chain(silence).chain(pages).min()
    }

    /// How the connection is.
    pub fn state(&self) -> State {
        if self.is_idle() {
            return self.refusal.clone().map_or(State::Idle, State::Refused);
        }
        if let Some(Wait { length, outage, .. }) = &self.wait {
            return State::Waiting { next: *length, outage: outage.clone() };
        }
        let Some(connection) = self.connection.as_ref().filter(|it| it.is_established) else {
            return State::Connecting;
        };
        let behind = connection.head.zip(connection.place).map(|(head, place)| {
            let is_same = head.epoch == place.after.epoch;
            if is_same { head.offset.saturating_sub(place.after.offset) } else { 0 }
        });
        let mut members = self.members.values().filter(|it| !it.has_ended);
        match behind {
            _ if connection.place.is_none() => State::CatchingUp { behind: None },
            Some(1..) => State::CatchingUp { behind },
            _ if members.any(|it| !matches!(it.phase, Phase::Joined)) => {
                State::CatchingUp { behind: None }
            }
            _ => State::Live(connection.kind.into()),
        }
    }

    /// Lets each subscription join that has all it needs.
    fn settle(&mut self) {
        let Some(connection) = &self.connection else { return };
        for member in self.members.values_mut().filter(|member| !member.has_ended) {
            if let Some(begun) = connection.has_begun(member) {
                // What was there before comes in pages to those that want to know when they have it.
                let head = connection.head.filter(|head| member.is_paged && is_later(*head, begun));
                member.settle(head.unwrap_or(begun));
            }
        }
    }

    fn request_number(&mut self) -> u64 {
        self.requests_made += 1;
        self.requests_made
    }
}

impl Connection {
    /// Behind where the last channel of a subscription was begun, if all have been.
    fn has_begun(&self, member: &Member) -> Option<Position> {
        let mut last: Option<Position> = None;
        for channel in &member.channels {
            let begun = *self.begun.get(channel)?;
            last = Some(last.filter(|last| !is_later(begun, *last)).unwrap_or(begun));
        }
        last
    }
}

/// Of another epoch, which is the later one is not known.
const fn is_later(position: Position, than: Position) -> bool {
    position.epoch != than.epoch || position.offset > than.offset
}

/// A request as text.
fn spell(message: &ClientMessage<'_>) -> String {
    let mut json = Vec::new();
    message.write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}

/// What may wait for its answer on one connection; beyond it, a publish is a request of its own.
const PUBLISHES_MAX: usize = 1_000;

/// How long a wire is left alone after it has failed: a minute by default.
const AVOIDANCE_PATIENCES: u32 = 20;
