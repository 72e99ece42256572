//! What a run has met, so that one which proved nothing shows.

use super::model_outcome::ModelOutcome;
use std::fmt;
use tidewire_broker::{AppendError, DraftError};

macro_rules! tally {
    ($($name:ident: $words:literal,)*) => {
        /// Counts over one or many worlds.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Tally {
            $(#[doc = $words] pub $name: u64,)*
        }

        impl Tally {
            /// Adds another's counts.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// What should have happened in a run of that number of worlds, and never did.
            pub fn missing(&self, worlds: u64) -> Vec<&'static str> {
                [$((stringify!($name), self.$name, $words)),*]
                    .into_iter()
                    .filter(|(name, count, _)| *count == 0 && worlds >= worlds_to_meet(name))
                    .map(|(_, _, words)| words)
                    .collect()
            }
        }

        impl fmt::Display for Tally {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let counts = [$((self.$name, $words)),*];
                let counts = counts.map(|(count, words)| format!("{count} {words}"));
                formatter.write_str(&counts.join(", "))
            }
        }
    };
}

tally! {
    published: "messages published",
    delivered: "delivered",
    heartbeats: "places received between messages",
    heads_unread: "response heads never read to their end",
    reconnects: "reconnects",
    cross_wire: "resumes on another wire",
    mid_message: "cuts inside a message",
    dead: "dead links noticed by their clients",
    gaps: "gaps",
    epoch_gaps: "gaps after a restart",
    evictions_unowed: "losses before a beginning that are not owed",
    restarts: "restarts",
    restored: "restarts with an older copy of the store",
    late: "late subscriptions from a past place",
    given: "messages given to programs",
    left_out: "repeats that programs left out",
    gaps_given: "gaps given to programs",
    gaps_known: "gaps that programs knew",
    missing: "polls by programs for channels without a place",
    resumed: "programs that ended and began where they were",
    passed_over: "messages that another subscription had brought",
    unsubscribed: "subscriptions ended",
    history: "pages of history",
    pages_read: "pages read directly",
    pages_lossy: "pages with a gap",
    chains: "chains of pages that held everything",
    chained: "subscriptions from the end of a page",
    client_publishes: "publishes by clients",
    refused: "requests refused",
    dismissed: "connections dismissed",
    stalled: "let go as stalled",
    overtaken: "sent away as overtaken",
    silent: "let go as silent",
    broke_protocol: "let go for breaking the protocol",
    closed: "closed by the client",
    grants_expired: "grants that expired",
    grants_replaced: "grants replaced",
    expiry_notices: "notices that a grant expires soon",
    grants_renewed: "grants renewed by a command",
    superseded: "messages that superseded another",
    repeats: "repeats answered like the first",
    conflicts: "ids that another message had",
    keyless: "messages without the key they need",
    not_allowed: "messages where their publisher may not publish",
    raw_not_allowed: "raw clients sent away for publishing where they may not",
    muted: "messages whose publisher wanted no echo and got none",
    unmuted: "messages received whose publisher wanted no echo",
    joined: "joins published",
    left: "leaves published",
    renewed: "joins renewed",
    unpublished: "joins and leaves that were refused",
    unpublished_stays: "memberships too short to be published",
    leftovers: "members of a previous run that left at the start",
    rounds: "rounds of presence that agreed",
    members: "members on pages that agreed",
    member_maps: "members known to followers that agreed",
    member_pages: "pages of members asked for",
    full: "values for which there was no room",
    expired: "values that were too old",
    tombstones_unneeded: "tombstones that nobody needed",
    states: "states that agreed",
    crashes: "crashes of a durable server",
    waited: "publishes that waited for their store",
    unavailable: "batches that a store refused",
    cold: "messages read from a store",
    waits: "reads of a store that were waited for",
    floods: "floods that stopped the reading",
    bookmarks: "places in the middle of a state",
    polls_timed_out: "polls that timed out",
    virtual_ms: "virtual milliseconds",
}

/// In that number of worlds or more, it should happen.
fn worlds_to_meet(name: &str) -> u64 {
    match name {
        // A member leaves and joins again before either is published: once in some 200 worlds.
        "renewed" => 2_000,
        _ => 200,
    }
}

impl Tally {
    /// Counts what became of a publish.
    pub(crate) fn count(&mut self, expected: ModelOutcome) {
        let count = match expected {
            ModelOutcome::New(supersedes) => {
                self.published += 1;
                self.superseded += u64::from(supersedes.is_some());
                return;
            }
            ModelOutcome::Before(_) => &mut self.repeats,
            ModelOutcome::Refused(AppendError::Draft(DraftError::IdTaken)) => &mut self.conflicts,
            ModelOutcome::Refused(AppendError::Draft(DraftError::KeyMissing)) => &mut self.keyless,
            ModelOutcome::Refused(AppendError::NotAllowed { .. }) => &mut self.not_allowed,
            ModelOutcome::Refused(_) => &mut self.full,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_happened_is_named() {
        assert!(Tally::default().missing(200).contains(&"gaps"));
        assert!(!Tally { gaps: 1, ..Tally::default() }.missing(200).contains(&"gaps"));
    }

    #[test]
    fn what_is_rare_may_be_missing_from_few_worlds() {
        assert!(!Tally::default().missing(199).contains(&"gaps"));
        assert!(!Tally::default().missing(1_999).contains(&"joins renewed"));
        assert!(Tally::default().missing(2_000).contains(&"joins renewed"));
    }
}
