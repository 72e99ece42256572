//! Which options of channels make no sense, in themselves or beside the rest of the file.

use super::spell_key;
use crate::config::{Bytes, ConfigError, faults::Faults};
use tidewire_broker::{ChannelName, Pattern, Rule, Rules};

/// Refuses what makes no sense in itself, or beside the rest.
pub(in crate::config) fn check(
    tables: &[(Pattern, Rule)],
    source_name: &str,
    rules: &Rules,
    total_bytes_max: usize,
    faults: &mut Faults,
) {
    for (pattern, rule) in tables {
        let refusal = |key, given: &str, allowed| {
            let key = format!("{source_name}: {}", spell_key(pattern.as_str(), key));
            ConfigError::value(key, given, allowed)
        };
        zeros(rule).for_each(|key| faults.push(refusal(key, "0", "above zero")));
        if pattern.as_str().starts_with('$') {
            let allowed = "left out: such channels belong to the system";
            for_clients(rule).for_each(|key| faults.push(refusal(key, "given", allowed)));
        }
        if faults.knows(&["message_bytes_max", "total_bytes_max"])
            && let Some(bytes_max) = rule.message_bytes_max
            && bytes_max >= total_bytes_max
        {
            let given = Bytes::from(bytes_max).to_string();
            faults.push(refusal("message_bytes_max", &given, BELOW_TOTAL));
        }
        if faults.knows(&["compact"]) && !is_compacted_somewhere(pattern, tables, rules) {
            for_keys(rule).for_each(|key| faults.push(refusal(key, "given", NOT_COMPACTED)));
        }
    }
}

/// Options that are nothing and have to be something.
fn zeros(rule: &Rule) -> impl Iterator<Item = &'static str> + use<> {
    those([
        ("retention_messages", rule.retention_messages == Some(0)),
        ("retention_bytes", rule.retention_bytes == Some(0)),
        ("retention_age", rule.retention_age_ms == Some(0)),
        ("message_bytes_max", rule.message_bytes_max == Some(0)),
        ("keys_max", rule.keys_max == Some(0)),
        ("keys_bytes_max", rule.keys_bytes_max == Some(0)),
        ("keys_age", rule.keys_age_ms == Some(0)),
    ])
}

/// Options that only channels of clients have.
fn for_clients(rule: &Rule) -> impl Iterator<Item = &'static str> + use<> {
    those([
        ("compact", rule.compact.is_some()),
        ("presence", rule.presence.is_some()),
        ("publishers", rule.publishers.is_some()),
    ])
}

/// Options that only compacted channels have; of them those that are something.
fn for_keys(rule: &Rule) -> impl Iterator<Item = &'static str> + use<> {
    those([
        ("keys_max", rule.keys_max.is_some_and(|count| count > 0)),
        ("keys_bytes_max", rule.keys_bytes_max.is_some_and(|bytes| bytes > 0)),
        ("keys_age", rule.keys_age_ms.is_some_and(|time| time > 0)),
    ])
}

fn those<const COUNT: usize>(
    options: [(&'static str, bool); COUNT],
) -> impl Iterator<Item = &'static str> {
    options.into_iter().filter_map(|(key, is_so)| is_so.then_some(key))
}

/// Whether any channel that `pattern` selects is compacted.
///
/// Of the channels that it has in common with a table, one whose other tokens nobody names is
/// compacted if any is.
fn is_compacted_somewhere(pattern: &Pattern, tables: &[(Pattern, Rule)], rules: &Rules) -> bool {
    let depth = |pattern: &Pattern| pattern.as_str().split('.').count();
    let depth_max = tables.iter().map(|(pattern, _)| depth(pattern)).max().unwrap_or_default();
    tables.iter().any(|(other, _)| {
        let mut common = (1..=depth_max + 1).filter_map(|depth| in_common(pattern, other, depth));
        common.any(|channel| rules.of(&channel).compaction.is_some())
    })
}

/// A channel of `depth` tokens that both patterns select, if there is any.
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

pub(in crate::config) const BELOW_TOTAL: &str =
    "below total_bytes_max: otherwise such a message could not be stored";

const NOT_COMPACTED: &str = "left out, or given with compact = true: no channel here is compacted";

/// A token that no table names.
const UNNAMED: &str = "~~:~~";
