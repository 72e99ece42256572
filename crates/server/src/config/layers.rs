//! The sources below the flags: a file and the environment.

use super::Settings;
use std::{
    ffi::OsString,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

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
    #[error("{source_name}: there is no setting {key}; there are {}", Settings::KEYS.join(", "))]
    UnknownKey {
        /// Which file, or the environment.
        source_name: String,
        /// What was given.
        key: String,
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
        /// Which setting.
        key: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Everybody could read and write.
    #[error(
        "listen is {listen}, beyond this machine, and there are no keys: anybody could read and \
         publish everything; listen on 127.0.0.1, or say --insecure if that is what you want"
    )]
    Exposed {
        /// Where it would have listened.
        listen: SocketAddr,
    },
}

impl ConfigError {
    pub(super) fn value(key: &'static str, given: &str, allowed: &'static str) -> Self {
        Self::OutOfBounds { key, given: given.to_owned(), allowed }
    }
}

pub(super) fn from_file(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    from_text(&text, &path.display().to_string())
}

pub(super) fn from_text(text: &str, source_name: &str) -> Result<Settings, ConfigError> {
    let table = text.parse::<Table>().map_err(|cause| ConfigError::Syntax {
        source_name: source_name.to_owned(),
        cause: Box::new(cause),
    })?;
    read(table, source_name, str::to_owned)
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
    read(table, "the environment", |key| format!("{PREFIX}{}", key.to_ascii_uppercase()))
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
    spell: impl Fn(&str) -> String,
) -> Result<Settings, ConfigError> {
    let source_name = source_name.to_owned();
    if let Some(key) = table.keys().find(|key| !Settings::KEYS.contains(&key.as_str())) {
        return Err(ConfigError::UnknownKey { source_name, key: spell(key) });
    }
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| ConfigError::BadValue {
        key: spell(&error.path().to_string()),
        cause: error.inner().message().to_owned(),
        source_name,
    })
}

const PREFIX: &str = "TIDEWIRE_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_those_there_are() {
        let error = from_text("lisen = 1", "tidewire.toml").unwrap_err().to_string();
        assert!(
            error.starts_with("tidewire.toml: there is no setting lisen; there are config, listen")
        );
        let variable = ("TIDEWIRE_LISEN".into(), "x".into());
        let error = from_environment([variable].into_iter()).unwrap_err().to_string();
        assert!(
            error.starts_with("the environment: there is no setting TIDEWIRE_LISEN"),
            "{error}"
        );
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        for (text, key, part) in [
            ("heartbeat = \"soon\"", "heartbeat", "soon"),
            ("retention_bytes = \"1MB\"", "retention_bytes", "16MiB"),
            ("workers = \"many\"", "workers", "many"),
            ("listen = \"here\"", "listen", "socket address"),
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
