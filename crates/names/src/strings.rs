//! Positions and bookmarks for serde: strings that hold their text.

use crate::{Bookmark, Position};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
    str::FromStr,
};

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(deserializer)
    }
}

impl Serialize for Bookmark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bookmark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(deserializer)
    }
}

fn parse<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text)?.parse().map_err(de::Error::custom)
}

/// Reads a string, borrowed where the input allows.
struct Text;

impl<'de> de::Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(text.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(text.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_a_position_as_a_string() {
        let position = Position { epoch: 36, offset: 7 };
        assert_eq!(serde_json::to_string(&position).unwrap(), r#""10-7""#);
        assert_eq!(serde_json::from_str::<Position>(r#""10-7""#).unwrap(), position);
        assert_eq!(
            serde_json::from_str::<Position>(r#""nope""#).unwrap_err().to_string(),
            "not a position: expected one as the server gave it, such as `k3f9a-1042`"
        );
        assert_eq!(
            serde_json::from_str::<Position>("7").unwrap_err().to_string(),
            "invalid type: integer `7`, expected a string at line 1 column 1"
        );
    }

    #[test]
    fn json_holds_a_bookmark_as_a_string() {
        for (text, state) in [("10-7", None), ("10-7~2000", Some(2000))] {
            let bookmark = Bookmark { after: Position { epoch: 36, offset: 7 }, state };
            assert_eq!(serde_json::to_string(&bookmark).unwrap(), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Bookmark>(&format!("\"{text}\"")).unwrap(), bookmark);
        }
    }

    #[test]
    fn an_escape_in_the_string_changes_nothing() {
        let position = serde_json::from_str::<Position>(r#""\u00310-7""#).unwrap();
        assert_eq!(position, Position { epoch: 36, offset: 7 });
    }
}
