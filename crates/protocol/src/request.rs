//! Requests of a client on a `tidewire.v1` WebSocket: one JSON object in each text frame, with a `type`.
//!
//! Unknown fields are ignored, so that newer clients work with older servers. An unknown type is refused, because a
//! request that is ignored would get no answer.

use crate::{ErrorCode, Publish, RawValue, data::read_string, text};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// A request, borrowed from the frame that holds it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage<'a> {
    /// Begin to deliver.
    Subscribe(Subscribe<'a>),
    /// Stop delivering.
    Unsubscribe(Unsubscribe<'a>),
    /// Publish a message.
    Publish(Publish<'a>),
    /// Read a page of history.
    History(History<'a>),
    /// Read a page of members.
    Presence(Presence<'a>),
    /// Authenticate, or renew what the connection may do.
    Token(Token<'a>),
}

/// Begin to deliver a channel or pattern.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subscribe<'a> {
    /// The client's number for this request.
    pub id: u64,
    /// A channel or pattern.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// Where to begin: a [`Since`](crate::Since) as given. It is not parsed here, so that the server's refusal
    /// can have the request's number and say what is allowed.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Cow<'a, str>>,
    /// Who the client says it is, for a channel with presence.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Cow<'a, str>>,
    /// What else it says of itself there: any JSON value.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub info: Option<&'a RawValue>,
}

/// Stop delivering a channel or pattern.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unsubscribe<'a> {
    /// The client's number for this request.
    pub id: u64,
    /// The channel or pattern, as it was subscribed.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
}

/// Read history, a page at a time: the oldest messages after `since`, or the newest before `before`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History<'a> {
    /// The client's number for this request.
    pub id: u64,
    /// A channel or pattern.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// After which position, as given; see [`Subscribe::since`].
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Cow<'a, str>>,
    /// Before which place, the newest messages there: this pages backward.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Cow<'a, str>>,
    /// Before which place, the oldest messages behind `since`: this is where paging forward ends.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Cow<'a, str>>,
    /// How many messages at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Read the members of a channel, a page at a time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Presence<'a> {
    /// The client's number for this request.
    pub id: u64,
    /// A channel.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// Where to continue, as given; see [`Subscribe::since`]. Without it, the page begins with all members.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Cow<'a, str>>,
    /// The most joins and leaves to return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Authenticate by a token, or renew what the connection may do by a newer one.
#[derive(Clone, Serialize, Deserialize)]
pub struct Token<'a> {
    /// The client's number for this request, if it wants an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The token.
    #[serde(borrow)]
    pub token: Cow<'a, str>,
}

/// Without the token: it is a secret, and this may end up in a log.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A request that cannot be understood, and all that an answer to it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The request's number, if that much could be read.
    pub id: Option<u64>,
    /// The kind of error.
    pub code: ErrorCode,
    /// What is wrong, and what is allowed; for people.
    pub message: String,
}

impl<'a> ClientMessage<'a> {
    /// Reads one frame's text.
    ///
    /// # Errors
    ///
    /// Not a JSON object, an unknown type, or a field that is missing or has the wrong shape.
    pub fn parse(text: &'a str) -> Result<Self, RequestError> {
        let head: Head<'a> = serde_json::from_str(text).map_err(|error| RequestError {
            id: None,
            code: ErrorCode::BadRequest,
            message: format!("expected one JSON object: {error}"),
        })?;
        let id = head.id.and_then(|id| serde_json::from_str(id.get()).ok());
        let refuse = |code, message| RequestError { id, code, message };
        let Some(kind) = head.kind.and_then(|kind| read_string(kind.get()).ok()) else {
            let message = format!("expected `type` to be a string, one of {ALLOWED}");
            return Err(refuse(ErrorCode::BadRequest, message));
        };
        let request = match &*kind {
            "subscribe" => serde_json::from_str(text).map(Self::Subscribe),
            "unsubscribe" => serde_json::from_str(text).map(Self::Unsubscribe),
            "publish" => serde_json::from_str(text).map(Self::Publish),
            "history" => serde_json::from_str(text).map(Self::History),
            "presence" => serde_json::from_str(text).map(Self::Presence),
            "token" => serde_json::from_str(text).map(Self::Token),
            unknown => {
                let shown: String = unknown.chars().take(SHOWN_CHARS_MAX).collect();
                let message = format!("unknown type `{shown}`: allowed are {ALLOWED}");
                return Err(refuse(ErrorCode::UnknownType, message));
            }
        };
        request.map_err(|error| refuse(ErrorCode::BadRequest, format!("bad {kind}: {error}")))
    }

    /// Appends the JSON, for a client to send.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let written = serde_json::to_writer(out, self);
        debug_assert!(written.is_ok(), "strings and numbers always serialise: {written:?}");
    }
}

/// Read first and never refused for a field's shape, so that an error can carry the `id`.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

const ALLOWED: &str = "subscribe, unsubscribe, publish, history, presence, token";

/// How much of a client's own word goes back to it in an error.
const SHOWN_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublishedData;

    fn refused(text: &str) -> (Option<u64>, ErrorCode, String) {
        let error = ClientMessage::parse(text).unwrap_err();
        (error.id, error.code, error.message)
    }

    #[test]
    fn every_request_reads_and_writes() {
        for wire in [
            r#"{"type":"subscribe","id":1,"channel":"chat.*","since":"k3f9a-1042"}"#,
            r#"{"type":"subscribe","id":1,"channel":"chat.*"}"#,
            r#"{"type":"subscribe","id":1,"channel":"a","user":"u","info":{"x":[1, 2]}}"#,
            r#"{"type":"unsubscribe","id":2,"channel":"chat.*"}"#,
            r#"{"type":"publish","id":3,"channel":"a","data":{"x":[1, 2]},"event":"e","key":"k","message_id":"m","echo":false}"#,
            r#"{"type":"publish","channel":"a","data":"AP8=","encoding":"base64"}"#,
            r#"{"type":"history","id":4,"channel":"a","since":"5m","limit":10}"#,
            r#"{"type":"history","id":4,"channel":"a.*","since":"5m","before":"k3f9a-1042"}"#,
            r#"{"type":"history","id":4,"channel":"a","until":"@1763790000123"}"#,
            r#"{"type":"presence","id":5,"channel":"a"}"#,
            r#"{"type":"presence","id":5,"channel":"a","since":"10-7","limit":10}"#,
            r#"{"type":"token","id":6,"token":"t\"t"}"#,
            r#"{"type":"token","token":"t"}"#,
        ] {
            let mut out = Vec::new();
            ClientMessage::parse(wire).unwrap().write_json(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wire);
        }
    }

    #[test]
    fn a_publish_has_its_payload_and_whether_it_wants_an_echo() {
        let parse = |text| match ClientMessage::parse(text) {
            Ok(ClientMessage::Publish(publish)) => publish,
            other => panic!("{other:?}"),
        };
        let plain = parse(r#"{"type":"publish","channel":"a","data":null}"#);
        assert!(plain.wants_echo());
        assert_eq!(plain.payload(), Ok(PublishedData::Json("null")));
        assert!(matches!(plain.channel, Cow::Borrowed("a")));

        let quiet = parse(r#"{"echo":false,"channel":"a","type":"publish"}"#);
        assert!(!quiet.wants_echo());
        assert_eq!(quiet.payload(), Ok(PublishedData::Nothing));
    }

    #[test]
    fn a_token_is_not_in_what_a_log_may_show() {
        let request = ClientMessage::parse(r#"{"type":"token","id":6,"token":"s3cret"}"#).unwrap();
        assert_eq!(format!("{request:?}"), "Token(Token { id: Some(6), .. })");
    }

    #[test]
    fn unknown_fields_are_ignored_whatever_they_hold() {
        ClientMessage::parse(r#"{"type":"unsubscribe","id":5,"channel":"a","limit":"x","new":{}}"#)
            .unwrap();
    }

    #[test]
    fn a_type_spelled_with_escapes_is_the_same_type() {
        ClientMessage::parse(r#"{"type":"pre\u0073ence","id":5,"channel":"a"}"#).unwrap();
    }

    #[test]
    fn an_unknown_type_is_named_with_what_is_allowed() {
        assert_eq!(
            refused(r#"{"type":"jump","id":9}"#),
            (
                Some(9),
                ErrorCode::UnknownType,
                "unknown type `jump`: allowed are subscribe, unsubscribe, publish, history, presence, token".into()
            )
        );
        let long = format!(r#"{{"type":"{}"}}"#, "é".repeat(1000));
        assert!(refused(&long).2.contains(&format!("`{}`", "é".repeat(40))));
    }

    #[test]
    fn a_bad_request_says_why_and_carries_its_number() {
        for (text, id, message) in [
            (
                r#"{"type":"subscribe","id":1}"#,
                Some(1),
                "bad subscribe: missing field `channel` at line 1 column 27",
            ),
            (
                r#"{"type":"publish","id":2,"channel":7}"#,
                Some(2),
                "bad publish: invalid type: integer `7`, expected a string at line 1 column 36",
            ),
            (
                r#"{"type":"presence","id":-1,"channel":"a"}"#,
                None,
                "bad presence: invalid value: integer `-1`, expected u64 at line 1 column 26",
            ),
            (
                r#"{"id":3}"#,
                Some(3),
                "expected `type` to be a string, one of subscribe, unsubscribe, publish, history, presence, token",
            ),
            (
                r#"{"id":3,"type":4}"#,
                Some(3),
                "expected `type` to be a string, one of subscribe, unsubscribe, publish, history, presence, token",
            ),
            ("hello", None, "expected one JSON object: expected value at line 1 column 1"),
            ("", None, "expected one JSON object: EOF while parsing a value at line 1 column 0"),
        ] {
            assert_eq!(refused(text), (id, ErrorCode::BadRequest, message.into()), "{text}");
        }
    }

    #[test]
    fn an_array_is_no_request() {
        for text in ["[]", r#"["subscribe",1]"#, r#"["publish",3,"a"]"#, r#"["token",1,"t"]"#] {
            ClientMessage::parse(text).unwrap_err();
        }
    }

    #[test]
    fn deep_nesting_is_carried_or_refused_but_never_overflows() {
        let deep = "[".repeat(500_000);
        ClientMessage::parse(&deep).unwrap_err();
        let end = "]".repeat(500_000);
        ClientMessage::parse(&format!(
            r#"{{"type":"publish","channel":"a","data":{deep}{end},"new":{deep}{end}}}"#
        ))
        .unwrap();
    }
}
