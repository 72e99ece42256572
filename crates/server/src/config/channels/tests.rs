//! The tables of a file: read, printed, and refused where they make no sense.

use super::*;
use crate::config::{Config, ConfigErrors, Decided, Reason, Settings, environment, layers};

fn load(text: &str) -> Result<Config, ConfigErrors> {
    let mut faults = Faults::default();
    let file = layers::from_text(text, "tidewire.toml", &mut faults);
    Config::resolve(file, Settings::default(), Settings::default(), faults)
}

fn error(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

fn decided(config: &Config, channel: &str, option: &str) -> Option<(Value, Reason)> {
    let mut decided = config.explain(&channel.parse().unwrap()).into_iter();
    let found = decided.find(|decided| decided.option == option);
    found.map(|Decided { value, reason, .. }| (value, reason))
}

#[test]
fn every_option_is_read_and_printed_as_it_was_written() {
    let table = [
        "retention_messages = 100",
        "retention_bytes = \"1MiB\"",
        "retention_age = \"15m\"",
        "message_bytes_max = \"16KiB\"",
        "compact = true",
        "keys_max = 500",
        "keys_bytes_max = \"2MiB\"",
        "keys_age = \"1h\"",
        "presence = true",
        "slow_readers = \"disconnect\"",
        "publishers = \"http\"",
        "ids_max = 7",
        "ids_age = \"30s\"",
    ];
    let config = load(&format!("[channels.\"chat.>\"]\n{}", table.join("\n"))).unwrap();
    let printed = config.explain(&"chat.room1".parse().unwrap());
    let printed: Vec<_> = printed
        .iter()
        .map(|Decided { option, value, .. }| match value {
            Value::Truth(_) | Value::Count(_) => format!("{option} = {value}"),
            _ => format!("{option} = \"{value}\""),
        })
        .collect();
    assert_eq!(printed, table);
    assert_eq!(OPTIONS.len(), table.len());
}

#[test]
fn each_option_is_printed_with_the_table_that_decided_it() {
    let config = load(
        "retention_age = \"5m\"\n[channels.\"chat.>\"]\nretention_messages = 2\ncompact = true\n\
         [channels.\"chat.room1\"]\nretention_messages = 3\n",
    )
    .unwrap();
    let table = |pattern: &str| {
        let (pattern, file) = (pattern.to_owned(), "tidewire.toml".to_owned());
        Reason::Table { pattern, file }
    };
    let of = |option| decided(&config, "chat.room1", option);
    assert_eq!(of("retention_messages"), Some((Value::Count(3), table("chat.room1"))));
    assert_eq!(of("compact"), Some((Value::Truth(true), table("chat.>"))));
    let file = "tidewire.toml".to_owned();
    let minutes = Value::Time("5m".parse().unwrap());
    assert_eq!(of("retention_age"), Some((minutes, Reason::File { key: "retention_age", file })));
    assert_eq!(of("keys_age"), Some((Value::Unbounded, Reason::Default)));
    assert_eq!(decided(&config, "news", "keys_age"), None);
}

#[test]
fn what_the_server_itself_decides_gives_way_to_a_table() {
    let presence = "$presence.chat";
    let pattern = "$presence.>".to_owned();
    let built_in = Reason::BuiltIn { pattern };
    let config = load("[channels.\"$presence.>\"]\nkeys_max = 9").unwrap();
    assert_eq!(decided(&config, presence, "compact"), Some((Value::Truth(true), built_in)),);
    let (value, reason) = decided(&config, presence, "keys_max").unwrap();
    assert_eq!(value, Value::Count(9));
    assert_eq!(reason.to_string(), "[channels.\"$presence.>\"] in tidewire.toml");
}

#[test]
fn variables_and_flags_are_printed_by_their_names() {
    let vars = [("TIDEWIRE_RETENTION_MESSAGES".into(), "6".into())];
    let mut faults = Faults::default();
    let environment = environment::read(vars.into_iter(), &mut faults);
    let flags = layers::from_text("retention_age = \"5m\"", "", &mut faults).settings;
    let config = Config::resolve(layers::File::default(), environment, flags, faults).unwrap();
    let reason = |option| decided(&config, "a", option).unwrap().1.to_string();
    assert_eq!(reason("retention_messages"), "TIDEWIRE_RETENTION_MESSAGES");
    assert_eq!(reason("retention_age"), "--retention-age");
    assert_eq!(reason("retention_bytes"), "default");
}

#[test]
fn a_mistake_is_named_with_file_table_and_key() {
    for (text, expected) in [
        (
            "[channels.a]\nsize = 5",
            "[channels.\"a\"] has no option size; there are retention_messages, ret",
        ),
        (
            "[channels.a]\nretention = 5",
            "[channels.\"a\"] has no option retention; did you mean retention_age?",
        ),
        (
            "[channels.a]\nretention_messges = 5",
            "[channels.\"a\"] has no option retention_messges; did you mean retention_messages?",
        ),
        (
            "[channels.a]\nheartbeat = \"1s\"",
            "[channels.\"a\"] has no option heartbeat; the setting heartbeat is for all channels",
        ),
        ("[channels.a]\nkeys_age = 5", "[channels.\"a\"] keys_age: \"5\" is not a duration"),
        ("[channels.a]\npublishers = \"me\"", "publishers: unknown variant `me`, expected one of"),
        ("[channels.a]\ncompact = 1", "[channels.\"a\"] compact: invalid type"),
        ("[channels.\"a b\"]\ncompact = true", "[channels.\"a b\"]: a channel name holds ' '"),
        ("[channels.chat.room1]\ncompact = true", "takes quotes: [channels.\"chat.room1\"]"),
        ("[channels]\na = 1", "[channels.\"a\"]: it has to be a table"),
        ("channels = 1", "channels: it has a table for each pattern"),
    ] {
        let error = error(text);
        assert!(error.starts_with("tidewire.toml: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (table, option, expected) in [
        ("a", "retention_messages = 0", "retention_messages is 0; it has to be above zero"),
        ("a", "retention_age = \"0s\"", "retention_age is 0"),
        ("a", "compact = true\nkeys_max = 0", "keys_max is 0"),
        ("a", "message_bytes_max = \"256MiB\"", "message_bytes_max is 256MiB; it has to be below"),
        ("$presence.>", "presence = true", "presence is given; it has to be left out"),
        ("$presence.a", "compact = false", "compact is given; it has to be left out"),
        ("a.>", "keys_max = 5", "keys_max is given; it has to be left out, or given with compact"),
        ("a", "compact = false\nkeys_age = \"1h\"", "keys_age is given"),
    ] {
        let error = error(&format!("[channels.\"{table}\"]\n{option}"));
        let place = format!("tidewire.toml: [channels.\"{table}\"] {expected}");
        assert!(error.starts_with(&place), "{error}");
    }
}

#[test]
fn bounds_of_keys_are_for_channels_that_some_table_compacts() {
    let with = |compact: &str, keys: &str, more: &str| {
        load(&format!(
            "[channels.\"{compact}\"]\ncompact = true\n[channels.\"{keys}\"]\nkeys_max = 5\n{more}"
        ))
    };
    for (compact, keys) in
        [("a.>", "a.b"), ("*.b", "a.*"), ("a.b.c", "a.>"), (">", "a"), ("a.*.c", ">")]
    {
        assert!(with(compact, keys, "").is_ok(), "{compact} {keys}");
    }
    for (compact, keys) in [("a.>", "a"), ("*.b", "a.c"), ("a.*", "b.>"), (">", "$x.>")] {
        assert!(with(compact, keys, "").is_err(), "{compact} {keys}");
    }
    // All that the two have in common is not compacted.
    assert!(with("*.b", "a.*", "[channels.\"a.b\"]\ncompact = false").is_err());
    // Deeper channels are.
    assert!(with(">", "a.>", "[channels.\"a.*\"]\ncompact = false").is_ok());
}

#[test]
fn the_example_of_the_page_of_settings_is_sound() {
    let page = include_str!("../../../../../docs/configuration.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let config = load(example).unwrap();
    let (value, _) = decided(&config, "chat.room1", "retention_messages").unwrap();
    assert_eq!(value, Value::Count(100));
}
