//! What the file says of channels: a table for each pattern, `[channels."chat.>"]`.
//!
//! One list has all there is to know of each option: its key, what it makes of a rule, how its
//! value reads.

use super::{Bytes, ConfigError, Span, layers};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use tidewire_broker::{ChannelName, Options, Pattern, Publishers, Rule, Rules, SlowReaders};
use toml::{Table, Value as Toml};

/// One option of a channel.
pub(super) struct ChannelOption {
    pub(super) key: &'static str,
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
    ($($key:ident: $kind:ty => $field:ident, $value:expr;)*) => {
        /// One table as it was written.
        #[derive(Deserialize)]
        struct Written {
            $($key: Option<$kind>,)*
        }

        impl From<Written> for Rule {
            fn from(written: Written) -> Self {
                Self { $($field: written.$key.map(Into::into),)* }
            }
        }

        /// Every option, in the order in which they are told.
        pub(super) const OPTIONS: &[ChannelOption] = &[$(ChannelOption {
            key: stringify!($key),
            is_stated: |rule| rule.$field.is_some(),
            value: $value,
        }),*];
    };
}

options! {
    retention_messages: usize => retention_messages, |options| count(options.retention.messages_max);
    retention_bytes: Bytes => retention_bytes, |options| bytes(options.retention.bytes_max);
    retention_age: Span => retention_age_ms, |options| time(options.retention.age_max_ms);
    message_bytes_max: Bytes => message_bytes_max, |options| bytes(options.message_bytes_max);
    compact: bool => compact, |options| Some(Value::Truth(options.compaction.is_some()));
    keys_max: usize => keys_max, |options| count(options.compaction?.keys_max);
    keys_bytes_max: Bytes => keys_bytes_max, |options| bytes(options.compaction?.bytes_max);
    keys_age: Span => keys_age_ms,
        |options| options.compaction?.age_max_ms.map_or(Some(Value::Unbounded), time);
    presence: bool => presence, |options| Some(Value::Truth(options.presence));
    slow_readers: SlowReadersWord => slow_readers, |options| slow_readers(options.slow_readers);
    publishers: PublishersWord => publishers, |options| publishers(options.publishers);
    ids_max: usize => repeats_ids, |options| count(options.repeats.ids_max);
    ids_age: Span => repeats_age_ms, |options| time(options.repeats.age_max_ms);
}

fn count(count: usize) -> Option<Value> {
    Some(Value::Count(count))
}

fn bytes(count: usize) -> Option<Value> {
    Some(Value::Bytes(Bytes::from(count)))
}

fn time(millis: u64) -> Option<Value> {
    Some(Value::Time(Span::milliseconds(millis)))
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
        Publishers::Http => "http",
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
            PublishersWord::Http => Self::Http,
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
pub(super) fn read(tables: Toml, source_name: &str) -> Result<Vec<(Pattern, Rule)>, ConfigError> {
    let is_none = |key: String, cause: &str| ConfigError::BadValue {
        source_name: source_name.to_owned(),
        key,
        cause: cause.to_owned(),
    };
    let Toml::Table(tables) = tables else {
        let cause = "it has a table for each pattern, such as [channels.\"chat.>\"]";
        return Err(is_none("channels".to_owned(), cause));
    };
    let read = |(name, table): (String, Toml)| {
        let pattern: Pattern =
            name.parse().map_err(|cause| is_none(spell(&name), &format!("{cause}")))?;
        match table {
            Toml::Table(table) => Ok((pattern, read_one(table, &name, source_name)?)),
            _ => Err(is_none(spell(&name), "it has to be a table of options")),
        }
    };
    tables.into_iter().map(read).collect()
}

fn read_one(table: Table, name: &str, source_name: &str) -> Result<Rule, ConfigError> {
    for (key, value) in &table {
        if value.is_table() {
            return Err(ConfigError::Unquoted {
                source_name: source_name.to_owned(),
                pattern: format!("{name}.{key}"),
            });
        }
        if OPTIONS.iter().all(|option| option.key != key) {
            return Err(ConfigError::UnknownOption {
                source_name: source_name.to_owned(),
                table: spell(name),
                key: key.clone(),
            });
        }
    }
    let written: Written = layers::deserialize(table, source_name, |key| spell_key(name, key))?;
    Ok(written.into())
}

/// Refuses what makes no sense in itself, or beside the rest.
pub(super) fn check(
    tables: &[(Pattern, Rule)],
    source_name: &str,
    rules: &Rules,
    total_bytes_max: usize,
) -> Result<(), ConfigError> {
    for (pattern, rule) in tables {
        let refuse = |key, given: &str, allowed| {
            let key = format!("{source_name}: {}", spell_key(pattern.as_str(), key));
            Err(ConfigError::value(key, given, allowed))
        };
        let zeros = [
            ("retention_messages", rule.retention_messages == Some(0)),
            ("retention_bytes", rule.retention_bytes == Some(0)),
            ("retention_age", rule.retention_age_ms == Some(0)),
            ("message_bytes_max", rule.message_bytes_max == Some(0)),
            ("keys_max", rule.keys_max == Some(0)),
            ("keys_bytes_max", rule.keys_bytes_max == Some(0)),
            ("keys_age", rule.keys_age_ms == Some(0)),
        ];
        if let Some((key, _)) = zeros.iter().find(|(_, is_zero)| *is_zero) {
            return refuse(key, "0", "above zero");
        }
        if let Some(bytes_max) = rule.message_bytes_max.filter(|bytes| *bytes >= total_bytes_max) {
            return refuse("message_bytes_max", &Bytes::from(bytes_max).to_string(), BELOW_TOTAL);
        }
        let of_clients = [
            ("compact", rule.compact.is_some()),
            ("presence", rule.presence.is_some()),
            ("publishers", rule.publishers.is_some()),
        ];
        if let Some((key, _)) = of_clients.iter().find(|(_, is_stated)| *is_stated)
            && pattern.as_str().starts_with('$')
        {
            return refuse(key, "given", "left out: such channels are the system's");
        }
        let of_keys = [
            ("keys_max", rule.keys_max.is_some()),
            ("keys_bytes_max", rule.keys_bytes_max.is_some()),
            ("keys_age", rule.keys_age_ms.is_some()),
        ];
        if let Some((key, _)) = of_keys.iter().find(|(_, is_stated)| *is_stated)
            && !is_compacted_somewhere(pattern, tables, rules)
        {
            return refuse(
                key,
                "given",
                "left out, or beside compact = true: nothing is compacted",
            );
        }
    }
    Ok(())
}

/// Whether any channel that `pattern` selects is compacted.
///
/// Of the channels that it has in common with a table, one whose other tokens nobody names is
/// compacted if any is.
fn is_compacted_somewhere(pattern: &Pattern, tables: &[(Pattern, Rule)], rules: &Rules) -> bool {
    let depth = |pattern: &Pattern| pattern.as_str().split('.').count();
    let depth_max = tables.iter().map(|(pattern, _)| depth(pattern)).max().unwrap_or_default();
    tables.iter().any(|(other, _)| {
        let common = (1..=depth_max + 1).filter_map(|depth| in_common(pattern, other, depth));
        common.into_iter().any(|channel| rules.of(&channel).compaction.is_some())
    })
}

/// A channel of so many tokens that both patterns select.
fn in_common(one: &Pattern, other: &Pattern, depth: usize) -> Option<ChannelName> {
    let tokens = spread(one, depth)?.into_iter().zip(spread(other, depth)?);
    let tokens = tokens.map(|pair| match pair {
        ("*", "*") => UNNAMED,
        ("*", token) | (token, _) => token,
    });
    let channel: ChannelName = tokens.collect::<Vec<_>>().join(".").parse().ok()?;
    (one.matches(&channel) && other.matches(&channel)).then_some(channel)
}

/// A pattern's tokens, with a final `>` standing for as many `*` as make it so deep.
fn spread(pattern: &Pattern, depth: usize) -> Option<Vec<&str>> {
    let mut tokens: Vec<_> = pattern.as_str().split('.').collect();
    if tokens.pop_if(|last| *last == ">").is_some() && tokens.len() < depth {
        tokens.resize(depth, "*");
    }
    (tokens.len() == depth).then_some(tokens)
}

/// How the file spells a table.
pub(super) fn spell(pattern: &str) -> String {
    format!("[channels.{pattern:?}]")
}

fn spell_key(pattern: &str, key: &str) -> String {
    format!("{} {key}", spell(pattern))
}

pub(super) const BELOW_TOTAL: &str = "below total_bytes_max, or no such message could be kept";

/// A token that no table names.
const UNNAMED: &str = "~~:~~";

#[cfg(test)]
mod tests;
