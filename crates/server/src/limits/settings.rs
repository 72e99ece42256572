//! The values of all limits that can be replaced while the server runs.

use super::Rate;

/// What clients may do; `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    /// Connections and long-polls at the same time,
    pub connections_max: usize,
    /// of those from one address,
    pub connections_per_address: Option<usize>,
    /// and of those whose tokens have the same subject.
    pub connections_per_user: Option<usize>,
    /// Messages that one connection publishes,
    pub publishes_per_connection: Option<Rate>,
    /// one address,
    pub publishes_per_address: Option<Rate>,
    /// all tokens of one subject,
    pub publishes_per_user: Option<Rate>,
    /// and one API key.
    pub publishes_per_key: Option<Rate>,
    /// Tickets that one address asks for.
    pub tickets_per_address: Option<Rate>,
    /// Tokens and tickets from one address that are not valid.
    pub failed_tokens_per_address: Option<Rate>,
    /// Bytes of a path and its query.
    pub url_bytes_max: usize,
}

impl LimitSettings {
    /// Only a number of connections.
    #[cfg(test)]
    pub(crate) const fn only_connections(connections_max: usize) -> Self {
        Self {
            connections_max,
            connections_per_address: None,
            connections_per_user: None,
            publishes_per_connection: None,
            publishes_per_address: None,
            publishes_per_user: None,
            publishes_per_key: None,
            tickets_per_address: None,
            failed_tokens_per_address: None,
            url_bytes_max: usize::MAX,
        }
    }

    pub(super) fn has_publish_rates(&self) -> bool {
        [
            self.publishes_per_connection,
            self.publishes_per_address,
            self.publishes_per_user,
            self.publishes_per_key,
        ]
        .iter()
        .any(Option::is_some)
    }

    pub(super) fn counts_connections(&self) -> bool {
        self.connections_per_address.is_some() || self.connections_per_user.is_some()
    }
}
