//! The frames that a server sends on a `tidewire.v1` WebSocket, written from borrowed parts.

use crate::{
    ErrorCode, GapView, MessageView, PageView, Position, PresenceView, RequestError,
    json::{Members, text_of},
};

/// A frame from the server, about to be written.
#[derive(Clone, Copy, Debug)]
pub enum ServerMessage<'a> {
    /// The first frame of a connection.
    Welcome {
        /// This connection's name.
        connection: &'a str,
        /// The server's version.
        version: &'a str,
        /// The heartbeat interval, in milliseconds: the longest time without a frame.
        heartbeat_ms: u64,
        /// The head, from which a client that has received no message can resume.
        position: Position,
    },
    /// Delivery has begun.
    Subscribed {
        /// The request's number.
        id: u64,
        /// The channel or pattern.
        channel: &'a str,
        /// Delivery is exact after this one.
        position: Position,
    },
    /// Delivery has ended.
    Unsubscribed {
        /// The request's number.
        id: u64,
        /// The channel or pattern.
        channel: &'a str,
    },
    /// Delivery has ended, as the server has it.
    Revoked {
        /// The channel or pattern.
        channel: &'a str,
        /// Why.
        code: ErrorCode,
        /// For people.
        message: &'a str,
    },
    /// The message is in the log.
    Published {
        /// The request's number.
        id: u64,
        /// Its position.
        position: Position,
    },
    /// The token says from now on what the connection may do.
    Granted {
        /// The request's number.
        id: u64,
        /// In how many milliseconds it expires, if it does.
        expires_in_ms: Option<u64>,
    },
    /// By which name the connection is renewed over HTTP: a secret of its client.
    Connection {
        /// The name.
        id: &'a str,
    },
    /// What the connection may do expires soon.
    Expiring {
        /// In how many milliseconds.
        in_ms: u64,
    },
    /// What was published.
    History {
        /// The request's number.
        id: u64,
        /// A page of it.
        page: PageView<'a>,
    },
    /// The members of a channel.
    Presence {
        /// The request's number.
        id: u64,
        /// A page of them.
        page: PresenceView<'a>,
    },
    /// A request, or the connection, was refused.
    Error {
        /// The request's number, if it was a request and had one.
        id: Option<u64>,
        /// The kind of error.
        code: ErrorCode,
        /// An explanation for people.
        message: &'a str,
        /// When to try again, if that would help.
        retry_ms: Option<u64>,
    },
    /// A message.
    Message(MessageView<'a>),
    /// Messages are gone for this reader.
    Gap(GapView<'a>),
    /// Nothing else is to be said: the heartbeat, and where a client stands after a gap.
    Position {
        /// Everything up to here has been delivered.
        position: Position,
        /// The longest the server stays silent, where no welcome says it.
        heartbeat_ms: Option<u64>,
    },
    /// The last frame of a connection.
    Goodbye {
        /// The [close code](crate::close) that follows.
        code: u16,
        /// Everything up to here has been delivered, if all of it has been.
        position: Option<Position>,
        /// When to come back, if welcome.
        retry_ms: Option<u64>,
    },
}

impl ServerMessage<'_> {
    /// The object as text, on one line.
    pub fn to_json(&self) -> String {
        text_of(|out| self.write_json(out))
    }

    /// Appends the object, on one line.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Welcome { connection, version, heartbeat_ms, position } => {
                Members::tagged(out, "welcome")
                    .text("connection", connection)
                    .text("version", version)
                    .number("heartbeat_ms", heartbeat_ms)
                    .position("position", position)
            }
            Self::Subscribed { id, channel, position } => Members::tagged(out, "subscribed")
                .number("id", id)
                .text("channel", channel)
                .position("position", position),
            Self::Unsubscribed { id, channel } => {
                Members::tagged(out, "unsubscribed").number("id", id).text("channel", channel)
            }
            Self::Revoked { channel, code, message } => Members::tagged(out, "unsubscribed")
                .text("channel", channel)
                .text("code", code.as_str())
                .text("message", message),
            Self::Published { id, position } => {
                Members::tagged(out, "published").number("id", id).position("position", position)
            }
            Self::Granted { id, expires_in_ms } => Members::tagged(out, "granted")
                .number("id", id)
                .optional_number("expires_in_ms", expires_in_ms),
            Self::Connection { id } => Members::tagged(out, "connection").text("id", id),
            Self::Expiring { in_ms } => Members::tagged(out, "expiring").number("in_ms", in_ms),
            Self::History { id, page } => {
                page.write_members(Members::tagged(out, "history").number("id", id))
            }
            Self::Presence { id, page } => {
                page.write_members(Members::tagged(out, "presence").number("id", id))
            }
            Self::Error { id, code, message, retry_ms } => Members::tagged(out, "error")
                .optional_number("id", id)
                .text("code", code.as_str())
                .text("message", message)
                .optional_number("retry_ms", retry_ms),
            Self::Goodbye { code, position, retry_ms } => Members::tagged(out, "goodbye")
                .number("code", code.into())
                .optional_position("position", position)
                .optional_number("retry_ms", retry_ms),
            Self::Position { position, heartbeat_ms } => Members::tagged(out, "position")
                .position("position", position)
                .optional_number("heartbeat_ms", heartbeat_ms),
            Self::Gap(gap) => return gap.write_json(out),
            Self::Message(message) => message.write_members(Members::tagged(out, "message")),
        }
        .close();
    }
}

impl<'a> From<&'a RequestError> for ServerMessage<'a> {
    fn from(error: &'a RequestError) -> Self {
        Self::Error { id: error.id, code: error.code, message: &error.message, retry_ms: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, Data};

    const POSITION: Position = Position { epoch: 36, offset: 7 };

    const MESSAGE: MessageView<'_> = MessageView {
        channel: "a",
        position: POSITION,
        time: 5,
        event: None,
        key: None,
        data: Data::Text("hi"),
    };

    #[test]
    fn every_message_has_its_form() {
        let position = POSITION;
        for (message, wire) in [
            (
                ServerMessage::Welcome {
                    connection: "c",
                    version: "0.1.0",
                    heartbeat_ms: 20_000,
                    position,
                },
                r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"10-7"}"#,
            ),
            (
                ServerMessage::Subscribed { id: 1, channel: "a.*", position },
                r#"{"type":"subscribed","id":1,"channel":"a.*","position":"10-7"}"#,
            ),
            (
                ServerMessage::Unsubscribed { id: 2, channel: "a" },
                r#"{"type":"unsubscribed","id":2,"channel":"a"}"#,
            ),
            (
                ServerMessage::Published { id: 3, position },
                r#"{"type":"published","id":3,"position":"10-7"}"#,
            ),
            (
                ServerMessage::Error {
                    id: Some(5),
                    code: ErrorCode::Forbidden,
                    message: "no\n",
                    retry_ms: Some(9),
                },
                r#"{"type":"error","id":5,"code":"forbidden","message":"no\n","retry_ms":9}"#,
            ),
            (
                ServerMessage::Error {
                    id: None,
                    code: ErrorCode::Internal,
                    message: "",
                    retry_ms: None,
                },
                r#"{"type":"error","code":"internal","message":""}"#,
            ),
            (
                ServerMessage::Message(MESSAGE),
                r#"{"type":"message","channel":"a","position":"10-7","time":5,"data":"hi"}"#,
            ),
            (
                ServerMessage::Gap(GapView { channel: "a", from: "x", to: position }),
                r#"{"type":"gap","channel":"a","from":"x","to":"10-7"}"#,
            ),
            (
                ServerMessage::Position { position, heartbeat_ms: None },
                r#"{"type":"position","position":"10-7"}"#,
            ),
            (
                ServerMessage::Position { position, heartbeat_ms: Some(20_000) },
                r#"{"type":"position","position":"10-7","heartbeat_ms":20000}"#,
            ),
        ] {
            let mut out = Vec::new();
            message.write_json(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wire);
        }
    }

    #[test]
    fn a_goodbye_says_where_to_resume_if_everything_was_delivered() {
        for (place, wire) in [
            (None, r#"{"type":"goodbye","code":1012,"retry_ms":250}"#),
            (Some(POSITION), r#"{"type":"goodbye","code":1012,"position":"10-7","retry_ms":250}"#),
        ] {
            let goodbye =
                ServerMessage::Goodbye { code: 1012, position: place, retry_ms: Some(250) };
            assert_eq!(goodbye.to_json(), wire);
        }
    }

    #[test]
    fn every_word_about_a_grant_has_its_form() {
        for (message, wire) in [
            (
                ServerMessage::Granted { id: 4, expires_in_ms: Some(60_000) },
                r#"{"type":"granted","id":4,"expires_in_ms":60000}"#,
            ),
            (ServerMessage::Granted { id: 4, expires_in_ms: None }, r#"{"type":"granted","id":4}"#),
            (ServerMessage::Connection { id: "aGk" }, r#"{"type":"connection","id":"aGk"}"#),
            (ServerMessage::Expiring { in_ms: 30_000 }, r#"{"type":"expiring","in_ms":30000}"#),
        ] {
            assert_eq!(message.to_json(), wire);
        }
    }

    #[test]
    fn a_subscription_that_the_server_ends_has_no_number_and_a_reason() {
        let (channel, code, message) = ("a", ErrorCode::Forbidden, "no");
        let wire = r#"{"type":"unsubscribed","channel":"a","code":"forbidden","message":"no"}"#;
        assert_eq!(ServerMessage::Revoked { channel, code, message }.to_json(), wire);
    }

    #[test]
    fn a_refused_request_is_answered_under_its_number() {
        let error = ClientMessage::parse(r#"{"type":"x","id":8}"#).unwrap_err();
        let mut out = Vec::new();
        ServerMessage::from(&error).write_json(&mut out);
        assert!(out.starts_with(br#"{"type":"error","id":8,"code":"unknown_type","message":"#));
    }
}
