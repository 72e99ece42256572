//! Joins and leaves that are not published to the channels `$presence.…` yet.
//!
//! Those channels are compacted and keyed by connection, so the log itself is the list of members,
//! and joining costs nothing that grows with it. The buffer holds only what is not published yet: the
//! net of each connection's joins and leaves since the last flush, which may be nothing.

use crate::{ChannelName, Content, Draft, JoinPermit, Label, Permit, hash_index::HashIndex};
use slab::Slab;
use std::{
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Joins and leaves that are not published yet. A broker has one.
///
/// Connections call [`PresenceBuffer::join`] and [`PresenceBuffer::leave`]. Once an interval a [`crate::PresenceFlush`] takes
/// the changes into the log, and puts back those that failed.
#[derive(Debug, Default)]
pub struct PresenceBuffer {
    pending: Mutex<Pending>,
}

/// What one connection's joins and leaves on one channel amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceChange {
    /// The channel of presence to publish to.
    channel: ChannelName,
    connection: Label,
    /// The channel counts the connection among the members: something has to be published in any case.
    is_listed: bool,
    /// The member as JSON; `None` after a leave.
    member: Option<Box<str>>,
}

/// The buffer is full: this join is never published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{CHANGES_BYTES_MAX} bytes of joins wait to be published, the most allowed")]
pub struct PresenceBufferFull;

/// `places` has where in `changes` the one of a channel and a connection is. In each of those `is_listed` or
/// `member` says that there is something to publish.
#[derive(Debug, Default)]
struct Pending {
    changes: Slab<PresenceChange>,
    places: HashIndex,
    hasher: RandomState,
    /// What all `changes` cost.
    bytes: usize,
    /// Joins that were refused, ever.
    refused: u64,
}

impl PresenceBuffer {
    /// Notes that a connection follows the permit's channel from now on. O(1), however many do.
    ///
    /// `member` is the JSON text that says who it is. Whether the channel's options want presence,
    /// [`crate::Broker::presence_channel`] knows.
    ///
    /// # Errors
    ///
    /// There is no room: then nothing is noted, and there is nothing to leave.
    pub fn join(
        &self,
        permit: &JoinPermit,
        connection: &Label,
        member: Box<str>,
    ) -> Result<(), PresenceBufferFull> {
        let Some(channel) = permit.channel().presence() else { return Ok(()) };
        let member = Some(member);
        let change =
            PresenceChange { channel, connection: connection.clone(), is_listed: false, member };
        let mut pending = self.pending();
        if pending.bytes + change.cost_bytes() > CHANGES_BYTES_MAX {
            pending.refused += 1;
            return Err(PresenceBufferFull);
        }
        pending.note(change);
        Ok(())
    }

    /// Notes that a connection, which has joined, follows `channel` no longer. O(1).
    ///
    /// There is always room: no more can leave than have joined, and the log bounds those.
    pub fn leave(&self, channel: &ChannelName, connection: &Label) {
        let Some(channel) = channel.presence() else { return };
        let (connection, member) = (connection.clone(), None);
        self.pending().note(PresenceChange { channel, connection, is_listed: true, member });
    }

    /// Takes all that is to be published, the leaves first: they make room for others.
    pub fn take_changes(&self) -> Vec<PresenceChange> {
        let mut pending = self.pending();
        let (refused, hasher) = (pending.refused, pending.hasher.clone());
        let nothing = Pending { refused, hasher, ..Pending::default() };
        let taken = mem::replace(&mut *pending, nothing);
        drop(pending);
        let changes = taken.changes.into_iter().map(|(_, change)| change);
        let mut changes: Vec<PresenceChange> = changes.collect();
        changes.sort_by_key(|change| change.member.is_some());
        changes
    }

    /// Gives back changes that were taken and could not be published, after which others may have come.
    pub fn put_back(&self, changes: impl IntoIterator<Item = PresenceChange>) {
        // One at a time, so that joins and leaves meanwhile do not wait for all of them.
        changes.into_iter().for_each(|change| self.pending().put_back(change));
    }

    /// Notes that members have left who are listed, under one hold of the lock.
    pub(crate) fn note_left(&self, members: impl Iterator<Item = PresenceChange>) {
        let mut pending = self.pending();
        members.for_each(|left| pending.note(left));
    }

    /// Checks that everything agrees. O(changes).
    pub(crate) fn check(&self) {
        self.pending().check();
    }

    /// How many joins have been refused for want of room, ever.
    pub fn refused(&self) -> u64 {
        self.pending().refused
    }

    /// A panic elsewhere cannot have left it half changed, so poison is ignored.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PresenceChange {
    /// The leave of a connection that `channel`, one of presence, lists as a member.
    pub(crate) fn leave(channel: ChannelName, connection: Label) -> Self {
        Self { channel, connection, is_listed: true, member: None }
    }

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

impl Pending {
    /// Adds what has happened after all that is buffered.
    fn note(&mut self, newer: PresenceChange) {
        self.merge(newer, |standing, newer| standing.member = newer.member);
    }

    /// Adds what had happened before all that is buffered.
    fn put_back(&mut self, older: PresenceChange) {
        self.merge(older, |standing, older| standing.is_listed = older.is_listed);
    }

    fn merge(
        &mut self,
        change: PresenceChange,
        merge: impl FnOnce(&mut PresenceChange, PresenceChange),
    ) {
        let Self { changes, places, .. } = self;
        let hash = self.hasher.hash_one((&change.channel, &change.connection));
        let is_it = |at: usize| {
            let standing = changes.get(at);
            standing.is_some_and(|standing| {
                standing.channel == change.channel && standing.connection == change.connection
            })
        };
        let place = places.find(hash, is_it);
        let Some((at, standing)) = place.and_then(|at| Some((at, changes.get_mut(at)?))) else {
            self.bytes += change.cost_bytes();
            places.insert(hash, changes.insert(change));
            self.check_if_small();
            return;
        };
        self.bytes -= standing.cost_bytes();
        merge(standing, change);
        if standing.is_listed || standing.member.is_some() {
            self.bytes += standing.cost_bytes();
        } else {
            // Joined and left again before either was published.
            places.remove(hash, at);
            changes.remove(at);
        }
        self.check_if_small();
    }

    /// Checks everything in debug builds, as long as that is little.
    fn check_if_small(&self) {
        if cfg!(debug_assertions) && self.changes.len() <= CHECKED_MAX {
            self.check();
        }
    }

    /// Checks that everything agrees. O(changes).
    fn check(&self) {
        assert_eq!(self.places.len(), self.changes.len(), "each change has its place");
        let is_in_place = |(at, change): (usize, &PresenceChange)| {
            let hash = self.hasher.hash_one((&change.channel, &change.connection));
            self.places.find(hash, |place| place == at).is_some()
        };
        assert!(self.changes.iter().all(is_in_place), "each change stands under its hash");
        let changes = || self.changes.iter().map(|(_, change)| change);
        let says = |change: &PresenceChange| change.is_listed || change.member.is_some();
        assert!(changes().all(says), "each change has something to publish");
        assert_eq!(changes().map(PresenceChange::cost_bytes).sum::<usize>(), self.bytes, "bytes");
    }
}

/// Joins and leaves that wait for one round: 100,000 members, who each say a few words.
const CHANGES_BYTES_MAX: usize = 64 << 20;

/// What a change costs beside its member: itself, its place, its names.
const CHANGE_OVERHEAD_BYTES: usize = 384;

/// Changes up to which all of them are looked at whenever one is added, in debug builds.
const CHECKED_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "bytes")]
    fn a_buffer_that_counts_wrongly_is_noticed() {
        let buffer = PresenceBuffer::default();
        buffer.leave(&"a".parse().unwrap(), &"c".parse().unwrap());
        buffer.check();
        buffer.pending().bytes += 1;
        buffer.check();
    }
}
