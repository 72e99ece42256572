//! In which order connections are shown.

use super::figures::ConnectionRow;
use std::cmp::Reverse;

/// The order of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Order {
    /// Furthest behind first.
    #[default]
    Lag,
    /// Oldest first.
    Age,
    /// By the user's name.
    User,
    /// Most channels first.
    Channels,
}

impl Order {
    /// Its name, as a sentence has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lag => "lag",
            Self::Age => "age",
            Self::User => "user",
            Self::Channels => "channels",
        }
    }

    /// Puts connections into it; among equals the order of the server stays.
    pub(super) fn sort(self, connections: &mut [ConnectionRow]) {
        match self {
            Self::Lag => connections.sort_by_key(|it| Reverse(it.lag)),
            Self::Age => connections.sort_by_key(|it| it.opened_ms),
            // Those without a user last.
            Self::User => connections.sort_by_key(|it| (it.user.is_none(), it.user.clone())),
            Self::Channels => connections.sort_by_key(|it| Reverse(it.channel_count)),
        }
    }
}
