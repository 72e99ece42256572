//! A client: it receives, remembers its positions, sends requests, and reconnects after every cut.

mod asking;

pub(crate) use asking::{Ask, past, spell};

use super::{
    checkers::{Follow, Follower},
    member_pages::check_asked,
    oracle::{Oracle, check_event, check_message, check_raw, place_in},
    program::Program,
    session_grant::SessionGrant,
    settings::manner,
    tally::Tally,
    wire_reader::{Manner, Received, WireReader},
};
use fastrand::Rng;
use std::collections::BTreeMap;
use tidewire_connection::{Format, Limits, Wire};
use tidewire_protocol::{Bookmark, Gap, PollAnswer, Position, ServerEvent};
use ws_frame::{Close, CloseCode, Kind, Part, Piece};

pub(crate) struct Client {
    pub(crate) follower: Follower,
    /// Who decides from where to resume, and what is a repeat, if not this client.
    pub(crate) program: Option<Program>,
    pub(crate) manner: Manner,
    /// Its connection, by the number of the server's session.
    pub(crate) session: Option<u64>,
    pub(crate) wire_reader: Option<WireReader>,
    /// Bytes of the response head that it has not read.
    pub(crate) head_left: usize,
    /// What it has said and the link has not taken.
    pub(crate) output: Vec<u8>,
    pub(crate) received_ms: u64,
    /// Until then it reads nothing.
    pub(crate) deaf_until_ms: u64,
    pub(crate) back_at_ms: u64,
    /// Requests that wait for their answers.
    pub(crate) asks: BTreeMap<u64, Ask>,
    pub(crate) asked: u64,
    /// The end of the last page that it has received.
    pub(crate) page_end: Option<Position>,
    /// It has said its close, or nonsense: nothing it says counts any more.
    pub(crate) is_done: bool,
    /// It has published, without being asked for an answer, where connections may not.
    pub(crate) oversteps: bool,
    /// The transport and format by which it last learnt a position.
    pub(crate) placed_by: Option<Manner>,
}

/// What receiving needs.
pub(crate) struct ReceiveContext<'a> {
    pub(crate) oracle: Oracle<'a>,
    /// Some channels disconnect slow readers.
    pub(crate) sends_away: bool,
    /// What its session has been granted.
    pub(crate) grant: SessionGrant,
    pub(crate) rng: &'a mut Rng,
    pub(crate) tally: &'a mut Tally,
}

impl Client {
    pub(crate) fn new(manner: Manner, follows: Vec<Follow>) -> Self {
        Self {
            follower: Follower::new(follows),
            program: None,
            manner,
            session: None,
            wire_reader: None,
            head_left: 0,
            output: Vec::new(),
            received_ms: 0,
            deaf_until_ms: 0,
            back_at_ms: 0,
            asks: BTreeMap::new(),
            asked: 0,
            page_end: None,
            is_done: false,
            oversteps: false,
            placed_by: None,
        }
    }

    /// Its transport and format, and its session at the server.
    pub(crate) fn ears(&self) -> (Manner, Option<u64>) {
        (self.manner, self.session)
    }

    /// Notes that bytes have come, decoded as `received`.
    ///
    /// A program sees every byte. A script in a browser sees whole messages, and neither pings nor
    /// pongs.
    pub(crate) fn note_life(&mut self, received: &[Received], now_ms: u64) {
        let is_seen =
            |received: &Received| !matches!(received, Received::Ping(_) | Received::Nothing);
        if !self.manner.is_script() || received.iter().any(is_seen) {
            self.received_ms = now_ms;
        }
    }

    /// How long it waits for a sign of life: two heartbeats may be missing.
    pub(crate) fn silence_ms_max(&self, limits: &Limits) -> u64 {
        match self.manner {
            Manner::Live(_) => limits.heartbeat_ms * 5 / 2 + STEPS_SLACK_MS,
            Manner::Poll => 4 * (limits.heartbeat_ms + limits.pong_wait_ms) + POLL_SLACK_MS,
        }
    }

    /// Forgets the connection, and keeps what has a place to come back to.
    pub(crate) fn disconnect(&mut self, now_ms: u64, tally: &mut Tally) {
        if self.wire_reader.take().is_some_and(|wire_reader| wire_reader.is_inside()) {
            tally.mid_message += 1;
        }
        (self.session, self.is_done, self.oversteps) = (None, false, false);
        self.follower.disconnect();
        self.output.clear();
        for (_, ask) in std::mem::take(&mut self.asks) {
            if let Ask::Subscribe(follow) = ask
                && (follow.place.is_some() || self.follower.follows.is_empty())
            {
                self.follower.follows.push(follow);
            }
        }
        if self.follower.follows.iter().any(|follow| follow.place.is_some()) {
            self.follower.follows.retain(|follow| follow.place.is_some());
        }
        self.back_at_ms = now_ms;
    }

    /// Takes the response head off the front of what it reads. Having read all of it, with the log's
    /// head here, it is subscribed.
    pub(crate) fn read_head(&mut self, bytes: &mut Vec<u8>, head: Position) {
        let count = self.head_left.min(bytes.len());
        bytes.drain(..count);
        self.head_left -= count;
        if count > 0 && self.head_left == 0 {
            self.follower.follows.iter_mut().for_each(|follow| follow.begins_by(head));
        }
    }

    /// Takes in that a store which had come to `head` was put back.
    pub(crate) fn lose_after(&mut self, epoch: u64, head: u64) {
        self.follower.lose_after(epoch, head);
        self.program.iter_mut().for_each(|program| program.lose_after(epoch, head));
    }

    /// Checks one item received.
    pub(crate) fn receive(
        &mut self,
        received: Received,
        context: &mut ReceiveContext<'_>,
    ) -> Result<(), String> {
        context.grant.check(&received)?;
        let ReceiveContext { oracle, tally, .. } = context;
        if let Some(program) = &mut self.program {
            program.receive(&received, oracle, tally)?;
        }
        match received {
            Received::Place(position) => {
                tally.heartbeats += 1;
                self.receive_place(position.into(), oracle, tally)
            }
            Received::Message(message) => {
                check_message(&message, oracle)?;
                self.receive_message(message.position, oracle, tally)
            }
            Received::Raw { position, event, body } => {
                let position = match position {
                    Some(position) => position,
                    None => place_in(&body, oracle)?,
                };
                check_raw(position, &body, oracle)?;
                check_event(position, event.as_deref(), oracle)?;
                self.receive_message(position, oracle, tally)
            }
            Received::Gap(gap) => match self.pending(&gap.channel) {
                Some(follow) => follow.receive_gap_before_it_begins(&gap, oracle, tally),
                None => self.follower.receive_gap(&gap, oracle, tally),
            },
            Received::Answer(answer) => self.receive_answer(&answer, oracle, tally),
            Received::Said(said) => self.receive_said(*said, context),
            Received::Ping(payload) => {
                if !self.is_done {
                    let key = context.rng.u32(..).to_be_bytes();
                    ws_frame::encode_pong(&payload, Some(key), &mut self.output)
                        .map_err(|error| error.to_string())?;
                }
                Ok(())
            }
            Received::Close(code) => {
                let is_refused = code == Some(1008) && self.oversteps;
                context.tally.raw_not_allowed += u64::from(is_refused);
                let has_reason = code == Some(1012)
                    || code == Some(1013) && context.sends_away
                    || code == Some(4002) && context.grant.last.is_some();
                if !self.is_done && !has_reason && !is_refused {
                    return Err(format!("closed with {code:?} for no reason"));
                }
                self.say_close(CloseCode::GOING_AWAY, context.rng);
                Ok(())
            }
            Received::Nothing => Ok(()),
        }
    }

    fn receive_message(
        &mut self,
        position: Position,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.placed_by = Some(self.manner);
        self.follower.receive_message(position, oracle, tally)
    }

    fn receive_place(
        &mut self,
        place: Bookmark,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.placed_by = Some(self.manner);
        self.follower.receive_place(place, oracle, tally)
    }

    fn receive_answer(
        &mut self,
        answer: &PollAnswer,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut gaps = answer.gaps.iter().peekable();
        for message in &answer.messages {
            check_message(message, oracle)?;
            // A loss between two messages of a page is reported apart from them, with the position at which it
            // was found.
            let Position { epoch, offset } = message.position;
            let is_earlier = |gap: &&Gap| match gap.from.parse::<Position>() {
                Ok(from) => from.epoch != epoch || from.offset < offset,
                Err(_) => true,
            };
            while let Some(gap) = gaps.next_if(is_earlier) {
                self.follower.receive_gap(gap, oracle, tally)?;
            }
            self.receive_message(message.position, oracle, tally)?;
        }
        for gap in gaps {
            self.follower.receive_gap(gap, oracle, tally)?;
        }
        self.receive_place(answer.position, oracle, tally)
    }

    fn receive_said(
        &mut self,
        said: ServerEvent,
        context: &mut ReceiveContext<'_>,
    ) -> Result<(), String> {
        let ReceiveContext { oracle, tally, .. } = context;
        match said {
            // Its position is the newest of the log. Where the connection begins comes in a frame of its own.
            ServerEvent::Welcome(_) => Ok(()),
            ServerEvent::Subscribed(done) => match self.asks.remove(&done.id) {
                Some(Ask::Subscribe(follow)) if follow.pattern == done.channel => {
                    self.follower.follows.push(follow);
                    self.follower.receive_beginning(&done.channel, done.position, oracle)
                }
                ask => Err(format!("{done:?} answers {ask:?}")),
            },
            ServerEvent::Unsubscribed(done) => match done.id.and_then(|id| self.asks.remove(&id)) {
                Some(Ask::Unsubscribe(pattern)) if pattern == done.channel => {
                    tally.unsubscribed += 1;
                    self.follower.end(&pattern, oracle.broker.epoch());
                    if self.has_places() && !self.is_done {
                        // It subscribes again, maybe before its leave was published.
                        self.subscribe(Follow::new(&pattern, None, true), context.rng);
                    }
                    Ok(())
                }
                ask => Err(format!("{done:?} answers {ask:?}")),
            },
            ServerEvent::Published(done) => match self.asks.remove(&done.id) {
                Some(Ask::Publish(serial))
                    if oracle.history.of_serial(serial) == Some(done.position) =>
                {
                    Ok(())
                }
                ask => Err(format!("{done:?} answers {ask:?}")),
            },
            ServerEvent::History(page) => match page.id.and_then(|id| self.asks.remove(&id)) {
                Some(Ask::History(ask)) => {
                    tally.history += 1;
                    self.page_end = Some(page.position.after);
                    ask.check(&page, oracle, None)
                }
                ask => Err(format!("{page:?} answers {ask:?}")),
            },
            ServerEvent::Presence(page) => match page.id.and_then(|id| self.asks.remove(&id)) {
                Some(Ask::Presence { channel, since }) if channel == page.channel => {
                    tally.member_pages += 1;
                    check_asked(&page, since, oracle)
                }
                ask => Err(format!("{page:?} answers {ask:?}")),
            },
            ServerEvent::Error(refusal) => match refusal.id.and_then(|id| self.asks.remove(&id)) {
                Some(Ask::Nonsense | Ask::Token(None)) => {
                    tally.refused += 1;
                    Ok(())
                }
                Some(Ask::Publish(serial)) if oracle.history.was_refused(serial, &refusal.code) => {
                    Ok(())
                }
                ask => Err(format!("{refusal:?} answers {ask:?}")),
            },
            ServerEvent::Goodbye(_) => Ok(()),
            other => self.receive_about_grant(other, context),
        }
    }

    /// Renews a grant that expires soon, mostly, and takes the answer.
    fn receive_about_grant(
        &mut self,
        said: ServerEvent,
        context: &mut ReceiveContext<'_>,
    ) -> Result<(), String> {
        match said {
            ServerEvent::Expiring(_) => {
                context.tally.expiry_notices += 1;
                if !self.is_done && context.rng.u8(..4) > 0 {
                    self.renew(context.rng);
                }
                Ok(())
            }
            ServerEvent::Granted(done) => match self.asks.remove(&done.id) {
                Some(Ask::Token(Some(left_ms)))
                    if done.expires_in_ms.is_none_or(|in_ms| in_ms == left_ms) =>
                {
                    Ok(())
                }
                ask => Err(format!("{done:?} answers {ask:?}")),
            },
            other => Err(format!("{other:?} was not to be received")),
        }
    }

    fn pending(&mut self, pattern: &str) -> Option<&mut Follow> {
        self.asks.values_mut().find_map(|ask| match ask {
            Ask::Subscribe(follow) if follow.pattern == pattern => Some(follow),
            _ => None,
        })
    }

    /// Whether it knows of each of its subscriptions where it stands.
    pub(crate) fn has_places(&self) -> bool {
        self.follower.follows.iter().all(|follow| follow.place.is_some())
    }

    /// Says a message, now and then in pieces.
    pub(crate) fn say(&mut self, kind: Kind, payload: &[u8], rng: &mut Rng) {
        let cut = if rng.u8(..) < 32 { rng.usize(0..=payload.len()) } else { 0 };
        let (first, last) = payload.split_at(cut);
        let mut say = |part, payload| {
            let key = Some(rng.u32(..).to_be_bytes());
            ws_frame::encode_piece(
                Piece { kind, part, compressed: false, payload },
                key,
                &mut self.output,
            );
        };
        if cut == 0 {
            say(Part::Whole, payload);
        } else {
            say(Part::First, first);
            say(Part::Last, last);
        }
    }

    pub(crate) fn say_ping(&mut self, rng: &mut Rng) {
        let key = Some(rng.u32(..).to_be_bytes());
        // A short payload always fits.
        ws_frame::encode_ping(&[b'p'; 100], key, &mut self.output).unwrap_or_default();
    }

    pub(crate) fn say_close(&mut self, code: CloseCode, rng: &mut Rng) {
        if !std::mem::replace(&mut self.is_done, true) {
            let key = Some(rng.u32(..).to_be_bytes());
            let close = Some(Close { code, reason: "" });
            ws_frame::encode_close(close, key, &mut self.output).unwrap_or_default();
        }
    }

    /// Chooses any transport and format that shows all that it needs.
    pub(crate) fn draw_manner(&mut self, rng: &mut Rng) {
        self.manner = match self.program {
            Some(_) => Program::manner(rng),
            None => manner(rng),
        };
        self.choose_manner(rng);
    }

    /// Chooses another transport or format if this one cannot distinguish the channels that it follows: presence
    /// may have the same payload in two channels, and raw transports without positions show nothing else.
    pub(crate) fn choose_manner(&mut self, rng: &mut Rng) {
        let is_unfit = |client: &Self| client.is_placeless() && client.manner != Manner::Poll;
        let mut patterns = self.follower.follows.iter().map(|follow| &follow.pattern);
        if patterns.any(|pattern| pattern.starts_with('$')) {
            while is_unfit(self) {
                self.manner = manner(rng);
            }
        }
    }

    /// Whether its transport shows no position before the first message.
    pub(crate) fn is_placeless(&self) -> bool {
        matches!(
            self.manner,
            Manner::Poll
                | Manner::Live(
                    Wire::Stream { format: Format::Raw, .. } | Wire::WebSocket(Format::Raw)
                )
        )
    }
}

/// What a client waits for an answer to a poll, more than the server's own deadlines.
const POLL_SLACK_MS: u64 = 2_000;

/// A ping, its answer and what follows each wait for a step of the world, which its clock makes in
/// larger steps than the shortest heartbeat takes.
const STEPS_SLACK_MS: u64 = 200;
