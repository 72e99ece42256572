//! The sources below the flags: a file and the environment.

use super::{Listen, Settings, channels};
use crate::suggestion::did_you_mean;
use serde::de::DeserializeOwned;
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use tidewire_broker::{Pattern, Rule};
use toml::{Table, Value};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) channels: Vec<(Pattern, Rule)>,
}

/// Why there is no configuration. Each names the key, where it stands, and what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The file is no TOML.
    #[error("{source_name} is not TOML: {cause}")]
    Syntax {
        /// Which file.
        source_name: String,
        /// Where and why not.
        cause: Box<toml::de::Error>,
    },
    /// No setting has this name.
    #[error(
        "{source_name}: there is no setting {key}; {}there are {}, and, in a file, a table \
         [channels.\"PATTERN\"] for each pattern",
        meant.as_ref().map(|meant| format!("did you mean {meant}? ")).unwrap_or_default(),
        known.join(", ")
    )]
    UnknownKey {
        /// Which file, or the environment.
        source_name: String,
        /// What was given.
        key: String,
        /// What was probably meant, spelled likewise.
        meant: Option<String>,
        /// The settings that can be given there.
        known: Vec<&'static str>,
    },
    /// No option of a channel has this name.
    #[error(
        "{source_name}: {table} has no option {key}; there are {}",
        channels::OPTIONS.iter().map(|option| option.key).collect::<Vec<_>>().join(", ")
    )]
    UnknownOption {
        /// Which file.
        source_name: String,
        /// Which table.
        table: String,
        /// What was given.
        key: String,
    },
    /// A pattern that needs quotes has none.
    #[error("{source_name}: a pattern with dots takes quotes: [channels.{pattern:?}]")]
    Unquoted {
        /// Which file.
        source_name: String,
        /// Which pattern.
        pattern: String,
    },
    /// A value is not of its setting's kind.
    #[error("{source_name}: {key}: {cause}")]
    BadValue {
        /// Which file, or the environment.
        source_name: String,
        /// Which setting.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A value is out of bounds.
    #[error("{key} is {given}; it has to be {allowed}")]
    OutOfBounds {
        /// Which setting; of a table, which file and table too.
        key: String,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A host name stands for no address.
    #[error(
        "listen is {endpoint}, which has no address: {cause}; it has to be a name that resolves, or \
         an address"
    )]
    Unresolved {
        /// The name, with its port.
        endpoint: String,
        /// What the resolver says.
        cause: io::Error,
    },
    /// Everybody could read and write.
    #[error(
        "listen is {listen}, beyond this machine, and there are no keys: anybody could read and \
         publish everything; listen on 127.0.0.1, or say --insecure if that is what you want"
    )]
    Exposed {
        /// Where it would have listened.
        listen: Listen,
    },
}

impl ConfigError {
    pub(super) fn value(key: impl Into<String>, given: &str, allowed: &'static str) -> Self {
        Self::OutOfBounds { key: key.into(), given: given.to_owned(), allowed }
    }
}

pub(super) fn from_file(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    from_text(&text, &path.display().to_string())
}

pub(super) fn from_text(text: &str, source_name: &str) -> Result<File, ConfigError> {
    let mut table = text.parse::<Table>().map_err(|cause| ConfigError::Syntax {
        source_name: source_name.to_owned(),
        cause: Box::new(cause),
    })?;
    let channels = table.remove(CHANNELS).map(|tables| channels::read(tables, source_name));
    // A file that named another would be read, and the other not.
    let known = Settings::KEYS.iter().filter(|key| **key != CONFIG);
    Ok(File {
        name: source_name.to_owned(),
        settings: read(table, source_name, known.copied().collect(), str::to_owned)?,
        channels: channels.transpose()?.unwrap_or_default(),
    })
}

/// Reads the variables that begin with `TIDEWIRE_`.
pub(super) fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Settings, ConfigError> {
    let mut table = Table::new();
    for (name, value) in variables {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let value = value.to_string_lossy();
        table.insert(key.to_ascii_lowercase(), value_of(&value));
    }
    let spell = |key: &str| format!("{PREFIX}{}", key.to_ascii_uppercase());
    read(table, "the environment", Settings::KEYS.to_vec(), spell)
}

/// A variable has no type: what reads as a number or a truth value is one.
fn value_of(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<bool>()) {
        (Ok(number), _) => Value::Integer(number),
        (_, Ok(truth)) => Value::Boolean(truth),
        _ => Value::String(text.to_owned()),
    }
}

fn read(
    table: Table,
    source_name: &str,
    known: Vec<&'static str>,
    spell: impl Fn(&str) -> String,
) -> Result<Settings, ConfigError> {
    if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
        let source_name = source_name.to_owned();
        let meant = did_you_mean(key, known.iter().copied()).map(&spell);
        return Err(ConfigError::UnknownKey { source_name, key: spell(key), meant, known });
    }
    deserialize(table, source_name, spell)
}

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

pub(super) const PREFIX: &str = "TIDEWIRE_";

/// The one key of the file that is no setting.
const CHANNELS: &str = "channels";

/// The one setting that the file does not have: where the file is.
const CONFIG: &str = "config";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_those_there_are() {
        let error = from_text("lisen = 1", "tidewire.toml").unwrap_err().to_string();
        assert!(error.starts_with(
            "tidewire.toml: there is no setting lisen; did you mean listen? there are listen,"
        ));
        let error = from_text("config = \"other.toml\"", "tidewire.toml").unwrap_err().to_string();
        assert!(error.starts_with("tidewire.toml: there is no setting config; there are listen"));
        let variable = ("TIDEWIRE_LISEN".into(), "x".into());
        let error = from_environment([variable].into_iter()).unwrap_err().to_string();
        assert!(
            error.contains("no setting TIDEWIRE_LISEN; did you mean TIDEWIRE_LISTEN? there are"),
            "{error}"
        );
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        for (text, key, part) in [
            ("heartbeat = \"soon\"", "heartbeat", "soon"),
            ("retention_bytes = \"1MB\"", "retention_bytes", "16MiB"),
            ("workers = \"many\"", "workers", "\"many\" is not a whole number such as 1000"),
            ("workers = -1", "workers", "a whole number such as 1000"),
            ("workers = 1.5", "workers", "expected a whole number such as 1000"),
            ("insecure = \"yes\"", "insecure", "expected a boolean"),
            ("data = 5", "data", "expected path string"),
            ("listen = \"localhost\"", "listen", "\"localhost\" is not a port, or an address or"),
            ("listen = 65536", "listen", "\"65536\" is not a port"),
            ("listen = []", "listen", "an empty array is not a port"),
            ("listen = true", "listen", "expected a port, or an address or host name with a port"),
        ] {
            let error = from_text(text, "f").unwrap_err().to_string();
            assert!(error.starts_with(&format!("f: {key}: ")) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        assert!(from_text("listen =", "f").unwrap_err().to_string().contains("line 1"));
    }
}
