//! Text out of JSON, borrowed where the input allows, and values that JSON holds as text.

use serde::{Deserialize, Deserializer, de::Error};
use std::{borrow::Cow, fmt::Display, str::FromStr};

/// A string that borrows unless it holds an escape. Wrapped in an `Option`, a bare `Cow` never does.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a string field that may be absent or `null`.
pub(crate) fn optional<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Text<'a>>::deserialize(deserializer)?.map(|text| text.0))
}

/// Reads a value that stands in a JSON string.
pub(crate) fn parse<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Text::deserialize(deserializer)?.0.parse().map_err(D::Error::custom)
}

/// Reads any value that is present, so that `null` is a value and only a missing field is `None`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
