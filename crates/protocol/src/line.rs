//! What the wires beside the WebSocket carry: gap notices, poll answers, lines of an NDJSON stream.

use crate::{
    Bookmark, ErrorEvent, Expiring, Message, Position, Unsubscribed,
    json::{Members, text_of},
};
use serde::{Deserialize, Serialize};

/// Notice that messages are gone for this reader, about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapView<'a> {
    /// The channel or pattern of the subscription that lost them.
    pub channel: &'a str,
    /// The position the reader gave, even if no server of ours ever made it.
    pub from: &'a str,
    /// Delivery is exact again after this one.
    pub to: Position,
}

impl GapView<'_> {
    /// Appends the object, with its `type`: the same on every wire.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        Members::tagged(out, "gap")
            .text("channel", self.channel)
            .text("from", self.from)
            .position("to", self.to)
            .close();
    }
}

/// The line of a stream that says where it stands, about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionView {
    /// Everything up to here has been delivered.
    pub position: Position,
}

impl PositionView {
    /// The object as text, on one line.
    pub fn to_json(self) -> String {
        text_of(|out| self.write_json(out))
    }

    /// Appends the object.
    pub fn write_json(self, out: &mut Vec<u8>) {
        Members::open(out).position("position", self.position).close();
    }
}

/// Notice that messages are gone for this reader, as received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "gap")]
pub struct Gap {
    /// The channel or pattern of the subscription that lost them.
    pub channel: String,
    /// The position the reader gave, even if no server of ours ever made it.
    pub from: String,
    /// Delivery is exact again after this one.
    pub to: Position,
}

/// The answer to a poll.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PollAnswer {
    /// In order.
    pub messages: Vec<Message>,
    /// Where to continue: the `since` of the next poll.
    pub position: Bookmark,
    /// Gap notices, which come before all messages; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// After which time to ask again, of a server that shuts down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
}

/// The first line or event of a connection that can be renewed: its secret name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Goes into the path of `POST /connections/{id}/token`.
    pub id: String,
}

/// The last frame, line or event of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Goodbye {
    /// The [close code](crate::close) that follows.
    pub code: u16,
    /// Everything up to here has been delivered, if all of it has been.
    pub position: Option<Position>,
    /// When to come back, if welcome.
    pub retry_ms: Option<u64>,
}

/// One line of `GET /stream`.
#[derive(Clone, Debug)]
pub enum StreamLine {
    /// A message.
    Message(Message),
    /// Messages are gone for this reader.
    Gap(Gap),
    /// Everything up to here has been delivered; the opening line and the heartbeat.
    Position(Position),
    /// The server has ended a subscription; the others continue.
    Unsubscribed(Unsubscribed),
    /// The connection can be renewed by this name.
    Connection(Named),
    /// What the connection may do expires soon.
    Expiring(Expiring),
    /// The server ends the stream, and says why.
    Error(ErrorEvent),
    /// The last line of a stream that the server ends because it shuts down.
    Goodbye(Goodbye),
    /// A line of a newer server, to be ignored.
    Other {
        /// Its `type`.
        kind: String,
    },
}

impl StreamLine {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// Not JSON of one of these shapes: the server does not speak our protocol.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        let head: Head = serde_json::from_str(line)?;
        match head.kind {
            Some(kind) if kind == "gap" => serde_json::from_str(line).map(Self::Gap),
            Some(kind) if kind == "unsubscribed" => {
                serde_json::from_str(line).map(Self::Unsubscribed)
            }
            Some(kind) if kind == "connection" => serde_json::from_str(line).map(Self::Connection),
            Some(kind) if kind == "expiring" => serde_json::from_str(line).map(Self::Expiring),
            Some(kind) if kind == "error" => serde_json::from_str(line).map(Self::Error),
            Some(kind) if kind == "goodbye" => serde_json::from_str(line).map(Self::Goodbye),
            Some(kind) => Ok(Self::Other { kind }),
            None if head.channel.is_some() => serde_json::from_str(line).map(Self::Message),
            None => {
                serde_json::from_str(line).map(|PositionLine { position }| Self::Position(position))
            }
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    channel: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct PositionLine {
    position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Position = Position { epoch: 36, offset: 7 };

    #[test]
    fn a_gap_keeps_the_position_as_given() {
        let mut out = Vec::new();
        GapView { channel: "a.>", from: "what\"ever", to: TO }.write_json(&mut out);
        let wire = r#"{"type":"gap","channel":"a.>","from":"what\"ever","to":"10-7"}"#;
        assert_eq!(String::from_utf8(out).unwrap(), wire);
        let gap = Gap { channel: "a.>".into(), from: "what\"ever".into(), to: TO };
        assert_eq!(serde_json::from_str::<Gap>(wire).unwrap(), gap);
        assert_eq!(serde_json::to_string(&gap).unwrap(), wire);
    }

    #[test]
    fn a_poll_answer_leaves_out_gaps_it_has_not() {
        let plain = r#"{"messages":[],"position":"10-7"}"#;
        let gaps = r#"{"messages":[{"channel":"a","position":"10-7","time":5,"data":1}],"position":"10-7","gaps":[{"type":"gap","channel":"a","from":"x","to":"10-6"}]}"#;
        for wire in [plain, gaps] {
            let answer: PollAnswer = serde_json::from_str(wire).unwrap();
            assert_eq!(serde_json::to_string(&answer).unwrap(), wire);
        }
    }

    #[test]
    fn lines_are_distinguished() {
        let parse = |line| StreamLine::parse(line).unwrap();
        let mut position = Vec::new();
        PositionView { position: TO }.write_json(&mut position);
        assert_eq!(position, br#"{"position":"10-7"}"#);
        assert!(matches!(parse(r#"{"position":"10-7"}"#), StreamLine::Position(TO)));
        assert!(matches!(
            parse(r#"{"channel":"a","position":"10-7","time":5}"#),
            StreamLine::Message(Message { position: TO, .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"connection","id":"aGk"}"#),
            StreamLine::Connection(Named { id }) if id == "aGk"
        ));
        assert!(matches!(
            parse(r#"{"type":"expiring","in_ms":5}"#),
            StreamLine::Expiring(Expiring { in_ms: 5 })
        ));
        assert!(matches!(
            parse(r#"{"type":"gap","channel":"a","from":"x","to":"10-7"}"#),
            StreamLine::Gap(Gap { to: TO, .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"unsubscribed","channel":"a","code":"forbidden","message":"no"}"#),
            StreamLine::Unsubscribed(Unsubscribed { id: None, code: Some(_), .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"error","code":"expired","message":""}"#),
            StreamLine::Error(ErrorEvent { id: None, .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"goodbye","code":1012,"position":"10-7","retry_ms":5}"#),
            StreamLine::Goodbye(Goodbye { position: Some(TO), retry_ms: Some(5), .. })
        ));
        assert!(matches!(parse(r#"{"type":"new"}"#), StreamLine::Other { kind } if kind == "new"));
        for line in ["", "{}", "7", r#"{"position":"?"}"#, r#"{"channel":"a"}"#] {
            StreamLine::parse(line).unwrap_err();
        }
    }
}
