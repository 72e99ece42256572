//! The limits on what clients do, from their settings.

use super::{Config, Settings};
use crate::limits::{LimitSettings, Rate, RateLimit};
use std::num::NonZeroU32;

impl Config {
    /// The limits on what clients do, where the machine has room for `room` connections.
    pub(crate) fn limits(&self, room: usize) -> LimitSettings {
        LimitSettings { connections_max: self.connections_max.unwrap_or(room), ..self.limits }
    }
}

/// The limits that settings give.
pub(super) fn limits(settings: &Settings, has_keys: bool) -> LimitSettings {
    let rate = |limit: Option<RateLimit>, default| limit.map_or(default, |limit| limit.0);
    LimitSettings {
        connections_max: usize::MAX,
        connections_per_address: settings.connections_per_address.map(Into::into),
        connections_per_user: settings.connections_per_user.map(Into::into),
        publishes_per_connection: rate(settings.publishes_per_connection, None),
        publishes_per_address: rate(settings.publishes_per_address, None),
        publishes_per_user: rate(settings.publishes_per_user, None),
        publishes_per_key: rate(settings.publishes_per_key, None),
        tickets_per_address: rate(settings.tickets_per_address, TICKETS_PER_ADDRESS),
        // Without keys nobody looks at a token.
        failed_tokens_per_address: rate(
            settings.failed_tokens_per_address,
            FAILED_TOKENS_PER_ADDRESS,
        )
        .filter(|_| has_keys),
        url_bytes_max: settings.url_bytes_max.map_or(URL_BYTES_MAX, super::Bytes::count),
    }
}

/// Behind one address there may be a whole company; each page that it loads takes one.
const TICKETS_PER_ADDRESS: Option<Rate> = match NonZeroU32::new(100) {
    Some(count) => Some(Rate::each_second(count)),
    None => None,
};

/// With the most expensive algorithm five a second take some 2 % of a core. A client with a right token gets in again at once
/// where nobody at its address goes on guessing.
const FAILED_TOKENS_PER_ADDRESS: Option<Rate> = match NonZeroU32::new(300) {
    Some(count) => Some(Rate::each_minute(count)),
    None => None,
};

/// Half of what a head may have.
const URL_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod page;
