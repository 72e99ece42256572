//! Values of the table `[tokens]`: a secret, texts, algorithms.

use crate::access::list;
use serde::{Deserialize, Deserializer};
use std::{fmt, str::FromStr};
use tidewire_tokens::Algorithm;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(super) String);

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Texts such as issuers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub(super) Vec<String>);

impl FromStr for Texts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        Ok(Self(entries.into_iter().map(str::to_owned).collect()))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, "a text, or an array of texts")
    }
}

/// Algorithms by which tokens may be signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Algorithms(pub(super) Vec<Algorithm>);

impl FromStr for Algorithms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        let parse = |entry: &str| entry.parse().map_err(|error| format!("{error}"));
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Algorithms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, "algorithms such as HS256, RS256 or ES256")
    }
}
