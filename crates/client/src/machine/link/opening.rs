//! Opening the connection, and changing what it brings.

use super::{Action, Connection, Link, Opening, PageRequest, PublishOutcome, spell};
use crate::machine::{
    cursor::earliest,
    member::{Member, Page, Phase},
    wires::Kind,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};
use tidewire_protocol::{Bookmark, ClientMessage, Since, Subscribe, Unsubscribe};

impl Link {
    pub(super) fn open_or_adjust(&mut self, now: Duration) -> Option<Action> {
        let wanted: BTreeSet<String> =
            self.proven().flat_map(|member| &member.channels).cloned().collect();
        let Some(connection) = &self.connection else {
            return (!wanted.is_empty()).then(|| self.open(wanted, now));
        };
        if !connection.is_established || connection.channels == wanted {
            return None;
        }
        match connection.kind {
            Kind::WebSocket => self.ask_for(&wanted),
            _ if wanted.is_empty() => self.hang_up().then_some(Action::Close),
            // The requests of these name their channels once.
            _ if connection.place.is_some() => {
                self.hang_up();
                Some(self.open(wanted, now))
            }
            _ => None,
        }
    }

    /// The connection ends. Returns whether there was one.
    pub(super) fn hang_up(&mut self) -> bool {
        let Some(connection) = self.connection.take() else { return false };
        for member in self.members.values_mut() {
            member.disconnect(connection.place);
        }
        let lost = connection.publishes.into_iter();
        self.outcomes.extend(lost.map(|id| (id, PublishOutcome::Lost)));
        self.actions.retain(|action| !matches!(action, Action::Send(_)));
        true
    }

    fn open(&mut self, channels: BTreeSet<String>, now: Duration) -> Action {
        let since = self.start();
        let kind = self.wires.choose(now);
        for member in self.members.values_mut() {
            member.phase = phase_from(member, since);
        }
        // With nothing to try instead, a slow network gets more time with each attempt.
        let patience = self.options.patience;
        let doubled = patience * 2_u32.saturating_pow(self.openings_failed.min(2));
        let has_other = self.wires.has_other(kind, now);
        self.connection = Some(Connection {
            kind,
            channels: channels.clone(),
            begun: BTreeMap::new(),
            requested: BTreeMap::new(),
            place: None,
            head: None,
            is_established: false,
            opened_at: now,
            received_at: now,
            heartbeat: self.options.heartbeat,
            patience: if has_other { patience } else { doubled },
            is_paused: false,
            publishes: BTreeSet::new(),
        });
        let heartbeat = self.options.heartbeat;
        Action::Open(Opening { kind, channels: channels.into_iter().collect(), since, heartbeat })
    }

    /// Where the next connection begins: where those are that were with the last one, or else the earliest of all that have
    /// a position. If nobody has one, where all have asked to begin; at the head, if they differ. Those that read pages go on
    /// with them.
    fn start(&self) -> Since {
        let placed = |is_joined: bool| {
            let members =
                self.proven().filter(move |it| !it.is_paged && (!is_joined || it.is_joined()));
            members.filter_map(|member| member.cursor.at())
        };
        for is_joined in [true, false] {
            // Of several epochs, only one can be gone on with. Pages find what was lost of the others.
            let has_latest = placed(is_joined).any(|at| Some(at.after.epoch) == self.epoch);
            let first = placed(is_joined).next().map(|at| at.after.epoch);
            let epoch = if has_latest { self.epoch } else { first };
            let of_epoch = placed(is_joined).filter(|at| Some(at.after.epoch) == epoch);
            if let Some(bookmark) = earliest(&of_epoch.collect::<Vec<Bookmark>>()) {
                return bookmark.into();
            }
        }
        let mut direct = self.proven().filter(|it| !it.is_paged).map(|it| it.cursor.since());
        match direct.next() {
            Some(since) if direct.all(|other| other == since) => since,
            _ => Since::Now,
        }
    }

    pub(super) fn proven(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.is_proven && !member.has_ended)
    }

    /// Asks, on a WebSocket, for what is new among `wanted`, and ends the rest.
    fn ask_for(&mut self, wanted: &BTreeSet<String>) -> Option<Action> {
        let mut connection = self.connection.take()?;
        let had = mem::replace(&mut connection.channels, wanted.clone());
        for channel in had.difference(wanted) {
            connection.begun.remove(channel);
            connection.requested.retain(|_, requested| requested != channel);
            let unsubscribe = Unsubscribe { id: self.request_number(), channel: channel.into() };
            self.actions.push_back(Action::Send(spell(&ClientMessage::Unsubscribe(unsubscribe))));
        }
        for channel in wanted.difference(&had) {
            let id = self.request_number();
            connection.requested.insert(id, channel.clone());
            let (channel, since) = (channel.into(), Some("now".into()));
            let subscribe = Subscribe { id, channel, since, ..Subscribe::default() };
            self.actions.push_back(Action::Send(spell(&ClientMessage::Subscribe(subscribe))));
        }
        self.connection = Some(connection);
        self.actions.pop_front()
    }

    /// The next page that a subscription needs which is behind the connection, or whose channels may be refused.
    pub(super) fn next_page(&mut self, now: Duration) -> Option<Action> {
        let is_established = self.connection.as_ref().is_some_and(|it| it.is_established);
        let asked = self.members.values().filter(|it| it.page == Page::Asked).count();
        if asked >= PAGES_MAX {
            return None;
        }
        let (id, member) = self.members.iter_mut().find(|(_, member)| {
            let is_due = match member.page {
                Page::None => true,
                Page::Asked => false,
                Page::NotBefore(time) => time <= now,
            };
            let is_needed = matches!(member.phase, Phase::Behind { .. })
                && (is_established || !member.is_proven);
            is_due && is_needed && !member.has_ended && member.is_attentive()
        })?;
        member.page = Page::Asked;
        let limit = self.options.patience * PAGE_PATIENCES;
        let (channels, since) = (member.channels.clone(), member.cursor.since());
        Some(Action::Page(PageRequest { member: *id, channels, since, limit }))
    }
}

/// Where a subscription stands on a connection that begins there.
fn phase_from(member: &Member, since: Since) -> Phase {
    match (member.cursor.at(), since) {
        _ if !member.is_proven || member.is_paged => Phase::behind(),
        (Some(at), Since::After(start))
            if at.after.epoch == start.after.epoch && at.after.offset >= start.after.offset =>
        {
            Phase::Joined
        }
        (None, since) if member.cursor.since() == since => Phase::Beginning,
        _ => Phase::behind(),
    }
}

/// A page takes a connection of its own, perhaps, and as many bytes as a burst.
const PAGE_PATIENCES: u32 = 4;

/// Pages under way at a time, of all subscriptions.
const PAGES_MAX: usize = 4;
