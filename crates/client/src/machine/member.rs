//! One subscription of a link: what waits for its subscriber, and where it stands beside the connection.
//!
//! ```text
//!             the connection begins its channels
//! Beginning ──────────────────────────────────────▶ Joined
//!                                                   │  ▲
//!                  its subscriber takes nothing, or │  │ its pages have come
//!              the connection began without it here ▼  │ to where the connection was
//!                                                  Behind
//! ```

use super::cursor::Cursor;
use crate::{Delivery, SubscribeError, pattern::covers};
use std::{collections::VecDeque, time::Duration};
use tidewire_protocol::{Bookmark, Gap, Message, PollAnswer, Position, RawValue, Since};

/// The number of a subscription in its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) u64);

/// The next thing for a subscriber.
#[derive(Clone, Debug)]
pub enum Step {
    /// It has come further.
    Progress {
        /// What it is given.
        delivery: Option<Delivery>,
        /// From where to resume after this step.
        position: Option<Bookmark>,
        /// Whether it has everything that the connection has brought: its pages, if it needed some, are read.
        is_joined: bool,
    },
    /// It has ended; with an error, unless the server closed it normally.
    End(Option<SubscribeError>),
}

#[derive(Debug)]
pub(super) struct Member {
    /// Each channel or pattern once.
    pub(super) channels: Vec<String>,
    pub(super) cursor: Cursor,
    pub(super) phase: Phase,
    /// What was published before it began comes in pages, also where the connection could begin there. So until it joins.
    pub(super) is_paged: bool,
    /// Nobody has refused its channels, as far as is known.
    pub(super) is_proven: bool,
    pub(super) page: Page,
    /// In a row.
    pub(super) page_failures: u32,
    pub(super) has_ended: bool,
    queue: VecDeque<Step>,
    queue_bytes: usize,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// It takes what the connection brings, from the beginning of the connection on.
    Beginning,
    /// It takes what the connection brings.
    Joined,
    /// It takes pages, until they have come to where the connection has brought more.
    Behind {
        /// What the connection brought up to here is only in pages.
        until: Option<Position>,
        /// What the connection has brought behind that.
        held: Held,
    },
}

/// What the connection has brought, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Held {
    deliveries: Vec<Delivery>,
    bytes: usize,
}

/// The page that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    None,
    Asked,
    /// None before this time.
    NotBefore(Duration),
}

impl Member {
    pub(super) fn new(channels: Vec<String>, since: Since, is_paged: bool) -> Self {
        Self {
            channels,
            cursor: Cursor::new(since),
            phase: Phase::behind(),
            is_paged,
            is_proven: true,
            page: Page::None,
            page_failures: 0,
            has_ended: false,
            queue: VecDeque::new(),
            queue_bytes: 0,
        }
    }

    pub(super) fn covers(&self, channel: &str) -> bool {
        self.channels.iter().any(|pattern| covers(pattern, channel))
    }

    pub(super) fn follows(&self, pattern: &str) -> bool {
        self.channels.iter().any(|it| it == pattern)
    }

    pub(super) const fn is_joined(&self) -> bool {
        matches!(self.phase, Phase::Joined)
    }

    /// Whether what the connection brings is for it, now or from its beginning on.
    pub(super) const fn takes_input(&self) -> bool {
        !self.has_ended && matches!(self.phase, Phase::Joined | Phase::Beginning)
    }

    /// Takes the next step off the queue.
    pub(super) fn take(&mut self) -> Option<Step> {
        let step = self.queue.pop_front()?;
        self.queue_bytes = self.queue_bytes.saturating_sub(bytes_of(&step));
        Some(step)
    }

    /// Whether its subscriber is near enough that more may be asked for.
    pub(super) fn is_attentive(&self) -> bool {
        self.queue.len() < ATTENTIVE_STEPS && self.queue_bytes < QUEUE_BYTES_MAX / 4
    }

    pub(super) fn has_steps(&self) -> bool {
        !self.queue.is_empty()
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE_STEPS_MAX || self.queue_bytes >= QUEUE_BYTES_MAX
    }

    /// Takes in a message of one of its channels that the connection has brought.
    pub(super) fn handle_message(&mut self, message: &Message, have_begun: bool) {
        let is_full = self.is_full();
        match &mut self.phase {
            Phase::Joined if !is_full => {
                if self.cursor.handle_message(message.position) {
                    self.push(Some(Delivery::Message(message.clone())));
                }
            }
            Phase::Joined if self.cursor.has(message.position) => {}
            Phase::Joined => {
                // Its subscriber is slow. The rest waits at the server.
                self.phase = Phase::behind_until(Some(message.position));
            }
            Phase::Behind { until, held } if have_begun => {
                if !held.push(Delivery::Message(message.clone())) {
                    (*until, *held) = (Some(message.position), Held::default());
                }
            }
            Phase::Behind { .. } | Phase::Beginning => {}
        }
    }

    /// Takes in a notice of a loss in one of its channels.
    pub(super) fn handle_gap(&mut self, gap: &Gap, have_begun: bool) {
        match &mut self.phase {
            Phase::Joined | Phase::Beginning => {
                for gap in self.cursor.handle_gap(gap, &self.channels) {
                    self.push(Some(Delivery::Gap(gap)));
                }
            }
            Phase::Behind { until, held } if have_begun => {
                if !held.push(Delivery::Gap(gap.clone())) {
                    let last = held.last().into_iter().chain([gap.to]);
                    (*until, *held) = (last.max_by_key(|it| it.offset), Held::default());
                }
            }
            // Its pages find it.
            Phase::Behind { .. } => {}
        }
    }

    /// Takes in that the connection has brought everything up to here.
    pub(super) fn handle_position(&mut self, bookmark: Bookmark) {
        if matches!(self.phase, Phase::Joined) {
            self.cursor.handle_position(bookmark);
            self.push(None);
        }
    }

    /// Takes in a page that it asked for.
    pub(super) fn handle_page(&mut self, page: PollAnswer) {
        // Asked for on an earlier connection. It says where the subscription begins, and this connection may begin later.
        if matches!(self.phase, Phase::Beginning) {
            self.phase = Phase::behind();
        }
        for gap in &page.gaps {
            for gap in self.cursor.handle_gap(gap, &self.channels) {
                self.push(Some(Delivery::Gap(gap)));
            }
        }
        for message in page.messages {
            if self.cursor.handle_message(message.position) {
                self.push(Some(Delivery::Message(message)));
            }
        }
        self.cursor.handle_position(page.position);
        self.push(None);
    }

    /// Takes in that the connection has begun all its channels, the last of them after `begun`. Joins, if nothing is missing
    /// in between.
    pub(super) fn settle(&mut self, begun: Position) {
        match &mut self.phase {
            Phase::Joined => {}
            Phase::Beginning => {
                self.phase = Phase::Joined;
                self.cursor.handle_position(begun.into());
                self.push(None);
            }
            Phase::Behind { until, held } => {
                let later = until.filter(|it| it.epoch == begun.epoch && it.offset > begun.offset);
                let at = self.cursor.at();
                let is_inside = at.is_none_or(|at| at.state.is_some_and(|it| it > at.after.offset));
                if is_inside || !self.cursor.has(later.unwrap_or(begun)) {
                    return;
                }
                let held = std::mem::take(held);
                (self.phase, self.is_paged) = (Phase::Joined, false);
                self.push(None);
                for delivery in held.deliveries {
                    match delivery {
                        Delivery::Message(message) => self.handle_message(&message, true),
                        Delivery::Gap(gap) => self.handle_gap(&gap, true),
                    }
                }
            }
        }
    }

    /// Takes in that the connection is gone, on which everything up to `place` has come.
    pub(super) fn disconnect(&mut self, place: Option<Bookmark>) {
        match (&mut self.phase, place) {
            (Phase::Joined, Some(place)) => self.handle_position(place),
            (Phase::Joined, None) => {}
            (Phase::Beginning | Phase::Behind { .. }, _) => self.phase = Phase::behind(),
        }
    }

    /// Ends, with what is queued still to be taken.
    pub(super) fn end(&mut self, error: Option<SubscribeError>) {
        if !self.has_ended {
            self.has_ended = true;
            self.queue.push_back(Step::End(error));
        }
    }

    fn push(&mut self, delivery: Option<Delivery>) {
        if self.has_ended {
            return;
        }
        let is_empty = |step: &Step| matches!(step, Step::Progress { delivery: None, .. });
        if delivery.is_none() && self.queue.back().is_some_and(is_empty) {
            self.queue.pop_back();
        }
        let is_joined = matches!(self.phase, Phase::Joined);
        let step = Step::Progress { delivery, position: self.cursor.at(), is_joined };
        self.queue_bytes += bytes_of(&step);
        self.queue.push_back(step);
    }
}

impl Phase {
    pub(super) const fn behind() -> Self {
        Self::behind_until(None)
    }

    /// Nothing that comes up to there is held.
    pub(super) const fn behind_until(until: Option<Position>) -> Self {
        Self::Behind { until, held: Held { deliveries: Vec::new(), bytes: 0 } }
    }
}

impl Held {
    /// Returns whether there was room.
    fn push(&mut self, delivery: Delivery) -> bool {
        let has_room = self.deliveries.len() < HELD_MAX && self.bytes < QUEUE_BYTES_MAX;
        if has_room {
            self.bytes += STEP_BYTES + payload_bytes(&delivery);
            self.deliveries.push(delivery);
        }
        has_room
    }

    /// The position of its last message.
    fn last(&self) -> Option<Position> {
        self.deliveries.iter().rev().find_map(|delivery| match delivery {
            Delivery::Message(message) => Some(message.position),
            Delivery::Gap(_) => None,
        })
    }
}

fn bytes_of(step: &Step) -> usize {
    match step {
        Step::Progress { delivery: Some(delivery), .. } => STEP_BYTES + payload_bytes(delivery),
        Step::Progress { .. } | Step::End(_) => STEP_BYTES,
    }
}

fn payload_bytes(delivery: &Delivery) -> usize {
    match delivery {
        Delivery::Message(message) => {
            message.data.as_deref().map_or(0, |data: &RawValue| data.get().len())
        }
        Delivery::Gap(_) => 0,
    }
}

/// What a step takes beside its payload, more or less.
const STEP_BYTES: usize = 200;

/// What may wait for one subscriber: a burst, and not what a subscriber misses who takes nothing for a minute.
const QUEUE_STEPS_MAX: usize = 1024;
const QUEUE_BYTES_MAX: usize = 4 << 20;

/// With less in its queue, a subscriber keeps up.
const ATTENTIVE_STEPS: usize = 256;

/// What the connection may bring while a subscription reads pages; more of it is read in pages, too.
const HELD_MAX: usize = 256;
