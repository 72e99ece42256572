//! The frames that a client receives on a `tidewire.v1` WebSocket, read into owned values.

use crate::{
    Bookmark, ErrorEvent, Expiring, Gap, Goodbye, Message, Position, PresencePage, Unsubscribed,
};
use serde::Deserialize;

/// A frame from the server.
#[derive(Clone, Debug)]
pub enum ServerEvent {
    /// The first frame of a connection.
    Welcome(Welcome),
    /// Delivery has begun.
    Subscribed(Subscribed),
    /// Delivery has ended.
    Unsubscribed(Unsubscribed),
    /// The message is in the log.
    Published(Published),
    /// The token says from now on what the connection may do.
    Granted(Granted),
    /// What the connection may do expires soon.
    Expiring(Expiring),
    /// What was published.
    History(HistoryPage),
    /// The members of a channel.
    Presence(PresencePage),
    /// A request, or the connection, was refused.
    Error(ErrorEvent),
    /// A message.
    Message(Message),
    /// Messages are gone for this reader.
    Gap(Gap),
    /// The heartbeat: everything up to this position has been delivered.
    Position(Reached),
    /// The last frame of a connection.
    Goodbye(Goodbye),
    /// A frame of a newer server, to be ignored.
    Other {
        /// Its `type`.
        kind: String,
    },
}

/// The first frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Welcome {
    /// This connection's name.
    pub connection: String,
    /// The server's version.
    pub version: String,
    /// The heartbeat interval, in milliseconds: the longest time without a frame.
    pub heartbeat_ms: u64,
    /// The head, from which a client that has received no message can resume.
    pub position: Position,
}

/// Delivery has begun.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subscribed {
    /// The request's number.
    pub id: u64,
    /// The channel or pattern.
    pub channel: String,
    /// Delivery is exact after this one.
    pub position: Position,
}

/// The message is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Published {
    /// The request's number.
    pub id: u64,
    /// Its position.
    pub position: Position,
}

/// The token says from now on what the connection may do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Granted {
    /// The request's number.
    pub id: u64,
    /// In how many milliseconds it expires, if it does.
    pub expires_in_ms: Option<u64>,
}

/// A page of what was published, over HTTP too.
#[derive(Clone, Debug, Deserialize)]
pub struct HistoryPage {
    /// The request's number, where requests have one.
    pub id: Option<u64>,
    /// The oldest first, whether the pages go forwards or backwards.
    pub messages: Vec<Message>,
    /// The end of this page: the next page, or a live subscription, continues from here.
    pub position: Bookmark,
    /// The value for `before` that selects the previous page.
    pub before: Position,
    /// Whether there are more messages: before this page if `before` was given, otherwise after it.
    #[serde(default)]
    pub more: bool,
    /// Messages that would have been on this page and are gone.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

/// How far a connection has come: a frame of `tidewire.v1`, and the data of the event `$position`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reached {
    /// Everything up to here has been delivered.
    pub position: Position,
    /// The longest the server stays silent, where no welcome says it.
    pub heartbeat_ms: Option<u64>,
}

impl ServerEvent {
    /// Reads one frame's text.
    ///
    /// # Errors
    ///
    /// Not a JSON object, or not of its type's shape: the server does not speak our protocol.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let Head { kind } = serde_json::from_str(text)?;
        match kind.as_str() {
            "welcome" => serde_json::from_str(text).map(Self::Welcome),
            "subscribed" => serde_json::from_str(text).map(Self::Subscribed),
            "unsubscribed" => serde_json::from_str(text).map(Self::Unsubscribed),
            "published" => serde_json::from_str(text).map(Self::Published),
            "granted" => serde_json::from_str(text).map(Self::Granted),
            "expiring" => serde_json::from_str(text).map(Self::Expiring),
            "history" => serde_json::from_str(text).map(Self::History),
            "presence" => serde_json::from_str(text).map(Self::Presence),
            "error" => serde_json::from_str(text).map(Self::Error),
            "message" => serde_json::from_str(text).map(Self::Message),
            "gap" => serde_json::from_str(text).map(Self::Gap),
            "position" => serde_json::from_str(text).map(Self::Position),
            "goodbye" => serde_json::from_str(text).map(Self::Goodbye),
            _ => Ok(Self::Other { kind }),
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn every_event_reads_with_fields_it_does_not_know() {
        let parse = |text: &str| ServerEvent::parse(text).unwrap();
        let position = Position { epoch: 36, offset: 7 };
        assert!(matches!(
            parse(r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"10-7","new":1}"#),
            ServerEvent::Welcome(welcome) if welcome.heartbeat_ms == 20_000 && welcome.position == position
        ));
        assert!(matches!(
            parse(r#"{"type":"subscribed","id":1,"channel":"a","position":"10-7"}"#),
            ServerEvent::Subscribed(subscribed) if subscribed.position == position
        ));
        assert!(matches!(
            parse(r#"{"type":"unsubscribed","id":2,"channel":"a"}"#),
            ServerEvent::Unsubscribed(Unsubscribed { id: Some(2), code: None, .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"published","id":3,"position":"10-7"}"#),
            ServerEvent::Published(Published { id: 3, .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"granted","id":3,"expires_in_ms":5}"#),
            ServerEvent::Granted(Granted { id: 3, expires_in_ms: Some(5) })
        ));
        assert!(matches!(
            parse(r#"{"type":"expiring","in_ms":5}"#),
            ServerEvent::Expiring(Expiring { in_ms: 5 })
        ));
        assert!(matches!(
            parse(r#"{"type":"history","id":4,"messages":[{"channel":"a","position":"10-7","time":5,"data":{"x":1}}],"position":"10-7","before":"10-7"}"#),
            ServerEvent::History(page) if page.messages[0].bytes().as_deref() == Some(br#"{"x":1}"#)
                && page.before == position && !page.more && page.gaps.is_empty()
        ));
        assert!(matches!(
            parse(r#"{"type":"presence","id":5,"channel":"a","members":[{"connection":"c1","since":5}],"position":"10-7"}"#),
            ServerEvent::Presence(page) if page.id == Some(5) && page.members[0].since == 5
        ));
        assert!(matches!(
            parse(r#"{"type":"error","code":"forbidden","message":"no"}"#),
            ServerEvent::Error(refusal) if refusal.error_code() == Some(ErrorCode::Forbidden)
        ));
        assert!(matches!(
            parse(r#"{"type":"error","id":1,"code":"brand_new","message":"","retry_ms":5}"#),
            ServerEvent::Error(refusal) if refusal.error_code().is_none() && refusal.retry_ms == Some(5)
        ));
        assert!(matches!(
            parse(r#"{"type":"message","channel":"a","position":"10-7","time":5,"data":"hi"}"#),
            ServerEvent::Message(message) if message.text().as_deref() == Some("hi")
        ));
        assert!(matches!(
            parse(r#"{"type":"gap","channel":"a","from":"?","to":"10-7"}"#),
            ServerEvent::Gap(gap) if gap.from == "?"
        ));
        assert!(matches!(
            parse(r#"{"type":"position","position":"10-7"}"#),
            ServerEvent::Position(Reached { position: at, heartbeat_ms: None }) if at == position
        ));
        assert!(matches!(
            parse(r#"{"type":"position","position":"10-7","heartbeat_ms":20000}"#),
            ServerEvent::Position(Reached { heartbeat_ms: Some(20_000), .. })
        ));
        assert!(matches!(
            parse(r#"{"type":"goodbye","code":1012,"position":"10-7"}"#),
            ServerEvent::Goodbye(Goodbye { code: 1012, position: Some(at), retry_ms: None }) if at == position
        ));
        assert!(matches!(parse(r#"{"type":"new"}"#), ServerEvent::Other { kind } if kind == "new"));
    }

    #[test]
    fn what_is_not_of_its_shape_is_an_error() {
        for text in ["", "[]", "{}", r#"{"type":"published","id":3,"position":"?"}"#] {
            ServerEvent::parse(text).unwrap_err();
        }
    }
}
