//! How far one subscription has come, so that no connection and no page repeats or loses anything for it.
//!
//! All its channels are delivered together and in the order of the log, on every wire and in every page. So one position
//! says everything.

use tidewire_protocol::{Bookmark, Gap, Position, Since};

#[derive(Clone, Debug)]
pub(super) struct Cursor {
    /// Where to begin, as long as there is no position.
    since: Since,
    /// Everything up to here has been handed on.
    at: Option<Bookmark>,
    /// The latest loss that was reported, by channel.
    reported: Vec<(String, Position)>,
}

impl Cursor {
    pub(super) const fn new(since: Since) -> Self {
        let at = match since {
            Since::After(bookmark) => Some(bookmark),
            Since::Now | Since::Earliest | Since::Time(_) | Since::Ago(_) => None,
        };
        Self { since, at, reported: Vec::new() }
    }

    pub(super) const fn at(&self) -> Option<Bookmark> {
        self.at
    }

    /// Where to begin or to go on.
    pub(super) fn since(&self) -> Since {
        self.at.map_or(self.since, Bookmark::into)
    }

    /// Takes in a message, and returns whether it is new.
    pub(super) fn handle_message(&mut self, position: Position) -> bool {
        let is_new = !self.has(position);
        if is_new {
            self.at = Some(position.into());
        }
        is_new
    }

    /// Takes in that everything up to a bookmark has been handed on.
    pub(super) fn handle_position(&mut self, bookmark: Bookmark) {
        let is_same = self.at.is_some_and(|at| at.after == bookmark.after);
        // The end of a page may say more of the place at which its last message stands.
        if !self.has(bookmark.after) || is_same && bookmark.state.is_some() {
            self.at = Some(bookmark);
        }
    }

    /// Takes in a notice of a loss in one of `channels`. Returns the losses that were not reported to the subscriber before.
    ///
    /// What is left of the messages before `to` still follows, so a loss does not move the position. If the
    /// server does not know the position, it continues after `to`. Then each channel has lost everything: all were at that position.
    pub(super) fn handle_gap(&mut self, gap: &Gap, channels: &[String]) -> Vec<Gap> {
        let to = gap.to;
        let from = gap.from.parse().ok().map(|Bookmark { after, .. }| after);
        let is_known = from.is_some_and(|from| from.epoch == to.epoch && from.offset < to.offset);
        let is_older_copy =
            from.is_some_and(|from| from.epoch == to.epoch && from.offset >= to.offset);
        let is_reported = |(channel, had): &(String, Position)| {
            *channel == gap.channel && had.epoch == to.epoch && had.offset >= to.offset
        };
        let at = self.at.map(|at| at.after);
        let is_same_log = at.is_none_or(|at| at.epoch == to.epoch) && !is_older_copy;
        if is_known || is_same_log {
            if self.has(to) || self.reported.iter().any(is_reported) {
                return Vec::new();
            }
            self.report(&gap.channel, to);
            return vec![gap.clone()];
        }
        if at.is_some_and(|at| at.epoch == to.epoch && at.offset <= to.offset) {
            return Vec::new();
        }
        let from = at.map_or_else(|| gap.from.clone(), |at| at.to_string());
        self.reported.clear();
        self.at = Some(to.into());
        let lost =
            channels.iter().map(|channel| Gap { channel: channel.clone(), from: from.clone(), to });
        let lost: Vec<Gap> = lost.collect();
        lost.iter().for_each(|gap| self.report(&gap.channel, to));
        lost
    }

    /// Whether everything up to `position` has been handed on. Of another epoch nothing is known.
    pub(super) fn has(&self, position: Position) -> bool {
        let at = self.at.map(|at| at.after);
        at.is_some_and(|at| at.epoch == position.epoch && at.offset >= position.offset)
    }

    fn report(&mut self, channel: &str, to: Position) {
        self.reported.retain(|(reported, _)| reported != channel);
        self.reported.push((channel.to_owned(), to));
    }
}

/// From where all of these lose nothing, though some may be given something again.
pub(super) fn earliest(bookmarks: &[Bookmark]) -> Option<Bookmark> {
    let earliest = *bookmarks.iter().min_by_key(|it| it.after.offset)?;
    // Removals up to a state are passed over for all, so no further than each of them allows.
    let state = bookmarks.iter().map(|it| it.state.unwrap_or(it.after.offset)).min();
    Some(Bookmark { state: state.filter(|state| *state > earliest.after.offset), ..earliest })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch, offset }
    }

    fn gap(channel: &str, from: &str, to: Position) -> Gap {
        Gap { channel: channel.into(), from: from.into(), to }
    }

    fn channels() -> Vec<String> {
        ["a", "b.*"].map(String::from).to_vec()
    }

    #[test]
    fn a_message_is_new_once() {
        let mut cursor = Cursor::new(Since::Earliest);
        assert!(cursor.handle_message(at(1, 5)));
        assert!(!cursor.handle_message(at(1, 5)));
        assert!(!cursor.handle_message(at(1, 4)));
        assert!(cursor.handle_message(at(2, 1)));
        assert_eq!(cursor.since(), Since::after(at(2, 1)));
    }

    #[test]
    fn a_loss_is_reported_once_and_moves_nothing() {
        let mut cursor = Cursor::new(Since::after(at(1, 1)));
        let lost = gap("a", "1-1", at(1, 9));
        assert_eq!(cursor.handle_gap(&lost, &channels()), vec![lost.clone()]);
        assert_eq!(cursor.handle_gap(&lost, &channels()), []);
        assert!(cursor.handle_message(at(1, 7)));
        let later = gap("a", "1-9", at(1, 12));
        assert_eq!(cursor.handle_gap(&later, &channels()), vec![later.clone()]);
        cursor.handle_position(at(1, 20).into());
        assert_eq!(cursor.handle_gap(&gap("b.*", "1-1", at(1, 15)), &channels()), []);
    }

    #[test]
    fn where_the_position_is_unknown_all_channels_have_lost_and_go_on_together() {
        let mut cursor = Cursor::new(Since::after(at(1, 5)));
        let lost = cursor.handle_gap(&gap("a", "1-5", at(2, 3)), &channels());
        assert_eq!(lost, [gap("a", "1-5", at(2, 3)), gap("b.*", "1-5", at(2, 3))]);
        assert_eq!(cursor.since(), Since::after(at(2, 3)));
        assert_eq!(cursor.handle_gap(&gap("b.*", "1-5", at(2, 3)), &channels()), []);

        // The log is an older copy.
        let mut cursor = Cursor::new(Since::after(at(1, 50)));
        let lost = cursor.handle_gap(&gap("a", "1-50", at(1, 7)), &channels());
        assert_eq!(lost.len(), 2);
        assert!(cursor.handle_message(at(1, 8)));
    }

    #[test]
    fn the_unknown_position_of_another_subscription_costs_only_what_it_skips() {
        let mut cursor = Cursor::new(Since::after(at(2, 3)));
        assert_eq!(cursor.handle_gap(&gap("a", "1-5", at(2, 3)), &channels()), []);
        let skipped = gap("a", "1-5", at(2, 6));
        assert_eq!(cursor.handle_gap(&skipped, &channels()), vec![skipped.clone()]);
    }

    #[test]
    fn the_earliest_place_skips_no_removal_that_another_needs() {
        let bookmark = |after, state| Bookmark { after: at(1, after), state };
        assert_eq!(
            earliest(&[bookmark(3, Some(9)), bookmark(10, None)]),
            Some(bookmark(3, Some(9)))
        );
        assert_eq!(
            earliest(&[bookmark(3, Some(9)), bookmark(7, None)]),
            Some(bookmark(3, Some(7)))
        );
        assert_eq!(earliest(&[bookmark(3, Some(9)), bookmark(3, None)]), Some(bookmark(3, None)));
        assert_eq!(earliest(&[]), None);
    }
}
