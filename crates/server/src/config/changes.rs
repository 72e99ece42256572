//! What differs between two configurations, key by key, and which of it a running server takes.

use super::{Change, Config, Settings, channels::OPTIONS};
use serde::Serialize;
use std::collections::BTreeMap;
use tidewire_broker::{Options, Pattern, Rule, Rules};

/// What one source says of each key, before defaults: kept to be compared with another one.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    pub(super) settings: Settings,
    pub(super) channels: Vec<(Pattern, Rule)>,
    /// The name of the file with these tables.
    pub(super) file: String,
}

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What a running server takes.
    #[serde(rename = "reloaded")]
    pub taken: Vec<Change>,
    /// What the next start takes.
    pub needs_restart: Vec<Change>,
}

impl Config {
    /// What `next` says otherwise, on a server that has started with `start`. What needs a restart is compared with that, so
    /// each reload names it again until the restart.
    pub(crate) fn changes_to(&self, next: &Self, start: &Self) -> Changes {
        let (before, after) = (&self.stated, &next.stated);
        let is_taken = |change: &Change| RELOADABLE.contains(&change.key.as_str());
        let taken = before.settings.changes_to(&after.settings).filter(is_taken);
        let taken = taken.chain(of_channels(&before.channels, &after.channels)).collect();
        let since_start = start.stated.settings.changes_to(&after.settings);
        let needs_restart = since_start.filter(|change| !is_taken(change)).collect();
        Changes { taken, needs_restart }
    }
}

fn of_channels(before: &[(Pattern, Rule)], after: &[(Pattern, Rule)]) -> Vec<Change> {
    let by_pattern = |rules: &[(Pattern, Rule)]| -> BTreeMap<String, (Pattern, Rule)> {
        let rules = rules.iter().cloned();
        rules.map(|(pattern, rule)| (pattern.as_str().to_owned(), (pattern, rule))).collect()
    };
    let (before, after) = (by_pattern(before), by_pattern(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let change = |name: &String| {
        let (was, is) = (before.get(name), after.get(name));
        let is_changed = was.map(|(_, rule)| rule) != is.map(|(_, rule)| rule);
        let shown = |table: Option<&(Pattern, Rule)>| {
            table.map_or("none".to_owned(), |(pattern, rule)| options_of(pattern, rule))
        };
        let key = format!("[channels.{name:?}]");
        is_changed.then(|| Change { key, before: shown(was), after: shown(is) })
    };
    names.into_iter().filter_map(change).collect()
}

/// The options that a table gives, as text.
fn options_of(pattern: &Pattern, rule: &Rule) -> String {
    // Any channel that the pattern selects.
    let channel = pattern.as_str().replace(['*', '>'], "x").parse().ok();
    let rules = Rules::new(Options::default(), [(pattern.clone(), *rule)]);
    let options = channel.map(|channel| rules.of(&channel)).unwrap_or_default();
    let stated = OPTIONS.iter().filter(|option| (option.is_stated)(rule));
    let texts = stated.filter_map(|option| {
        let value = (option.value)(&options)?;
        Some(format!("{} = {value}", option.key))
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The settings that a running server takes, beside the tables of channels. Every other one waits for the next start.
pub(super) const RELOADABLE: &[&str] = &[
    "anonymous",
    "allowed_hosts",
    "allowed_origins",
    "trusted_proxies",
    "trusted_proxies_header",
    "tokens_secret",
    "tokens_secret_file",
    "tokens_key_files",
    "tokens_jwks_url",
    "tokens_jwks_interval",
    "tokens_jwks_interval_min",
    "tokens_algorithms",
    "tokens_issuer",
    "tokens_audience",
    "tokens_types",
    "tokens_leeway",
    "tokens_cookie",
    "tokens_in_query",
    "api_keys_file",
    "connections_max",
    "connections_per_address",
    "connections_per_user",
    "publishes_per_connection",
    "publishes_per_address",
    "publishes_per_user",
    "publishes_per_key",
    "tickets_per_address",
    "failed_tokens_per_address",
    "url_bytes_max",
    "subscriptions_max",
    "message_bytes_max",
    "gather_bytes_max",
    "replies_bytes_max",
    "page_messages_max",
    "retention_messages",
    "retention_bytes",
    "retention_age",
    "log_level",
    "log_format",
    "access_log",
    "heartbeat",
    "pong_wait",
    "close_wait",
    "stall",
    "expiry_notice",
    "token_wait",
    "retry",
    "drain_delay",
    "drain",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::from_text;

    fn changes(before: &str, after: &str) -> Changes {
        let before = from_text(before).unwrap();
        before.changes_to(&from_text(after).unwrap(), &before)
    }

    fn texts(changes: &[Change]) -> Vec<String> {
        changes.iter().map(Change::to_string).collect()
    }

    #[test]
    fn what_changes_is_named_with_both_values_and_what_needs_a_restart_is_apart() {
        let before = "heartbeat = \"20s\"\nworkers = 1\n[channels.\"a.>\"]\nretention_messages = 5\n\
                      [channels.old]\nids_max = 1";
        let after = "heartbeat = \"15s\"\nworkers = 2\nretry = \"1s\"\n\
                     [channels.\"a.>\"]\nretention_messages = 6";
        let changes = changes(before, after);
        assert_eq!(
            texts(&changes.taken),
            [
                "heartbeat: 20s -> 15s",
                "retry: default -> 1s",
                "[channels.\"a.>\"]: retention_messages = 5 -> retention_messages = 6",
                "[channels.\"old\"]: ids_max = 1 -> none",
            ]
        );
        assert_eq!(texts(&changes.needs_restart), ["workers: 1 -> 2"]);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = |text: &str| {
            format!("[tokens]\nsecret = \"{text}\"\njwks_url = \"https://a.example/{text}\"")
        };
        let (one, two) = ("first-secret-of-32-bytes-at-least", "other-secret-of-32-bytes-at-least");
        let changes = changes(&secret(one), &secret(two));
        let texts = texts(&changes.taken);
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(!texts.concat().contains("-secret-"), "{texts:?}");
    }

    #[test]
    fn what_can_be_reloaded_are_settings() {
        for key in RELOADABLE {
            assert!(Settings::KEYS.contains(key), "{key}");
        }
    }

    #[test]
    fn the_same_configuration_has_no_changes() {
        assert_eq!(changes("retry = \"1s\"", "retry = \"1s\""), Changes::default());
    }
}
