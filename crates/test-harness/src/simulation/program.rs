//! A program that follows by the Rust client's own bookkeeping, over all its connections and wires.
//!
//! What its connections may say is checked elsewhere, and what it is given in the end by [`DeliveryRecord`].

use super::{
    checkers::Follow,
    clock::WALL_CLOCK_MS,
    delivery_record::DeliveryRecord,
    oracle::Oracle,
    settings::Settings,
    tally::Tally,
    wire_reader::{Manner, Received},
};
use fastrand::Rng;
use std::{mem, time::Duration};
use tidewire_client::{Order, Progress};
use tidewire_connection::{Format, Framing, Heartbeat, Wire};
use tidewire_protocol::{Bookmark, Gap, Message, PollAnswer, Position, ServerEvent, Since};

#[derive(Debug)]
pub(crate) struct Program {
    /// What it follows: some of it more than once.
    patterns: Vec<&'static str>,
    /// Where it was asked to begin.
    pub(crate) since: Since,
    progress: Progress,
    order: Order,
    delivered: DeliveryRecord,
    /// Stores that were put back: the epoch of before, and up to where it is still right.
    losses: Vec<(u64, u64)>,
}

impl Program {
    fn new(patterns: Vec<&'static str>, since: Since) -> Self {
        Self {
            progress: Progress::new(patterns.iter().copied().map(String::from), since),
            patterns,
            since,
            order: Order::Joint,
            delivered: DeliveryRecord::new(since),
            losses: Vec::new(),
        }
    }

    pub(crate) fn draw(settings: &Settings, rng: &mut Rng) -> Self {
        let count = rng.usize(1..=5);
        let patterns = (0..count).map(|_| settings.pattern(rng)).collect();
        let while_ms = rng.u64(0..5_000);
        let since = match rng.u8(..8) {
            0..4 => Since::Earliest,
            4 | 5 => Since::Now,
            6 => Since::Time(WALL_CLOCK_MS + while_ms),
            _ => Since::Ago(Duration::from_millis(while_ms)),
        };
        Self::new(patterns, since)
    }

    /// A wire that the Rust client knows, as it asks for it.
    pub(crate) fn manner(rng: &mut Rng) -> Manner {
        let framing = if rng.u8(..4) == 0 { Framing::UntilClose } else { Framing::Chunked };
        let (format, heartbeat) = (Format::Json, Heartbeat::Event);
        match rng.u8(..8) {
            0 => Manner::Live(Wire::Stream { format, framing }),
            1 | 2 => Manner::Live(Wire::Sse { format, framing, heartbeat }),
            3 => Manner::Poll,
            _ => Manner::Live(Wire::Tidewire),
        }
    }

    /// Takes in that it connects in a manner, or in another that has to come first; what it follows
    /// there.
    pub(crate) fn connect(&mut self, manner: Manner, tally: &mut Tally) -> (Manner, Vec<Follow>) {
        let progress = &mut self.progress;
        let is_missing = progress.missing().next().is_some();
        let (manner, order) = match manner {
            Manner::Live(Wire::WebSocket(_) | Wire::Tidewire) => (manner, Order::Separate),
            _ if is_missing => (Manner::Poll, Order::Missing),
            _ => (manner, Order::Joint),
        };
        tally.missing += u64::from(order == Order::Missing);
        let follow = |pattern: &str| {
            let since = match order {
                Order::Separate => progress.since_of(pattern),
                Order::Joint => progress.since(),
                Order::Missing => progress.since_of_missing(),
            };
            Follow::of_program(pattern, since)
        };
        let mut follows: Vec<Follow> = match order {
            Order::Missing => progress.missing().map(follow).collect(),
            _ => progress.channels().map(follow).collect(),
        };
        for (epoch, head) in &self.losses {
            follows.iter_mut().for_each(|follow| follow.lose_after(*epoch, *head));
        }
        progress.reconnect(order);
        self.order = order;
        (manner, follows)
    }

    /// Ends, and begins again where it was: what it had may come again, and nothing is lost.
    pub(crate) fn restart(&mut self, tally: &mut Tally) {
        let Some(place) = self.progress.bookmark() else {
            let losses = mem::take(&mut self.losses);
            *self = Self { losses, ..Self::new(mem::take(&mut self.patterns), self.since) };
            return;
        };
        tally.resumed += 1;
        let patterns = self.patterns.iter().copied().map(String::from);
        self.progress = Progress::new(patterns, place.into());
        self.delivered.restart(&self.patterns, place.after);
    }

    /// Takes in that a store which had come to `head` was put back.
    pub(crate) fn lose_after(&mut self, epoch: u64, head: u64) {
        self.losses.push((epoch, head));
    }

    /// Takes in one received item, in the order in which the client's transports pass them on.
    pub(crate) fn receive(
        &mut self,
        received: &Received,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        match received {
            Received::Place(position) => self.receive_place((*position).into(), oracle),
            Received::Message(message) => self.receive_message(message, oracle, tally)?,
            Received::Gap(gap) => self.receive_gap(gap, oracle, tally)?,
            Received::Answer(answer) => self.receive_answer(answer, oracle, tally)?,
            Received::Said(said) => {
                if let ServerEvent::Subscribed(done) = &**said {
                    self.begin(&done.channel, done.position, oracle);
                    self.progress.handle_subscribed(&done.channel, done.position);
                }
            }
            Received::Raw { .. } | Received::Ping(_) | Received::Close(_) | Received::Nothing => {}
        }
        Ok(())
    }

    fn receive_answer(
        &mut self,
        answer: &PollAnswer,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        answer.gaps.iter().try_for_each(|gap| self.receive_gap(gap, oracle, tally))?;
        answer
            .messages
            .iter()
            .try_for_each(|message| self.receive_message(message, oracle, tally))?;
        self.receive_place(answer.position, oracle);
        Ok(())
    }

    fn receive_place(&mut self, place: Bookmark, oracle: &Oracle<'_>) {
        self.begin_all(place.after, oracle);
        self.progress.handle_position(place);
    }

    fn receive_message(
        &mut self,
        message: &Message,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let Position { epoch, offset } = message.position;
        self.begin_all(Position { epoch, offset: offset.saturating_sub(1) }, oracle);
        if !self.progress.handle_message(message) {
            tally.left_out += 1;
            return Ok(());
        }
        tally.given += 1;
        self.delivered.enter_message(message)
    }

    fn receive_gap(
        &mut self,
        gap: &Gap,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if !self.progress.handle_gap(gap) {
            tally.gaps_known += 1;
            return Ok(());
        }
        tally.gaps_given += 1;
        self.delivered.enter_gap(gap, oracle)
    }

    /// Takes in that the present connection has come somewhere.
    fn begin_all(&mut self, place: Position, oracle: &Oracle<'_>) {
        let channels: Vec<String> = match self.order {
            Order::Separate => return,
            Order::Joint => self.progress.channels().map(String::from).collect(),
            Order::Missing => self.progress.missing().map(String::from).collect(),
        };
        channels.iter().for_each(|channel| self.begin(channel, place, oracle));
    }

    /// Takes in that a pattern has begun, unless it has a place already.
    fn begin(&mut self, pattern: &str, place: Position, oracle: &Oracle<'_>) {
        let since = self.progress.since_of(pattern);
        if !matches!(since, Since::After(_)) {
            self.delivered.begin(pattern, place, oracle);
        }
    }

    /// Whether it waits for more than what its connection owes it.
    pub(crate) fn awaits(&self) -> Option<String> {
        let has_all = self.delivered.has_begun(self.progress.channels());
        let is_whole = has_all && self.order != Order::Missing;
        (!is_whole).then(|| "a place for each of a program's patterns".to_owned())
    }

    /// Checks, once its connection owes it nothing, that nothing was lost in silence.
    pub(crate) fn check(&self, oracle: &Oracle<'_>) -> Result<(), String> {
        self.delivered.check(oracle)
    }
}
