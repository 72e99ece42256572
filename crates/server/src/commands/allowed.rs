//! What a token or a key is to allow, as arguments.

use anyhow::{Result, ensure};
use tidewire_broker::Pattern;
use tidewire_tokens::{Claims, PATTERNS_MAX};

/// What a client or a key may do.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Allowed {
    /// Channels to subscribe to: patterns, repeated or with commas.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    subscribe: Vec<Pattern>,
    /// Channels to publish to: patterns, repeated or with commas.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    publish: Vec<Pattern>,
    /// Channels whose members may be listed: patterns, repeated or with commas.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    presence: Vec<Pattern>,
    /// Allow to read messages that were published before.
    #[arg(long)]
    history: bool,
    /// Allow what is for operators: connections, metrics, backups.
    #[arg(long)]
    admin: bool,
}

impl Allowed {
    /// The same as claims, without a subject.
    pub(super) fn claims(self, expires_ms: u64) -> Result<Claims> {
        let Self { subscribe, publish, presence, history, admin } = self;
        let lists = [("subscribe", &subscribe), ("publish", &publish), ("presence", &presence)];
        for (name, patterns) in lists {
            let count = patterns.len();
            ensure!(
                count <= PATTERNS_MAX,
                "--{name} has {count} patterns; at most {PATTERNS_MAX} are allowed"
            );
        }
        let claims = Claims { expires_ms, subscribe, publish, presence, ..Claims::default() };
        Ok(Claims { history, admin, ..claims })
    }
}

#[cfg(test)]
impl Allowed {
    /// What these arguments allow.
    pub(super) fn try_parse(arguments: &str) -> Result<Self, clap::Error> {
        use clap::{Args as _, FromArgMatches as _};
        let command = Self::augment_args(clap::Command::new("allowed").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(arguments.split(' '))?)
    }
}
