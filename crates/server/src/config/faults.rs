//! What is wrong with a configuration: all of it, not only what is found first.

use super::Listen;
use crate::tls::CertificateError;
use std::{collections::BTreeSet, error::Error, fmt, io, path::PathBuf};
use tidewire_tokens::{KeyError, KeySetError};

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
        cause: String,
    },
    /// No setting has this name.
    #[error("{source_name}: there is no setting {key}; {}", hint(meant.as_deref(), || format!(
        "there are {}, a table [tokens], and a table [channels.\"PATTERN\"] for each pattern",
        known.join(", ")
    )))]
    UnknownKey {
        /// Which file.
        source_name: String,
        /// What was given.
        key: String,
        /// What was probably meant.
        meant: Option<String>,
        /// The settings that can be given there.
        known: Vec<&'static str>,
    },
    /// No option of a channel has this name.
    #[error("{source_name}: {table} has no option {key}; {}", hint(meant.as_deref(), || format!(
        "there are {}",
        known.join(", ")
    )))]
    UnknownOption {
        /// Which file.
        source_name: String,
        /// Which table.
        table: String,
        /// What was given.
        key: String,
        /// What was probably meant.
        meant: Option<&'static str>,
        /// The options that there are.
        known: Vec<&'static str>,
    },
    /// A setting of the whole server stands in the table of a pattern.
    #[error(
        "{source_name}: {table} has no option {key}; the setting {key} is for all channels, and \
         belongs above the first table"
    )]
    Misplaced {
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
    /// A key to verify tokens with is no key.
    #[error("{source_name}: {cause}")]
    BadKey {
        /// Which setting, and which file.
        source_name: String,
        /// Why not.
        cause: KeyError,
    },
    /// A file of keys has none that can be used.
    #[error("{source_name}: {cause}")]
    BadKeySet {
        /// Which setting, and which file.
        source_name: String,
        /// Why not.
        cause: KeySetError,
    },
    /// The list of API keys cannot be used.
    #[error("api_keys_file: {cause}")]
    BadApiKeys {
        /// Which file, and why not.
        cause: String,
    },
    /// The file of a key cannot be read.
    #[error("{key}: {} cannot be read: {cause}", path.display())]
    UnreadableKey {
        /// Which setting.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A host name stands for no address.
    #[error(
        "{key} is {endpoint}, which has no address: {cause}; it has to be a name that resolves, or \
         an address"
    )]
    Unresolved {
        /// Which setting.
        key: &'static str,
        /// The name, with its port.
        endpoint: String,
        /// What the resolver says.
        cause: io::Error,
    },
    /// There is no certificate with its key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Everybody could read and write.
    #[error("{key} is {listen}, which other machines can reach, and {missing}; {}", missing.remedy())]
    Exposed {
        /// Which setting.
        key: &'static str,
        /// Where it would have listened.
        listen: Listen,
        /// What should have been said first.
        missing: Missing,
    },
}

/// What a server needs before other machines may reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing says who may do what.
    Keys,
    /// Nothing says which hosts are its own.
    Hosts,
    /// Nobody could be known as an operator.
    AdminKeys,
}

impl Missing {
    const fn remedy(self) -> &'static str {
        match self {
            Self::Keys | Self::Hosts => SAFE,
            Self::AdminKeys => ADMIN_SAFE,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Keys => "neither tokens nor anonymous access is configured",
            Self::Hosts => "allowed_hosts names no host of this server",
            Self::AdminKeys => "no keys are configured, so that no operator could be known",
        })
    }
}

/// What makes a server safe to reach; its lines are a file of settings.
const SAFE: &str = "listen on 127.0.0.1, or add --anonymous if everybody may read and publish everything, or \
    start it with --config and a file of these lines, with the host by which clients reach this server:
  allowed_hosts = [\"push.example.com\"]
  [tokens]
  secret_file = \"tidewire.secret\"  # made by: openssl rand -hex 32 > tidewire.secret";

/// What makes the routes of operators safe to reach.
const ADMIN_SAFE: &str = "listen on 127.0.0.1, or configure [tokens] or API keys: each request there needs a token or key that \
    has admin, as `tidewire key create NAME --admin` makes it";

impl ConfigError {
    pub(super) fn value(key: impl Into<String>, given: &str, allowed: &'static str) -> Self {
        Self::OutOfBounds { key: key.into(), given: given.to_owned(), allowed }
    }

    /// Whether a name is at fault, which reads the same whatever stands beside it.
    pub(super) const fn is_of_a_name(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. } | Self::UnknownOption { .. } | Self::Misplaced { .. }
        )
    }
}

/// What to do about an unknown name.
pub(super) fn hint(meant: Option<&str>, otherwise: impl FnOnce() -> String) -> String {
    meant.map_or_else(otherwise, |meant| format!("did you mean {meant}?"))
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Each by itself.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [error] = &*self.0 {
            return error.fmt(formatter);
        }
        write!(formatter, "the configuration has {} errors:", self.0.len())?;
        self.0.iter().try_for_each(|error| {
            // An excerpt of a file has lines of its own.
            write!(formatter, "\n  {}", error.to_string().trim_end().replace('\n', "\n  "))
        })
    }
}

impl Error for ConfigErrors {}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    errors: Vec<ConfigError>,
    /// Settings and options whose value could not be read.
    unread: BTreeSet<String>,
    is_file_unread: bool,
}

impl Faults {
    pub(super) fn push(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    /// The value of `key` is invalid, so checks that depend on it are left out.
    pub(super) fn push_unread(&mut self, key: &str, error: ConfigError) {
        self.unread.insert(key.to_owned());
        self.push(error);
    }

    /// A part of the file could not be read, so checks of what it may have set are left out.
    pub(super) fn push_file(&mut self, error: ConfigError) {
        self.is_file_unread = true;
        self.push(error);
    }

    /// Takes what is wrong with names only.
    pub(super) fn extend_names(&mut self, others: Self) {
        self.errors.extend(others.errors.into_iter().filter(ConfigError::is_of_a_name));
    }

    /// Whether these values are what they were meant to be, so that they can be judged together.
    pub(super) fn knows(&self, keys: &[&str]) -> bool {
        !self.is_file_unread && keys.iter().all(|key| !self.unread.contains(*key))
    }

    /// The configuration, if nothing is wrong with it.
    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(self.errors)) }
    }
}
