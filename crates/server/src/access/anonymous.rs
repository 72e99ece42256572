//! The setting `anonymous`: what requests without credentials may do. `true` is everything; a table lists channels.

use super::list;
use serde::{Deserialize, Deserializer, de};
use std::{fmt, str::FromStr};
use tidewire_broker::{Pattern, Permissions};
use tidewire_names::did_you_mean;

/// What requests without credentials may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Nothing, if there are keys.
    #[default]
    Nothing,
    /// What these allow.
    Limited(Permissions),
    /// Everything.
    Everything,
}

impl FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self::Everything),
            "false" => Ok(Self::Nothing),
            other => Err(format!("{other:?} is not {WORDS}")),
        }
    }
}

impl<'de> Deserialize<'de> for Anonymous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = Anonymous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(WORDS)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Anonymous, E> {
        Ok(if truth { Anonymous::Everything } else { Anonymous::Nothing })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Anonymous, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut table: A) -> Result<Anonymous, A::Error> {
        let mut permissions = Permissions::default();
        while let Some(key) = table.next_key::<String>()? {
            let patterns = match &*key {
                "subscribe" => &mut permissions.subscribe,
                "publish" => &mut permissions.publish,
                "presence" => &mut permissions.presence,
                "history" => {
                    permissions.history = table.next_value()?;
                    continue;
                }
                unknown => return Err(de::Error::custom(no_such(unknown))),
            };
            Patterns(*patterns) = table.next_value()?;
        }
        Ok(Anonymous::Limited(permissions))
    }
}

fn no_such(key: &str) -> String {
    let hint = match did_you_mean(key, KEYS) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", KEYS.join(", ")),
    };
    format!("it has no option {key}; {hint}")
}

/// Patterns as an array of texts, or one text with commas.
struct Patterns(Vec<Pattern>);

impl FromStr for Patterns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        let parse = |entry: &str| entry.parse().map_err(|error| format!("{entry:?}: {error}"));
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, "channels or patterns, such as [\"news.>\"]")
    }
}

const KEYS: [&str; 4] = ["subscribe", "publish", "presence", "history"];

const WORDS: &str =
    "true, false, or in the file a table [anonymous] with subscribe, publish, presence and history";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Anonymous, String> {
        #[derive(Deserialize)]
        struct File {
            anonymous: Anonymous,
        }
        toml::from_str(text).map(|file: File| file.anonymous).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_everything_nothing_or_what_a_table_lists() {
        assert_eq!(read("anonymous = true"), Ok(Anonymous::Everything));
        assert_eq!(read("anonymous = \"true\""), Ok(Anonymous::Everything));
        assert_eq!(read("anonymous = false"), Ok(Anonymous::Nothing));
        let table = "[anonymous]\nsubscribe = [\"news.>\", \"lobby\"]\npresence = \"lobby\"\nhistory = true";
        let [news, lobby]: [Pattern; 2] = ["news.>", "lobby"].map(|text| text.parse().unwrap());
        let permissions = Permissions {
            subscribe: vec![news, lobby.clone()],
            presence: vec![lobby],
            history: true,
            ..Permissions::default()
        };
        assert_eq!(read(table), Ok(Anonymous::Limited(permissions)));
        assert_eq!(read("[anonymous]"), Ok(Anonymous::Limited(Permissions::default())));
    }

    #[test]
    fn what_it_cannot_be_is_named_with_what_is_allowed() {
        for (text, part) in [
            ("anonymous = \"some\"", "\"some\" is not true, false, or in the file a table"),
            ("anonymous = 5", "expected true, false, or in the file a table"),
            (
                "[anonymous]\nsubscribes = []",
                "it has no option subscribes; did you mean subscribe?",
            ),
            ("[anonymous]\ncolour = 1", "there are subscribe, publish, presence, history"),
            ("[anonymous]\nsubscribe = [\"a b\"]", "\"a b\": a channel name holds ' '"),
            ("[anonymous]\nhistory = 1", "expected a boolean"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
