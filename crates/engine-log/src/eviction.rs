//! The bound on all channels together: the oldest messages go first, whichever channel they are of.
//!
//! Values of compacted channels stay: nothing has superseded them. When they alone reach the
//! bound, judging refuses what would add to them.

use crate::committer::Committer;

impl Committer {
    /// Removes the oldest messages until all together cost no more than the bound; a bounded number in each round.
    ///
    /// O(log channels) for each run of messages of one channel.
    pub(crate) fn evict(&mut self) {
        while self.commit_state.is_over_bytes()
            && !self.commit_state.has_enough_removals()
            && let Some((number, next)) = self.commit_state.totals.oldest()
            && let Some(channel) = self.commit_state.channels.name(number)
            && let Some(before) = self.commit_state.channels.find(&channel)
        {
            let excess =
                self.commit_state.totals.bytes().saturating_sub(self.commit_state.bytes_max);
            let mut state = before;
            let done = self.remove_messages(&mut state, |state| {
                before.bytes.saturating_sub(state.bytes) < excess && state.first <= next
            });
            if let Err(error) = done {
                self.log_unread(&error, "the oldest messages");
            }
            if state == before {
                break;
            }
            self.announce(&channel, before, state);
        }
    }
}
