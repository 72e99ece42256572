//! What is wrong with values that are each of their kind: out of bounds, or excluding each other.

use super::{
    Bytes, Config, ConfigError, Settings, WORKERS_MAX, cache_bytes_min, channels::BELOW_TOTAL,
    faults::Faults, input_bytes_min, output_bytes_min,
};
use tidewire_broker as broker;

impl Config {
    /// Refuses values that are out of bounds, and those that exclude each other.
    pub(super) fn check(&self, faults: &mut Faults) {
        self.check_zeros(faults);
        self.check_bounds(faults);
        self.check_exposure(faults);
    }

    fn check_zeros(&self, faults: &mut Faults) {
        let broker::Options { retention, message_bytes_max, .. } = self.broker.rules.defaults();
        let at_least_one = [
            ("workers", self.workers),
            ("retention_messages", retention.messages_max),
            ("retention_bytes", retention.bytes_max),
            ("message_bytes_max", *message_bytes_max),
            ("subscriptions_max", self.connection.subscriptions_max),
            ("gather_bytes_max", self.connection.gather_bytes_max),
            ("replies_bytes_max", self.connection.replies_bytes_max),
            ("page_messages_max", self.connection.page_messages_max),
            ("publisher_ids_max", self.publisher_ids_max),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                faults.push(ConfigError::value(key, "0", "a whole number from 1 on"));
            }
        }
        let above_zero = [
            ("retention_age", retention.age_max_ms),
            ("heartbeat", self.connection.heartbeat_ms),
            ("token_wait", self.connection.grant_wait_ms),
            ("presence_interval", self.presence_interval.millis()),
        ];
        for (key, value) in above_zero {
            if value == 0 {
                faults.push(ConfigError::value(key, "0s", "a duration above zero"));
            }
        }
    }

    fn check_bounds(&self, faults: &mut Faults) {
        if self.workers > WORKERS_MAX {
            let given = self.workers.to_string();
            faults.push(ConfigError::value("workers", &given, "a whole number from 1 to 64"));
        }
        if self.workers == WORKERS_MAX && !self.admin_listen.is_empty() {
            faults.push(ConfigError::value("workers", "64", WITH_ADMIN));
        }
        let broker::Options { message_bytes_max, .. } = self.broker.rules.defaults();
        if *message_bytes_max >= self.broker.bytes_max
            && faults.knows(&["message_bytes_max", "total_bytes_max"])
        {
            let given = Bytes::from(*message_bytes_max).to_string();
            faults.push(ConfigError::value("message_bytes_max", &given, BELOW_TOTAL));
        }
        let largest = self.broker.rules.message_bytes_max();
        if let Some(bytes_max) = self.data_bytes_max.filter(|bytes_max| *bytes_max <= largest)
            && faults.knows(&["message_bytes_max"])
        {
            let given = Bytes::from(bytes_max).to_string();
            faults.push(ConfigError::value("data_bytes_max", &given, ABOVE_MESSAGES));
        }
        if self.input_bytes_max < input_bytes_min(self.batch_bytes_max, largest)
            && faults.knows(&["batch_bytes_max", "message_bytes_max"])
        {
            let given = Bytes::from(self.input_bytes_max).to_string();
            faults.push(ConfigError::value("input_bytes_max", &given, ABOVE_BODIES));
        }
        if self.output_bytes_max < output_bytes_min(largest) && faults.knows(&["message_bytes_max"])
        {
            let given = Bytes::from(self.output_bytes_max).to_string();
            faults.push(ConfigError::value("output_bytes_max", &given, ABOVE_ITEMS));
        }
        if self.cache_bytes_max < cache_bytes_min(largest) && faults.knows(&["message_bytes_max"]) {
            let given = Bytes::from(self.cache_bytes_max).to_string();
            faults.push(ConfigError::value("cache_bytes_max", &given, ABOVE_READS));
        }
        if self.data.as_ref().is_some_and(|data| data.as_os_str().is_empty()) {
            faults.push(ConfigError::value("data", "empty", "a directory, or left out"));
        }
    }
}

/// Refuses settings of a log on disk if the log is in memory.
pub(super) fn check_disk(settings: &Settings, faults: &mut Faults) {
    if settings.data.is_some() || !faults.knows(&["data"]) {
        return;
    }
    if let Some(fsync) = settings.fsync {
        let allowed = "left out, or given with data: a log in memory is not on disk";
        faults.push(ConfigError::value("fsync", &fsync.to_string(), allowed));
    }
    if let Some(bytes) = settings.data_bytes_max {
        let allowed = "left out, or given with data; total_bytes_max bounds a log in memory";
        faults.push(ConfigError::value("data_bytes_max", &bytes.to_string(), allowed));
    }
    if let Some(bytes) = settings.cache_bytes_max {
        let allowed = "left out, or given with data: a log in memory needs no cache";
        faults.push(ConfigError::value("cache_bytes_max", &bytes.to_string(), allowed));
    }
}

/// Refuses a secret that others on the machine can see.
pub(super) fn check_flags(flags: &Settings, faults: &mut Faults) {
    if flags.tokens_secret.is_some() {
        faults.push(ConfigError::value("tokens_secret", "given as a flag", HIDDEN));
    }
}

const WITH_ADMIN: &str = "at most 63 with admin_listen, which takes one";

const HIDDEN: &str = "in a file, or the variable TIDEWIRE_TOKENS_SECRET: everybody who lists the processes of this \
    machine could read it";

const ABOVE_MESSAGES: &str = "above message_bytes_max, also that of each channel: otherwise such a message could not be \
    stored";

const ABOVE_ITEMS: &str = "at least 16 times the largest message_bytes_max: otherwise a slow \
    client could not receive such a message";

const ABOVE_READS: &str = "at least eight times the largest message_bytes_max: otherwise large \
    messages would evict each other before subscribers have read them";

const ABOVE_BODIES: &str = "at least four times batch_bytes_max and eight times the largest \
    message_bytes_max: otherwise these would always be refused";
