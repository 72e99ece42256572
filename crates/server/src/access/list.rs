//! A setting that is a list: in a file an array or one text, elsewhere one text, with commas.

use serde::{Deserializer, de};
use std::{fmt, marker::PhantomData, str::FromStr};

/// Splits at commas; what is between them is trimmed and never empty. Nothing at all is an empty list.
///
/// # Errors
///
/// There is nothing between two commas.
pub(crate) fn split(text: &str) -> Result<Vec<&str>, &'static str> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    match parts.iter().any(|part| part.is_empty()) {
        true => Err("an entry is empty"),
        false => Ok(parts),
    }
}

/// Reads a list that is an array of texts, or one text with commas.
pub(crate) fn deserialize<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err = String>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Listed { expected, list: PhantomData })
}

struct Listed<T> {
    expected: &'static str,
    list: PhantomData<T>,
}

impl<'de, T: FromStr<Err = String>> de::Visitor<'de> for Listed<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut array: A) -> Result<T, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = array.next_element::<String>()? {
            entries.push(entry);
        }
        entries.join(",").parse().map_err(de::Error::custom)
    }
}
