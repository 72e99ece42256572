//! A message in JSON: written by the server from parts it holds, read by a client into its own.

use crate::{
    Data, DataError, Position, PublishedData, RawValue,
    json::{Members, text_of},
    text,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// A message about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageView<'a> {
    /// Where it was published.
    pub channel: &'a str,
    /// Its place in the log.
    pub position: Position,
    /// When it was published, in milliseconds since the Unix epoch.
    pub time: u64,
    /// What kind of thing happened.
    pub event: Option<&'a str>,
    /// Which thing it happened to.
    pub key: Option<&'a str>,
    /// The payload.
    pub data: Data<'a>,
}

impl MessageView<'_> {
    /// The object as text, on one line.
    pub fn to_json(&self) -> String {
        text_of(|out| self.write_json(out))
    }

    /// Appends the object, on one line.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.write_members(Members::open(out)).close();
    }

    /// Appends the members, after others.
    pub(crate) fn write_members<'out>(&self, members: Members<'out>) -> Members<'out> {
        let members = members
            .text("channel", self.channel)
            .position("position", self.position)
            .number("time", self.time)
            .optional_text("event", self.event)
            .optional_text("key", self.key);
        match self.data {
            Data::Json(json) => members.raw("data", json),
            Data::Text(text) => members.text("data", text),
            Data::Binary(bytes) => members.base64("data", bytes).text("encoding", "base64"),
            Data::Nothing => members,
        }
    }
}

/// A message as received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Where it was published.
    pub channel: String,
    /// Its place in the log.
    pub position: Position,
    /// When it was published, in milliseconds since the Unix epoch.
    pub time: u64,
    /// What kind of thing happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Which thing it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The payload's JSON, untouched; none for a tombstone.
    #[serde(default, deserialize_with = "text::present", skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// `base64` when `data` is a string that holds bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

impl Message {
    /// Whether the message only removes its key.
    pub const fn is_tombstone(&self) -> bool {
        self.data.is_none()
    }

    /// The payload: JSON, text, bytes or nothing.
    ///
    /// # Errors
    ///
    /// `data` and `encoding` contradict each other: the sender breaks the protocol.
    pub fn payload(&self) -> Result<PublishedData<'_>, DataError> {
        PublishedData::resolve(self.data.as_deref(), self.encoding.as_deref())
    }

    /// The payload if it is text.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self.payload() {
            Ok(PublishedData::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The payload's bytes, of whatever kind it is; none for a tombstone.
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self.payload().ok()? {
            PublishedData::Json(json) => Some(Cow::Borrowed(json.as_bytes())),
            PublishedData::Text(Cow::Borrowed(text)) => Some(Cow::Borrowed(text.as_bytes())),
            PublishedData::Text(Cow::Owned(text)) => Some(Cow::Owned(text.into_bytes())),
            PublishedData::Binary(bytes) => Some(Cow::Owned(bytes)),
            PublishedData::Nothing => None,
        }
    }

    /// The payload's JSON as a value; a tombstone reads as `null`.
    ///
    /// # Errors
    ///
    /// The JSON has another shape than `T`, or nests deeper than 128.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.as_deref().map_or("null", RawValue::get))
    }
}

/// For people, on one line: channel, position, event, key, and what was published. Control characters are escaped, so that
/// no payload can take over a terminal.
impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.channel, self.position)?;
        for (name, value) in [("event", &self.event), ("key", &self.key)] {
            if let Some(value) = value {
                write!(formatter, " {name}={}", OneLine(value))?;
            }
        }
        match self.payload() {
            Ok(PublishedData::Json(json)) => write!(formatter, ": {}", OneLine(json)),
            Ok(PublishedData::Text(text)) => write!(formatter, ": {}", OneLine(&text)),
            Ok(PublishedData::Binary(bytes)) => write!(formatter, ": {} bytes", bytes.len()),
            Ok(PublishedData::Nothing) => write!(formatter, " removed"),
            Err(error) => write!(formatter, ": {error}"),
        }
    }
}

/// A text without line ends and other control characters.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char.is_control() {
            true => write!(formatter, "{}", char.escape_default()),
            false => formatter.write_char(char),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: MessageView<'_> = MessageView {
        channel: "a",
        position: Position { epoch: 36, offset: 7 },
        time: 5,
        event: None,
        key: None,
        data: Data::Nothing,
    };

    fn json(message: &MessageView<'_>) -> String {
        let mut out = Vec::new();
        message.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn read(json: &str) -> Message {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn fields_stand_in_the_documented_order() {
        let whole = MessageView {
            event: Some("said"),
            key: Some("u7"),
            data: Data::Json(r#"{"text":"hi"}"#),
            ..BARE
        };
        let wire = r#"{"channel":"a","position":"10-7","time":5,"event":"said","key":"u7","data":{"text":"hi"}}"#;
        assert_eq!(json(&whole), wire);
        assert_eq!(serde_json::to_string(&read(wire)).unwrap(), wire);
    }

    #[test]
    fn every_kind_of_data_has_its_form() {
        for (data, tail) in [
            (Data::Nothing, r#"}"#),
            (Data::Json("null"), r#","data":null}"#),
            (Data::Text("a\n\"b\""), r#","data":"a\n\"b\""}"#),
            (Data::Text(""), r#","data":""}"#),
            (Data::Binary(&[0, 255]), r#","data":"AP8=","encoding":"base64"}"#),
        ] {
            let wire = format!(r#"{{"channel":"a","position":"10-7","time":5{tail}"#);
            assert_eq!(json(&MessageView { data, ..BARE }), wire);
            assert_eq!(read(&wire).payload().unwrap().as_data(), data);
        }
    }

    #[test]
    fn json_over_several_lines_is_written_on_one() {
        let data = Data::Json("{\r\n  \"a\": \"x\\ny\"\n}");
        let line = json(&MessageView { data, ..BARE });
        assert!(line.ends_with(r#","data":{    "a": "x\ny" }}"#), "{line}");
    }

    #[test]
    fn a_client_reads_each_payload_its_way() {
        let head = r#"{"channel":"a","position":"10-7","time":5,"new":[1]"#;
        let tombstone = read(&format!("{head}}}"));
        assert!(tombstone.is_tombstone());
        assert_eq!((tombstone.text(), tombstone.bytes()), (None, None));

        let null = read(&format!("{head},\"data\":null}}"));
        assert!(!null.is_tombstone());
        assert_eq!(null.bytes().as_deref(), Some(&b"null"[..]));

        let text = read(&format!("{head},\"data\":\"h\\u0069\"}}"));
        assert_eq!(text.text().as_deref(), Some("hi"));
        assert_eq!(text.bytes().as_deref(), Some(&b"hi"[..]));
        assert_eq!(text.json::<String>().unwrap(), "hi");

        let binary = read(&format!("{head},\"data\":\"aGk=\",\"encoding\":\"base64\"}}"));
        assert_eq!(binary.text(), None);
        assert_eq!(binary.bytes().as_deref(), Some(&b"hi"[..]));

        let list = read(&format!("{head},\"data\":[1,2]}}"));
        assert_eq!(list.json::<Vec<u8>>().unwrap(), [1, 2]);
        list.json::<String>().unwrap_err();
    }

    #[test]
    fn a_message_is_shown_on_one_line_that_takes_over_no_terminal() {
        for (tail, shown) in [
            (
                r#","event":"said","key":"u7","data":{"text": "hi"}"#,
                "a 10-7 event=said key=u7: {\"text\": \"hi\"}",
            ),
            (r#","data":"two\nlines \u001b[31mé""#, "a 10-7: two\\nlines \\u{1b}[31mé"),
            (r#","data":"AP8=","encoding":"base64""#, "a 10-7: 2 bytes"),
            (r#","key":"k""#, "a 10-7 key=k removed"),
        ] {
            let message = read(&format!(r#"{{"channel":"a","position":"10-7","time":5{tail}}}"#));
            assert_eq!(message.to_string(), shown);
        }
    }
}
