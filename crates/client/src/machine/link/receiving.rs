//! What the connection and the pages bring.

use super::{Action, Link, PublishOutcome};
use crate::{
    SubscribeError, TokenError,
    machine::{
        item::{Failure, Item},
        member::{MemberId, Page},
    },
};
use std::time::Duration;
use tidewire_protocol::{Bookmark, Gap, Message, PollAnswer, Position, Problem, Unsubscribed};

impl Link {
    /// Takes in what the connection has brought.
    pub fn handle_item(&mut self, item: Item, now: Duration) {
        let Some(connection) = &mut self.connection else { return };
        if !connection.is_established {
            connection.is_established = true;
            connection.patience = patience(connection.heartbeat);
        }
        connection.received_at = now;
        match item {
            Item::Message(message) => self.handle_message(&message),
            Item::Gap(gap) => self.handle_gap(&gap),
            Item::Position(bookmark) => self.handle_position(bookmark),
            Item::Head(head) => connection.head = Some(head),
            Item::Subscribed { id, channel, position } => {
                if connection.requested.remove(&id).is_some() {
                    connection.begun.insert(channel, position);
                }
                self.succeed();
            }
            Item::Unsubscribed(ended) => self.handle_unsubscribed(ended),
            Item::Published(id, position) => self.answer(id, PublishOutcome::Published(position)),
            Item::RequestRefused { id, problem, retry } => self.handle_refused(id, problem, retry),
            Item::Retry(delay) => self.retry = Some(delay.min(RETRY_MAX)),
            Item::Goodbye { position, retry } => {
                position.into_iter().for_each(|position| self.handle_position(position));
                self.retry = retry.map(|delay| delay.min(RETRY_MAX));
            }
            Item::Heartbeat(heartbeat) => {
                (connection.heartbeat, connection.patience) = (heartbeat, patience(heartbeat));
            }
            Item::Alive => {}
        }
        self.settle();
    }

    /// Takes in the page that a subscription asked for.
    pub fn handle_page(&mut self, id: MemberId, page: Result<PollAnswer, Failure>, now: Duration) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.page = Page::None;
        match page {
            Ok(page) => {
                if page.messages.is_empty() && page.gaps.is_empty() {
                    member.page = Page::NotBefore(now + PAGE_PAUSE);
                }
                (member.is_proven, member.page_failures) = (true, 0);
                member.handle_page(page);
                self.settle();
            }
            Err(Failure::Refused(problem)) => self.end(id, SubscribeError::Refused(problem)),
            // Something in between says it, while the connection works.
            Err(Failure::Unsuitable { cause, .. } | Failure::Cut(cause)) => {
                self.delay_page(id, cause, None, now);
            }
            Err(Failure::Down { cause, retry_after }) => {
                self.delay_page(id, cause, retry_after, now);
            }
            Err(Failure::NoToken(TokenError::Unavailable(cause))) => {
                self.delay_page(id, format!("there is no token for now: {cause}"), None, now);
            }
            Err(failure) => {
                let had_connection = self.has_connection();
                self.handle_failure(failure, now);
                if had_connection {
                    self.actions.push_front(Action::Close);
                }
            }
        }
    }

    fn handle_message(&mut self, message: &Message) {
        let position = message.position;
        self.begin(Position { offset: position.offset.saturating_sub(1), ..position });
        self.succeed();
        self.come_to(position.into());
        let Some(connection) = &self.connection else { return };
        for member in self.members.values_mut() {
            if !member.has_ended && member.covers(&message.channel) {
                let have_begun = connection.has_begun(member).is_some();
                member.handle_message(message, have_begun);
            }
        }
    }

    fn handle_gap(&mut self, gap: &Gap) {
        let Some(connection) = &self.connection else { return };
        for member in self.members.values_mut() {
            if !member.has_ended && member.follows(&gap.channel) {
                let have_begun = connection.has_begun(member).is_some();
                member.handle_gap(gap, have_begun);
            }
        }
    }

    fn handle_position(&mut self, bookmark: Bookmark) {
        self.begin(bookmark.after);
        self.succeed();
        self.come_to(bookmark);
        for member in self.members.values_mut().filter(|member| !member.has_ended) {
            member.handle_position(bookmark);
        }
    }

    /// The first position of a connection says where the channels of its request begin.
    fn begin(&mut self, position: Position) {
        let Some(connection) = self.connection.as_mut().filter(|it| it.place.is_none()) else {
            return;
        };
        for channel in &connection.channels {
            if !connection.requested.values().any(|requested| requested == channel) {
                // One that was asked for later may have been answered already.
                connection.begun.entry(channel.clone()).or_insert(position);
            }
        }
        connection.place = Some(position.into());
        self.settle();
    }

    fn come_to(&mut self, bookmark: Bookmark) {
        self.epoch = Some(bookmark.after.epoch);
        if let Some(connection) = &mut self.connection {
            connection.place = Some(bookmark);
        }
    }

    /// Something has come that only a connection brings which works. A welcome alone is no success: an overloaded server may
    /// say goodbye right after.
    fn succeed(&mut self) {
        self.has_worked = true;
        self.backoff.reset();
        (self.token_was_refused, self.has_asked_each, self.openings_failed) = (false, false, 0);
        if let Some(connection) = &self.connection
            && connection.has_lived()
        {
            self.wires.succeed(connection.kind);
        }
    }

    fn handle_unsubscribed(&mut self, ended: Unsubscribed) {
        let Unsubscribed { id: None, channel, code, message } = ended else { return };
        if let Some(connection) = &mut self.connection {
            connection.channels.remove(&channel);
            connection.begun.remove(&channel);
        }
        let message = message
            .unwrap_or_else(|| format!("the server has ended the subscription to {channel}"));
        let problem = Box::new(Problem::from_text(&code.unwrap_or_default(), message));
        self.end_followers(&channel, &SubscribeError::Refused(problem));
    }

    fn handle_refused(&mut self, id: u64, problem: Box<Problem>, retry: Option<Duration>) {
        let Some(connection) = &mut self.connection else { return };
        match connection.requested.remove(&id) {
            Some(channel) => {
                connection.channels.remove(&channel);
                self.end_followers(&channel, &SubscribeError::Refused(problem));
            }
            None => self.answer(id, PublishOutcome::Refused(problem, retry)),
        }
    }

    fn answer(&mut self, id: u64, outcome: PublishOutcome) {
        let connection = self.connection.as_mut();
        if connection.is_some_and(|connection| connection.publishes.remove(&id)) {
            self.outcomes.push_back((id, outcome));
        }
    }

    fn end_followers(&mut self, channel: &str, error: &SubscribeError) {
        let followers = self.members.iter().filter(|(_, member)| member.follows(channel));
        let followers: Vec<MemberId> = followers.map(|(id, _)| *id).collect();
        followers.into_iter().for_each(|id| self.end(id, error.clone()));
    }

    pub(super) fn end(&mut self, id: MemberId, error: SubscribeError) {
        if let Some(member) = self.members.get_mut(&id) {
            member.end(Some(error.clone()));
        }
        self.refusal = Some(error);
    }

    fn delay_page(&mut self, id: MemberId, cause: String, retry: Option<Duration>, now: Duration) {
        let random = self.rng.f64();
        let Some(member) = self.members.get_mut(&id) else { return };
        member.page_failures = member.page_failures.saturating_add(1);
        let attempts = member.page_failures;
        if attempts >= self.options.attempts_max {
            self.end(id, SubscribeError::Unreachable { attempts, cause });
            return;
        }
        let delay = self.options.backoff.after(attempts, random);
        let retry = retry.unwrap_or_default().min(RETRY_MAX);
        member.page = Page::NotBefore(now + retry + delay);
    }
}

/// Two heartbeats may be late or lost.
pub(super) fn patience(heartbeat: Duration) -> Duration {
    heartbeat.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX).mul_f32(2.5)
}

/// A server that says nothing useful must not make us reconnect all the time, or never.
const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
const HEARTBEAT_MAX: Duration = Duration::from_secs(600);

/// However much later a server would like us back.
pub(super) const RETRY_MAX: Duration = Duration::from_secs(300);

/// Before a page is asked for again that was empty, though the connection is further.
const PAGE_PAUSE: Duration = Duration::from_millis(100);
