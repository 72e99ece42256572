//! What every layer does alike with a key and its value: read the value, and find what an unknown key may mean.

use super::ConfigError;
use serde::de::DeserializeOwned;
use tidewire_names::did_you_mean;
use toml::{Table, Value};

/// Reads values from a table whose keys are known.
pub(super) fn deserialize<T: DeserializeOwned>(
    table: Table,
    source_name: &str,
    spell: impl Fn(&str) -> String,
) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| ConfigError::BadValue {
        key: spell(&error.path().to_string()),
        cause: error.inner().message().to_owned(),
        source_name: source_name.to_owned(),
    })
}

/// The setting that was probably meant: one spelled alike, or what other servers call it.
pub(super) fn meant(
    key: &str,
    known: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == key).map(|(_, ours)| *ours);
    synonym.or_else(|| did_you_mean(key, known))
}

/// What other servers call a setting of ours.
const SYNONYMS: [(&str, &str); 9] = [
    ("address", "listen"),
    ("addr", "listen"),
    ("bind", "listen"),
    ("host", "listen"),
    // Of earlier versions.
    ("insecure", "anonymous"),
    ("port", "listen"),
    ("data_dir", "data"),
    ("threads", "workers"),
    ("max_connections", "connections_max"),
];
