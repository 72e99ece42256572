//! JSON objects in which no name is there twice, at any depth.
//!
//! RFC 7519 lets a reader take the last of two members or refuse both. Two readers that differ could be given two
//! meanings with one signature, so this one refuses: <https://www.rfc-editor.org/rfc/rfc8725#section-2.4>

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Why a text is no such object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    NotObject,
    DuplicateMember,
}

/// Reads an object.
pub(crate) fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match serde_json::from_slice(text) {
        Ok(Strict(Value::Object(members))) => Ok(members),
        Ok(_) => Err(JsonError::NotObject),
        Err(error) if error.to_string().starts_with(DUPLICATE) => Err(JsonError::DuplicateMember),
        Err(_) => Err(JsonError::NotObject),
    }
}

/// A value of which no object has two members of one name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = items.next_key::<String>()? {
            let Strict(value) = items.next_value()?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(members))
    }
}

const DUPLICATE: &str = "a member is there twice";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,2.5,null,true],"b":{"a":"x"}}"#;
        let members = parse_object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(members).to_string(), text);
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"a":2}]}"#, r#"{"a":1,"\u0061":1}"#] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::DuplicateMember), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "[]", "\"a\"", "{", "{}x", "{\"a\":\"\\ud800\"}", &deep] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::NotObject), "{text:.20}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(JsonError::NotObject));
    }
}
