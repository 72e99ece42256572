//! What a run has met, so that one which proved nothing shows.

use std::fmt;

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

            /// What should have happened in a run of many worlds, and never did.
            pub fn missing(&self) -> Vec<&'static str> {
                [$((self.$name, $words)),*]
                    .into_iter()
                    .filter_map(|(count, words)| (count == 0).then_some(words))
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
    heartbeats: "places heard between messages",
    reconnects: "reconnects",
    cross_wire: "resumes on another wire",
    mid_message: "cuts inside a message",
    gaps: "gaps",
    epoch_gaps: "gaps after a restart",
    evictions_unowed: "losses before a beginning that are not owed",
    restarts: "restarts",
    late: "late subscriptions from a past place",
    unsubscribed: "subscriptions ended",
    history: "pages of history",
    client_publishes: "publishes by clients",
    refused: "requests refused",
    dismissed: "connections dismissed",
    stalled: "let go as stalled",
    overtaken: "sent away as overtaken",
    silent: "let go as silent",
    broke_protocol: "let go for breaking the protocol",
    closed: "closed by the client",
    floods: "floods that stopped the reading",
    polls_timed_out: "polls that timed out",
    virtual_ms: "virtual milliseconds",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_happened_is_named() {
        assert!(Tally::default().missing().contains(&"gaps"));
        assert!(!Tally { gaps: 1, ..Tally::default() }.missing().contains(&"gaps"));
    }
}
