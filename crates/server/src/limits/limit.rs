//! The limits by name, how often each was reached, and what a client is answered that reaches one.

use super::LimitSettings;
use std::{
    array,
    fmt::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering},
};
use tidewire_connection::Refusal;

/// A limit that counts how often it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Connections,
    ConnectionsPerAddress,
    ConnectionsPerUser,
    PublishesPerConnection,
    PublishesPerAddress,
    PublishesPerUser,
    PublishesPerKey,
    TicketsPerAddress,
    FailedTokensPerAddress,
    UrlBytes,
}

/// A client has reached a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Exceeded {
    pub(crate) limit: Limit,
    /// When it is worth another try; not known where others have to end first.
    pub(crate) wait_ms: Option<u64>,
    detail: String,
}

impl Limit {
    pub(crate) const ALL: [Self; 10] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectionsPerUser,
        Self::PublishesPerConnection,
        Self::PublishesPerAddress,
        Self::PublishesPerUser,
        Self::PublishesPerKey,
        Self::TicketsPerAddress,
        Self::FailedTokensPerAddress,
        Self::UrlBytes,
    ];

    /// The setting that has its value, which is also its label in metrics.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::Connections => "connections_max",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::ConnectionsPerUser => "connections_per_user",
            Self::PublishesPerConnection => "publishes_per_connection",
            Self::PublishesPerAddress => "publishes_per_address",
            Self::PublishesPerUser => "publishes_per_user",
            Self::PublishesPerKey => "publishes_per_key",
            Self::TicketsPerAddress => "tickets_per_address",
            Self::FailedTokensPerAddress => "failed_tokens_per_address",
            Self::UrlBytes => "url_bytes_max",
        }
    }

    /// What is at its limit, as a sentence with the value of the limit.
    fn describe(self, settings: &LimitSettings) -> String {
        let count = |value: Option<usize>| value.unwrap_or(usize::MAX);
        let rate =
            |value: Option<super::Rate>| value.map_or_else(String::new, |rate| rate.to_string());
        match self {
            Self::Connections => {
                format!("the limit of {} connections is reached", settings.connections_max)
            }
            Self::ConnectionsPerAddress => {
                let max = count(settings.connections_per_address);
                format!("this address has {max} connections and may have no more")
            }
            Self::ConnectionsPerUser => {
                let max = count(settings.connections_per_user);
                format!("the subject of this token has {max} connections and may have no more")
            }
            Self::PublishesPerConnection => {
                let rate = rate(settings.publishes_per_connection);
                format!("a connection may publish {rate} messages")
            }
            Self::PublishesPerAddress => {
                let rate = rate(settings.publishes_per_address);
                format!("an address may publish {rate} messages")
            }
            Self::PublishesPerUser => {
                let rate = rate(settings.publishes_per_user);
                format!("the subject of a token may publish {rate} messages")
            }
            Self::PublishesPerKey => {
                let rate = rate(settings.publishes_per_key);
                format!("an API key may publish {rate} messages")
            }
            Self::TicketsPerAddress => {
                let rate = rate(settings.tickets_per_address);
                format!("an address may request {rate} tickets")
            }
            Self::FailedTokensPerAddress => {
                let rate = rate(settings.failed_tokens_per_address);
                format!(
                    "more than {rate} tokens or tickets from this address were not valid, so no more are looked at"
                )
            }
            Self::UrlBytes => {
                format!("the URL has more than {} bytes", settings.url_bytes_max)
            }
        }
    }
}

impl Exceeded {
    pub(super) fn new(limit: Limit, settings: &LimitSettings, wait_ms: Option<u64>) -> Self {
        let mut detail = format!("{} ({})", limit.describe(settings), limit.setting());
        // Writing into a text does not fail.
        let _ = match (limit, wait_ms) {
            (Limit::UrlBytes, _) => {
                write!(detail, "; send the parameters as JSON in the body of a POST")
            }
            (_, Some(wait_ms)) => write!(detail, "; try again in {}", Shown(wait_ms)),
            (_, None) => write!(detail, "; try again later"),
        };
        Self { limit, wait_ms, detail }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::LimitReached { reason: exceeded.to_string().into(), retry_ms: exceeded.wait_ms }
    }
}

/// A time that is rounded up to what people read.
struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            wait_ms @ ..1_000 => write!(formatter, "{wait_ms} ms"),
            wait_ms => write!(formatter, "{} s", wait_ms.div_ceil(1_000)),
        }
    }
}

/// How often each limit was reached.
#[derive(Debug)]
pub(super) struct LimitCounts([AtomicU64; Limit::ALL.len()]);

impl LimitCounts {
    pub(super) fn add(&self, limit: Limit) {
        if let Some(count) = self.of(limit) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self, limit: Limit) -> u64 {
        self.of(limit).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn of(&self, limit: Limit) -> Option<&AtomicU64> {
        let mut counts = Limit::ALL.into_iter().zip(&self.0);
        counts.find_map(|(it, count)| (it == limit).then_some(count))
    }
}

impl Default for LimitCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}
