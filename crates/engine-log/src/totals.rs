//! What is known of all channels together, kept up with each change of one: what they cost, which
//! holds the oldest message, and of which nothing is left.

use crate::channels::State;
use std::collections::BTreeSet;

/// Figures of all channels. Every change is O(log channels).
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// What messages cost that may go,
    passing_bytes: u64,
    /// and those of compacted channels, which may not.
    state_bytes: u64,
    /// Channels whose messages may go: an offset no newer than the oldest one's, and the number.
    by_age: BTreeSet<(u64, u64)>,
    /// The same of those whose messages may not.
    state_by_age: BTreeSet<(u64, u64)>,
    /// How many messages there are.
    messages: u64,
    /// Channels of which nothing is left, ids included: the newest offset, and the number.
    dead: BTreeSet<(u64, u64)>,
}

impl Totals {
    /// Adds a channel; `has_ids` says whether ids of its messages are remembered.
    pub(crate) fn add(&mut self, state: &State, has_ids: bool) {
        let State { number, last, first, count, bytes, is_compact, .. } = *state;
        let sum = if is_compact { &mut self.state_bytes } else { &mut self.passing_bytes };
        *sum = sum.saturating_add(bytes);
        self.messages = self.messages.saturating_add(count);
        if count == 0 && !has_ids {
            self.dead.insert((last, number));
        }
        if count > 0 {
            let by_age = if is_compact { &mut self.state_by_age } else { &mut self.by_age };
            by_age.insert((first, number));
        }
    }

    /// Removes a channel, with the state that it was added with.
    pub(crate) fn subtract(&mut self, state: &State) {
        let State { number, last, first, count, bytes, is_compact, .. } = *state;
        let sum = if is_compact { &mut self.state_bytes } else { &mut self.passing_bytes };
        *sum = sum.saturating_sub(bytes);
        self.messages = self.messages.saturating_sub(count);
        self.dead.remove(&(last, number));
        self.by_age.remove(&(first, number));
        self.state_by_age.remove(&(first, number));
    }

    /// Whether both count the same messages.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        let sums = |it: &Self| (it.passing_bytes, it.state_bytes, it.messages);
        sums(self) == sums(other)
            && self.by_age == other.by_age
            && self.state_by_age == other.state_by_age
    }

    /// What all messages cost.
    pub(crate) fn bytes(&self) -> u64 {
        self.passing_bytes.saturating_add(self.state_bytes)
    }

    /// What those of compacted channels cost.
    pub(crate) fn state_bytes(&self) -> u64 {
        self.state_bytes
    }

    /// How many messages there are.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// No message has a smaller offset than this one; `u64::MAX` if there are no messages.
    pub(crate) fn first(&self) -> u64 {
        let first = |by_age: &BTreeSet<(u64, u64)>| by_age.first().map(|(first, _)| *first);
        let firsts = first(&self.by_age).into_iter().chain(first(&self.state_by_age));
        firsts.min().unwrap_or(u64::MAX)
    }

    /// The number of the channel whose oldest message is the oldest that may go, and the offset of
    /// the next such channel's.
    pub(crate) fn oldest(&self) -> Option<(u64, u64)> {
        let mut oldest = self.by_age.iter();
        let (_, number) = oldest.next()?;
        Some((*number, oldest.next().map_or(u64::MAX, |(next, _)| *next)))
    }

    /// How many channels there are of which nothing is left.
    pub(crate) fn dead(&self) -> usize {
        self.dead.len()
    }

    /// The one among them that has been quiet for longest: its number.
    pub(crate) fn oldest_dead(&self) -> Option<u64> {
        self.dead.first().map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_that_count_other_messages_are_noticed() {
        let (mut one, mut other) = (Totals::default(), Totals::default());
        one.add(&state(1, 5, 9, 2), false);
        other.add(&state(1, 5, 9, 2), true);
        assert!(one.counts_as(&other));
        other.passing_bytes += 1;
        assert!(!one.counts_as(&other));
        other.passing_bytes -= 1;
        other.by_age.clear();
        assert!(!one.counts_as(&other));
    }

    fn state(number: u64, first: u64, last: u64, count: u64) -> State {
        State { number, first, last, count, bytes: count * 10, ..State::default() }
    }

    #[test]
    fn what_is_counted_in_and_out_leaves_nothing() {
        let mut totals = Totals::default();
        let states = [
            state(1, 5, 9, 2),
            State { is_compact: true, ..state(2, 1, 8, 3) },
            state(3, 2, 7, 0),
            state(4, 3, 4, 1),
        ];
        states.iter().for_each(|state| totals.add(state, false));
        assert_eq!((totals.bytes(), totals.state_bytes(), totals.dead()), (60, 30, 1));
        assert_eq!((totals.messages(), totals.first()), (6, 1));
        assert_eq!(totals.oldest(), Some((4, 5)));
        assert_eq!(totals.oldest_dead(), Some(3));
        states.iter().for_each(|state| totals.subtract(state));
        assert_eq!((totals.bytes(), totals.oldest(), totals.oldest_dead()), (0, None, None));
        assert_eq!((totals.messages(), totals.first()), (0, u64::MAX));
    }

    #[test]
    fn a_channel_whose_ids_are_remembered_is_not_dead() {
        let mut totals = Totals::default();
        totals.add(&state(1, 0, 9, 0), true);
        assert_eq!(totals.oldest_dead(), None);
        totals.subtract(&state(1, 0, 9, 0));
        totals.add(&state(1, 0, 9, 0), false);
        assert_eq!(totals.oldest_dead(), Some(1));
    }
}
