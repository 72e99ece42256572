//! Who comes and who goes, until the channels `$presence.…` have been told of it.
//!
//! Those channels are compacted and keyed by connection, so the log itself is the list of members,
//! and joining costs nothing that grows with it. Here stands only what it has yet to be told: the
//! net of each connection's comings and goings since the last round, which may be nothing.

use crate::{
    Broker, ChannelName, Content, Draft, Gathered, JoinPermit, Label, Message, Permit, Reader,
    Start, name::PRESENCE_PATTERN,
};
use slab::Slab;
use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Comings and goings that no channel has been told of yet. A broker has one.
///
/// Connections call [`Roster::join`] and [`Roster::leave`]. Once an interval a [`crate::Round`] takes
/// the changes into the log, and puts back those that failed.
#[derive(Debug, Default)]
pub struct Roster {
    untold: Mutex<Untold>,
}

/// What one connection's comings and goings on one channel amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The channel to be told.
    channel: ChannelName,
    connection: Label,
    /// The channel counts the connection among the members: something is to be said in any case.
    is_told: bool,
    /// Who is there now, as JSON, or nobody.
    member: Option<Box<str>>,
}

/// As much waits to be told as may: this joining never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{CHANGES_BYTES_MAX} bytes of joins wait to be told, as many as are allowed")]
pub struct RosterFull;

/// `places[channel, connection]` is where in `changes` theirs is. In each of those `is_told` or
/// `member` says that there is something to tell.
#[derive(Debug, Default)]
struct Untold {
    changes: Slab<Change>,
    places: HashMap<(ChannelName, Label), usize>,
    /// What all `changes` cost.
    bytes: usize,
    /// Joins that were refused, ever.
    refused: u64,
}

impl Roster {
    /// Notes that a connection follows the permit's channel from now on. O(1), however many do.
    ///
    /// `member` is the JSON text that says who it is. Whether the channel's options want it told,
    /// [`Broker::presence_channel`] knows.
    ///
    /// # Errors
    ///
    /// There is no room: then nothing is noted, and there is nothing to leave.
    pub fn join(
        &self,
        permit: &JoinPermit,
        connection: &Label,
        member: Box<str>,
    ) -> Result<(), RosterFull> {
        let Some(channel) = permit.channel().presence() else { return Ok(()) };
        let member = Some(member);
        let change = Change { channel, connection: connection.clone(), is_told: false, member };
        let mut untold = self.untold();
        if untold.bytes + change.cost_bytes() > CHANGES_BYTES_MAX {
            untold.refused += 1;
            return Err(RosterFull);
        }
        untold.note(change);
        Ok(())
    }

    /// Notes that a connection, which has joined, follows `channel` no longer. O(1).
    ///
    /// There is always room: no more can leave than have joined, and the log bounds those.
    pub fn leave(&self, channel: &ChannelName, connection: &Label) {
        let Some(channel) = channel.presence() else { return };
        let (connection, member) = (connection.clone(), None);
        self.untold().note(Change { channel, connection, is_told: true, member });
    }

    /// Takes all that is to be told, those who leave first: they make room for others.
    pub fn take_changes(&self) -> Vec<Change> {
        let mut untold = self.untold();
        let nothing = Untold { refused: untold.refused, ..Untold::default() };
        let taken = mem::replace(&mut *untold, nothing);
        drop(untold);
        let changes = taken.changes.into_iter().map(|(_, change)| change);
        let mut changes: Vec<Change> = changes.collect();
        changes.sort_by_key(|change| change.member.is_some());
        changes
    }

    /// Gives back changes that were taken and could not be told, behind which others may have come.
    pub fn put_back(&self, changes: impl IntoIterator<Item = Change>) {
        // One at a time: those who come and go meanwhile need not wait for all of them.
        changes.into_iter().for_each(|change| self.untold().put_back(change));
    }

    /// How many joins have been refused for want of room, ever.
    pub fn refused(&self) -> u64 {
        self.untold().refused
    }

    /// A panic elsewhere cannot have left it half changed, so poison is ignored.
    fn untold(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    /// What to publish: a member under its connection's name, or the tombstone of one that left.
    ///
    /// Only the system may publish there, and this is where it does.
    pub fn publish(&self) -> (Permit, Draft) {
        let content = self.member.clone().map_or(Content::Nothing, Content::Json);
        let draft = Draft { key: Some(self.connection.clone()), ..Draft::new(content) };
        (Permit::of_system(self.channel.clone()), draft)
    }

    fn cost_bytes(&self) -> usize {
        self.member.as_ref().map_or(0, |member| member.len()) + CHANGE_OVERHEAD_BYTES
    }
}

impl Untold {
    /// Takes in what has happened after all that stands here.
    fn note(&mut self, newer: Change) {
        self.merge(newer, |standing, newer| standing.member = newer.member);
    }

    /// Takes in what had happened before all that stands here.
    fn put_back(&mut self, older: Change) {
        self.merge(older, |standing, older| standing.is_told = older.is_told);
    }

    fn merge(&mut self, change: Change, merge: impl FnOnce(&mut Change, Change)) {
        let key = (change.channel.clone(), change.connection.clone());
        let Some(standing) = self.places.get(&key).and_then(|at| self.changes.get_mut(*at)) else {
            self.bytes += change.cost_bytes();
            self.places.insert(key, self.changes.insert(change));
            return;
        };
        self.bytes -= standing.cost_bytes();
        merge(standing, change);
        if standing.is_told || standing.member.is_some() {
            self.bytes += standing.cost_bytes();
        } else if let Some(at) = self.places.remove(&key) {
            // Came and left again before anybody was told.
            self.changes.remove(at);
        }
    }
}

impl Broker {
    /// The channel that tells who follows `channel`, or `None` where its options want none.
    ///
    /// O(rules), or O(1) where no channel at all has one.
    pub fn presence_channel(&self, channel: &ChannelName) -> Option<ChannelName> {
        let is_told = self.limits().rules.has_presence() && self.options(channel).presence;
        if is_told { channel.presence() } else { None }
    }

    /// Who comes and who goes.
    pub fn roster(&self) -> &Roster {
        &self.shared.roster
    }

    /// Notes that every member the log tells of has left.
    ///
    /// For the start of a server whose log outlived it, before anybody joins: those members'
    /// connections ended with an earlier one. O(members).
    pub fn clear_presence(&self) {
        let Ok(pattern) = PRESENCE_PATTERN.parse() else { return };
        let (mut reader, _) = Reader::once(self, pattern, Start::Earliest);
        let (mut gathered, head) = (Gathered::default(), self.head());
        while !gathered.is_caught_up() {
            reader.gather(self, head, CLEAR_BYTES_MAX, &mut gathered);
            let mut untold = self.roster().untold();
            gathered
                .messages()
                .filter_map(|told| leftover(told))
                .for_each(|left| untold.note(left));
            drop(untold);
            reader.advance(&gathered, gathered.items().len());
        }
    }
}

/// The leaving of the member that a message tells of.
fn leftover(told: &Message) -> Option<Change> {
    let connection = told.key()?.parse().ok()?;
    let is_told = *told.content() != Content::Nothing;
    let channel = told.channel().clone();
    is_told.then_some(Change { channel, connection, is_told, member: None })
}

/// Joins and leaves that wait for one round: 100,000 members, who each say a few words.
const CHANGES_BYTES_MAX: usize = 64 << 20;

/// What a change costs beside its member: itself, its place, its names.
const CHANGE_OVERHEAD_BYTES: usize = 384;

/// Bytes of leftovers looked at between two holds of the roster's lock.
const CLEAR_BYTES_MAX: usize = 1 << 20;
