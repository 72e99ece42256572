//! The line of the log about the life of a connection, written at its end: on the level `info` with the access log, else on
//! `debug`.
//!
//! What it says is known at the end without that anything was kept for it, or counted for each delivery.

use crate::{clock::wall_ms, driver::Driver, socket::Socket};

/// Writes the line of a connection that began at `opened_s`, in Unix seconds.
pub(crate) fn log_end<S: Socket>(driver: &Driver<S>, opened_s: u32, logs_access: bool) {
    macro_rules! line {
        ($level:expr) => {
            if tracing::enabled!(target: TARGET, $level) {
                let (transport, dialect) = driver.kind().labels();
                let reason = driver.connection().close_reason();
                let patterns: Vec<&str> =
                    driver.connection().patterns().map(|pattern| pattern.as_str()).collect();
                let shown = patterns.get(..CHANNELS_MAX).unwrap_or(&patterns);
                tracing::event!(
                    target: TARGET,
                    $level,
                    transport,
                    dialect,
                    address = driver.address().map(|address| address.to_string()),
                    user = driver.user().map(|user| &**user),
                    channels = shown.join(","),
                    subscriptions = patterns.len(),
                    lasted_s = (wall_ms() / 1_000).saturating_sub(opened_s.into()),
                    reason = reason.map_or("aborted", |reason| reason.as_str()),
                    "a connection has ended"
                );
            }
        };
    }
    if logs_access {
        line!(tracing::Level::INFO);
    } else {
        line!(tracing::Level::DEBUG);
    }
}

const TARGET: &str = "tidewire::connection";

/// How many channels are named.
const CHANNELS_MAX: usize = 8;
