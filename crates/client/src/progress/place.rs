//! One channel or pattern, and which part of it has been delivered.

use crate::pattern::covers;
use tidewire_protocol::{Bookmark, Position};

#[derive(Clone, Debug)]
pub(super) struct PatternProgress {
    /// A channel or pattern.
    pub(super) channel: String,
    /// Where it began: nothing up to here was asked for. ≤ `bookmark` within one epoch.
    start: Option<Position>,
    /// Everything of it behind `start` and up to here has been delivered.
    pub(super) bookmark: Option<Bookmark>,
    /// A gap up to here has been reported. What is left of the messages before it may still come.
    reported: Option<Position>,
    /// Whether it is subscribed on the present connection.
    pub(super) is_live: bool,
}

impl PatternProgress {
    pub(super) fn new(channel: String, bookmark: Option<Bookmark>) -> Self {
        let start = bookmark.map(|bookmark| bookmark.after);
        Self { channel, start, bookmark, reported: None, is_live: false }
    }

    /// Takes in that another connection is made, on which its request names it or not.
    pub(super) fn reconnect(&mut self, is_live: bool) {
        self.is_live = is_live;
        // What has come nowhere yet begins where this connection says, which may be later.
        self.start = self.start.filter(|_| self.bookmark.is_some());
    }

    /// Takes in that the server begins to deliver it behind `position`.
    pub(super) fn begin(&mut self, position: Position) {
        self.is_live = true;
        if self.bookmark.is_none() {
            self.start = Some(position);
        }
    }

    /// Takes in that all of it from `start` up to `bookmark` has been delivered.
    pub(super) fn advance(&mut self, bookmark: Bookmark, start: Position) {
        let had = self.bookmark.map(|had| had.after);
        if had.is_none_or(|had| had.epoch != bookmark.after.epoch) {
            self.start = self.start.filter(|known| known.epoch == start.epoch).or(Some(start));
        }
        // The end of a page may say more of the place where its last message stands.
        let says_more = had == Some(bookmark.after) && bookmark.state.is_some();
        if says_more || !self.is_at_least(bookmark.after) {
            self.bookmark = Some(bookmark);
        }
    }

    /// Takes in that what it had is of no use any more: the server goes on behind `position`.
    pub(super) fn restart(&mut self, position: Position) {
        (self.start, self.bookmark) = (Some(position), Some(position.into()));
        self.reported = None;
    }

    /// Notes a gap up to `to`, and returns whether it has not been reported yet.
    pub(super) fn report_gap(&mut self, to: Position) -> bool {
        let is_reported =
            self.reported.is_some_and(|had| had.epoch == to.epoch && had.offset >= to.offset);
        let is_new = !is_reported && !self.is_at_least(to);
        if is_new {
            self.reported = Some(to);
        }
        is_new
    }

    /// Whether a message there was delivered for this subscription.
    pub(super) fn has_had(&self, position: Position) -> bool {
        let is_older =
            self.start.is_some_and(|it| it.epoch == position.epoch && it.offset >= position.offset);
        self.is_at_least(position) && !is_older
    }

    /// Whether this has come as far, which of another epoch it never has.
    pub(super) fn is_at_least(&self, position: Position) -> bool {
        let had = self.bookmark.map(|bookmark| bookmark.after);
        had.is_some_and(|had| had.epoch == position.epoch && had.offset >= position.offset)
    }

    /// Whether a message of this channel is for this subscription.
    pub(super) fn covers(&self, channel: &str) -> bool {
        covers(&self.channel, channel)
    }
}
