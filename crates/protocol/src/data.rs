//! The payload of a message: JSON, text, bytes or nothing, and how JSON carries each of them.
//!
//! JSON stands as itself, text as a string, bytes as base64 with `"encoding":"base64"` beside it,
//! and nothing, which makes a message a tombstone, by leaving `data` out.

use crate::{ErrorCode, RawValue};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::value::to_raw_value;
use std::borrow::Cow;

/// The payload of a message on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// The text of one valid JSON value.
    Json(&'a str),
    /// Text as published.
    Text(&'a str),
    /// Bytes as published.
    Binary(&'a [u8]),
    /// No payload: a tombstone.
    Nothing,
}

/// The payload that `data` and `encoding` of a request or message amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishedData<'a> {
    /// The text of one valid JSON value that is not a string.
    Json(&'a str),
    /// What a JSON string said.
    Text(Cow<'a, str>),
    /// What a JSON string said in base64.
    Binary(Vec<u8>),
    /// `data` was absent.
    Nothing,
}

/// `data` and `encoding` do not go together. The sender's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Only one encoding exists.
    #[error("unknown encoding: the only one allowed is `base64`")]
    UnknownEncoding,
    /// An encoding says how to read a string.
    #[error("`encoding` needs `data` that is a string")]
    NotAString,
    /// The string is not what its encoding says.
    #[error("`data` is not base64: expected the standard alphabet with padding")]
    NotBase64,
    /// The string holds an escape that stands for no character.
    #[error("`data` is not text: a \\u escape stands for half a character")]
    NotText,
}

impl DataError {
    /// The code with which a server answers.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::BadData
    }
}

impl Data<'_> {
    /// Appends the payload as one JSON value, without its encoding; `null` if there is no payload.
    pub fn write_json(self, out: &mut Vec<u8>) {
        let json = self.to_json().ok().and_then(|(json, _)| json);
        out.extend_from_slice(json.as_ref().map_or("null", |json| json.get()).as_bytes());
    }

    /// The `data` and `encoding` by which JSON carries it: what [`PublishedData::resolve`] reads.
    ///
    /// # Errors
    ///
    /// [`Data::Json`] held what is not JSON.
    pub fn to_json(
        self,
    ) -> Result<(Option<Box<RawValue>>, Option<&'static str>), serde_json::Error> {
        Ok(match self {
            Self::Json(json) => (Some(RawValue::from_string(json.into())?), None),
            Self::Text(text) => (Some(to_raw_value(text)?), None),
            Self::Binary(bytes) => {
                (Some(to_raw_value(&BASE64_STANDARD.encode(bytes))?), Some("base64"))
            }
            Self::Nothing => (None, None),
        })
    }
}

impl<'a> PublishedData<'a> {
    /// Joins what a JSON object said in `data` and in `encoding`.
    ///
    /// # Errors
    ///
    /// The two do not go together.
    pub fn resolve(data: Option<&'a RawValue>, encoding: Option<&str>) -> Result<Self, DataError> {
        let json = data.map(RawValue::get);
        let string = json.filter(|json| json.starts_with('"'));
        match encoding {
            Some("base64") => {
                let text = read_string(string.ok_or(DataError::NotAString)?)?;
                let bytes = BASE64_STANDARD.decode(&*text).map_err(|_| DataError::NotBase64)?;
                Ok(Self::Binary(bytes))
            }
            Some(_) => Err(DataError::UnknownEncoding),
            None => match (string, json) {
                (Some(string), _) => Ok(Self::Text(read_string(string)?)),
                (None, Some(json)) => Ok(Self::Json(json)),
                (None, None) => Ok(Self::Nothing),
            },
        }
    }

    /// The same, borrowed, as a message carries it.
    pub fn as_data(&self) -> Data<'_> {
        match self {
            Self::Json(json) => Data::Json(json),
            Self::Text(text) => Data::Text(text),
            Self::Binary(bytes) => Data::Binary(bytes),
            Self::Nothing => Data::Nothing,
        }
    }
}

/// Checks that `text` is one JSON value and returns it without the space around it.
///
/// Depth costs nothing: nesting is skipped, not built.
///
/// # Errors
///
/// It is not JSON; the error says where.
pub fn json_text(text: &str) -> Result<&str, serde_json::Error> {
    serde_json::from_str::<&RawValue>(text).map(RawValue::get)
}

/// Unescapes a JSON string, borrowing when it holds no escape.
pub(crate) fn read_string(json: &str) -> Result<Cow<'_, str>, DataError> {
    let plain = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match plain {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(json).map(Cow::Owned).map_err(|_| DataError::NotText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve<'a>(json: &'a str, encoding: Option<&str>) -> Result<PublishedData<'a>, DataError> {
        PublishedData::resolve(Some(serde_json::from_str(json).unwrap()), encoding)
    }

    #[test]
    fn a_string_is_text_and_any_other_value_is_json() {
        assert_eq!(resolve(r#""hi""#, None), Ok(PublishedData::Text("hi".into())));
        assert_eq!(resolve(r#""a\n\u00e9""#, None), Ok(PublishedData::Text("a\né".into())));
        for json in ["null", "7", "[]", r#"{"a": 1}"#] {
            assert_eq!(resolve(json, None), Ok(PublishedData::Json(json)));
        }
        assert_eq!(PublishedData::resolve(None, None), Ok(PublishedData::Nothing));
    }

    #[test]
    fn text_without_an_escape_is_borrowed() {
        assert!(matches!(resolve(r#""hi""#, None), Ok(PublishedData::Text(Cow::Borrowed(_)))));
    }

    #[test]
    fn base64_is_bytes() {
        assert_eq!(resolve(r#""AP8=""#, Some("base64")), Ok(PublishedData::Binary(vec![0, 255])));
        assert_eq!(resolve(r#""\u0041P8=""#, Some("base64")), resolve(r#""AP8=""#, Some("base64")));
    }

    #[test]
    fn a_payload_alone_is_one_value() {
        for (data, wire) in [
            (Data::Json("{\n\"a\":1}"), "{\n\"a\":1}"),
            (Data::Text("a\u{8}\"b\""), r#""a\b\"b\"""#),
            (Data::Binary(&[0, 255]), r#""AP8=""#),
            (Data::Nothing, "null"),
        ] {
            let mut out = Vec::new();
            data.write_json(&mut out);
            assert_eq!(str::from_utf8(&out).unwrap(), wire);
        }
    }

    #[test]
    fn what_json_carries_resolves_to_itself() {
        for data in
            [Data::Json("[1]"), Data::Text("a\n\"b\""), Data::Binary(&[0, 255]), Data::Nothing]
        {
            let (json, encoding) = data.to_json().unwrap();
            assert_eq!(PublishedData::resolve(json.as_deref(), encoding).unwrap().as_data(), data);
        }
        Data::Json("{").to_json().unwrap_err();
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        assert_eq!(resolve("7", Some("base64")), Err(DataError::NotAString));
        assert_eq!(PublishedData::resolve(None, Some("base64")), Err(DataError::NotAString));
        assert_eq!(resolve(r#""AP8""#, Some("base64")), Err(DataError::NotBase64));
        assert_eq!(resolve(r#""hi""#, Some("gzip")), Err(DataError::UnknownEncoding));
        assert_eq!(resolve(r#""\ud800""#, None), Err(DataError::NotText));
    }

    #[test]
    fn json_text_drops_the_space_around_and_refuses_the_rest() {
        assert_eq!(json_text(" {\"a\":\n1}\n").unwrap(), "{\"a\":\n1}");
        for text in ["", "{", "1 2", "nope", "\u{feff}1"] {
            json_text(text).unwrap_err();
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(json_text(&deep).unwrap().len(), 2_000_000);
    }
}
