//! What the file says of channels: a table for each pattern, `[channels."chat.>"]`.
//!
//! One list has all there is to know of each option: its key, what it makes of a rule, how its
//! value reads.

mod check;

pub(super) use check::{BELOW_TOTAL, check};

use super::{Bytes, ConfigError, Count, Settings, Span, faults::Faults, values};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use tidewire_broker::{Options, Pattern, Publishers, Rule, SlowReaders};
use tidewire_names::did_you_mean;
use toml::{Table, Value as Toml};

/// One option of a channel.
pub(super) struct ChannelOption {
    pub(super) key: &'static str,
    /// What it is, for the page of settings.
    #[cfg(test)]
    pub(super) help: &'static str,
    /// Whether a rule says anything of it.
    pub(super) is_stated: fn(&Rule) -> bool,
    /// Its value, where it means anything.
    pub(super) value: fn(&Options) -> Option<Value>,
}

/// The value of an option, as the file would spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Truth(bool),
    /// A plain number.
    Count(usize),
    /// A number of bytes.
    Bytes(Bytes),
    /// A length of time.
    Time(Span),
    /// One of a few words.
    Word(&'static str),
    /// Nothing bounds it.
    Unbounded,
}

macro_rules! options {
    ($(#[doc = $help:literal] $key:ident: $kind:ty => $field:ident, $value:expr;)*) => {
        /// One table as it was written.
        #[derive(Default, Deserialize)]
        struct Written {
            $($key: Option<$kind>,)*
        }

        impl Written {
            /// These options, with those that `later` gives in their place.
            fn overlaid_by(self, later: Self) -> Self {
                Self { $($key: later.$key.or(self.$key),)* }
            }
        }

        impl From<Written> for Rule {
            fn from(written: Written) -> Self {
                Self { $($field: written.$key.map(Into::into),)* }
            }
        }

        /// Every option, in the order in which `check-config` prints them.
        pub(super) const OPTIONS: &[ChannelOption] = &[$(ChannelOption {
            key: stringify!($key),
            #[cfg(test)]
            help: $help,
            is_stated: |rule| rule.$field.is_some(),
            value: $value,
        }),*];
    };
}

options! {
    /// Messages that the channel stores; with `compact`, removals
    retention_messages: Count => retention_messages, |options| count(options.retention.messages_max);
    /// Bytes that the channel stores; with `compact`, of removals
    retention_bytes: Bytes => retention_bytes, |options| bytes(options.retention.bytes_max);
    /// How long the channel stores a message; with `compact`, a removal
    retention_age: Span => retention_age_ms, |options| time(options.retention.age_max_ms);
    /// Largest message: payload, event name and key
    message_bytes_max: Bytes => message_bytes_max, |options| bytes(options.message_bytes_max);
    /// Store only the last value per key
    compact: bool => compact, |options| Some(Value::Truth(options.compaction.is_some()));
    /// With `compact`: keys with a value
    keys_max: Count => keys_max, |options| count(options.compaction?.keys_max);
    /// With `compact`: bytes of all values
    keys_bytes_max: Bytes => keys_bytes_max, |options| bytes(options.compaction?.bytes_max);
    /// With `compact`: how long a value is stored without being renewed
    keys_age: Span => keys_age_ms,
        |options| options.compaction?.age_max_ms.map_or(Some(Value::Unbounded), time);
    /// List the subscribers, and publish who joins and leaves
    presence: bool => presence, |options| Some(Value::Truth(options.presence));
    /// Subscribers whose next message has expired: `gap` sends a gap notice, `disconnect` disconnects them to resume
    slow_readers: SlowReadersWord => slow_readers, |options| slow_readers(options.slow_readers);
    /// Who may publish: `anyone`, `http` (only HTTP requests, no WebSockets), `nobody`
    publishers: PublishersWord => publishers, |options| publishers(options.publishers);
    /// Message ids that the channel remembers for deduplication
    ids_max: Count => repeats_ids, |options| count(options.repeats.ids_max);
    /// How long the channel remembers a message id
    ids_age: Span => repeats_age_ms, |options| time(options.repeats.age_max_ms);
}

fn count(count: usize) -> Option<Value> {
    Some(if count == usize::MAX { Value::Unbounded } else { Value::Count(count) })
}

fn bytes(count: usize) -> Option<Value> {
    let is_bound = count < usize::MAX;
    Some(if is_bound { Value::Bytes(Bytes::from(count)) } else { Value::Unbounded })
}

fn time(millis: u64) -> Option<Value> {
    let is_bound = millis < u64::MAX;
    Some(if is_bound { Value::Time(Span::milliseconds(millis)) } else { Value::Unbounded })
}

fn slow_readers(policy: SlowReaders) -> Option<Value> {
    Some(Value::Word(match policy {
        SlowReaders::Gap => "gap",
        SlowReaders::Disconnect => "disconnect",
    }))
}

fn publishers(allowed: Publishers) -> Option<Value> {
    Some(Value::Word(match allowed {
        Publishers::Anyone => "anyone",
        Publishers::Requests => "http",
        Publishers::Nobody => "nobody",
    }))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SlowReadersWord {
    Gap,
    Disconnect,
}

impl From<SlowReadersWord> for SlowReaders {
    fn from(word: SlowReadersWord) -> Self {
        match word {
            SlowReadersWord::Gap => Self::Gap,
            SlowReadersWord::Disconnect => Self::Disconnect,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PublishersWord {
    Anyone,
    Http,
    Nobody,
}

impl From<PublishersWord> for Publishers {
    fn from(word: PublishersWord) -> Self {
        match word {
            PublishersWord::Anyone => Self::Anyone,
            PublishersWord::Http => Self::Requests,
            PublishersWord::Nobody => Self::Nobody,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(truth) => truth.fmt(formatter),
            Self::Count(count) => count.fmt(formatter),
            Self::Bytes(bytes) => bytes.fmt(formatter),
            Self::Time(span) => span.fmt(formatter),
            Self::Word(word) => word.fmt(formatter),
            Self::Unbounded => "unbounded".fmt(formatter),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Truth(truth) => truth.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
            Self::Unbounded => serializer.serialize_none(),
            Self::Bytes(_) | Self::Time(_) | Self::Word(_) => serializer.collect_str(self),
        }
    }
}

/// Reads the tables of the file `source_name`.
pub(super) fn read(tables: Toml, source_name: &str, faults: &mut Faults) -> Vec<(Pattern, Rule)> {
    let is_none = |key: String, cause: &str| ConfigError::BadValue {
        source_name: source_name.to_owned(),
        key,
        cause: cause.to_owned(),
    };
    let Toml::Table(tables) = tables else {
        let cause = "it has a table for each pattern, such as [channels.\"chat.>\"]";
        faults.push_unread(COMPACT, is_none("channels".to_owned(), cause));
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (name, table) in tables {
        let Toml::Table(table) = table else {
            let cause = "it has to be a table of options";
            faults.push_unread(COMPACT, is_none(spell(&name), cause));
            continue;
        };
        let rule = read_one(table, &name, source_name, faults);
        match name.parse::<Pattern>() {
            Ok(pattern) => rules.push((pattern, rule)),
            // Whether it compacts, and what, nobody knows.
            Err(cause) => {
                faults.push_unread(COMPACT, is_none(spell(&name), &cause.to_string()));
            }
        }
    }
    rules
}

/// Reads each option by itself, so that a bad one hides no other.
fn read_one(table: Table, name: &str, source_name: &str, faults: &mut Faults) -> Rule {
    let mut written = Written::default();
    for (key, value) in table {
        if OPTIONS.iter().any(|option| option.key == key) && !value.is_table() {
            let one = Table::from_iter([(key.clone(), value)]);
            match values::deserialize(one, source_name, |key| spell_key(name, key)) {
                Ok(one) => written = written.overlaid_by(one),
                Err(error) => faults.push_unread(&key, error),
            }
            continue;
        }
        let (source_name, table) = (source_name.to_owned(), spell(name));
        faults.push(if value.is_table() {
            ConfigError::Unquoted { source_name, pattern: format!("{name}.{key}") }
        } else if Settings::KEYS.contains(&key.as_str()) {
            ConfigError::Misplaced { source_name, table, key }
        } else {
            let known: Vec<_> = OPTIONS.iter().map(|option| option.key).collect();
            let meant = did_you_mean(&key, known.iter().copied());
            ConfigError::UnknownOption { source_name, table, key, meant, known }
        });
    }
    written.into()
}

/// How the file spells a table.
pub(super) fn spell(pattern: &str) -> String {
    format!("[channels.{pattern:?}]")
}

fn spell_key(pattern: &str, key: &str) -> String {
    format!("{} {key}", spell(pattern))
}

/// On this option depends what others mean.
const COMPACT: &str = "compact";

#[cfg(test)]
mod tests;
