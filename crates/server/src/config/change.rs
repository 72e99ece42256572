//! A key whose value differs between two configurations, as it is shown.

use serde::Serialize;
use std::fmt;

/// A key whose value differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key; of a channel's options, the table.
    pub key: String,
    /// What it was. Secrets are never shown.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl Change {
    /// That of a setting, if it is one.
    pub(super) fn of<T: fmt::Debug + PartialEq>(
        key: &str,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Option<Self> {
        let shown = |value: Option<&T>| match value {
            None => "default".to_owned(),
            Some(_) if UNSHOWN.contains(&key) => "(not shown)".to_owned(),
            Some(value) => format!("{value:?}"),
        };
        let is_changed = before != after;
        is_changed.then(|| Self { key: key.to_owned(), before: shown(before), after: shown(after) })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} -> {}", self.key, self.before, self.after)
    }
}

/// The settings whose values appear nowhere.
const UNSHOWN: &[&str] = &["tokens_secret", "tokens_jwks_url"];
