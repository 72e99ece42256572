//! Who is on a channel: one member, and a page of them.
//!
//! A member is also the payload of a message in `$presence.` and the channel's name, keyed by its
//! connection, so a page and a subscription say the same.

use crate::{Bookmark, Gap, GapView, RawValue, json::Members};
use serde::{Deserialize, Serialize};

/// A member about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberView<'a> {
    /// Its connection's name.
    pub connection: &'a str,
    /// Who it says it is.
    pub user: Option<&'a str>,
    /// What else it says of itself: the text of one valid JSON value.
    pub info: Option<&'a str>,
    /// Since when it is there, in milliseconds since the Unix epoch.
    pub since: u64,
}

impl MemberView<'_> {
    /// Appends the object, on one line.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let members =
            Members::new(out).text("connection", self.connection).optional_text("user", self.user);
        let members = match self.info {
            Some(info) => members.raw("info", info),
            None => members,
        };
        members.number("since", self.since).close();
    }
}

/// A member as received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its connection's name.
    pub connection: String,
    /// Who it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What else it says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<RawValue>>,
    /// Since when it is there, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// A page of members about to be written.
#[derive(Clone, Copy, Debug)]
pub struct PresenceView<'a> {
    /// The request's number on a WebSocket, which makes the page an answer to it.
    pub id: Option<u64>,
    /// The channel they are on.
    pub channel: &'a str,
    /// Each member's JSON.
    pub members: &'a [&'a str],
    /// Connections that earlier pages may have told of and that are there no longer.
    pub left: &'a [&'a str],
    /// From where to ask next, or to subscribe.
    pub position: Bookmark,
    /// Whether there is more to ask for already.
    pub more: bool,
    /// What can no longer be told: whoever began before has to begin anew.
    pub gaps: &'a [GapView<'a>],
}

impl PresenceView<'_> {
    /// Appends the object, on one line: `left`, `more` and `gaps` only where they say something.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let members = match self.id {
            Some(id) => Members::tagged(out, "presence").number("id", id),
            None => {
                out.push(b'{');
                Members::new(out)
            }
        };
        let mut members = members.text("channel", self.channel).with("members", |out| {
            write_list(self.members, out, |json, out| {
                out.extend_from_slice(json.as_bytes());
            })
        });
        if !self.left.is_empty() {
            members = members.with("left", |out| {
                write_list(self.left, out, |name, out| {
                    crate::json::write_string(name, out);
                })
            });
        }
        members = members.bookmark("position", self.position);
        if self.more {
            members = members.raw("more", "true");
        }
        if !self.gaps.is_empty() {
            members = members.with("gaps", |out| write_list(self.gaps, out, GapView::write_json));
        }
        members.close();
    }
}

/// A page of members as received.
#[derive(Clone, Debug, Deserialize)]
pub struct PresencePage {
    /// The request's number, on a WebSocket.
    #[serde(default)]
    pub id: Option<u64>,
    /// The channel they are on.
    pub channel: String,
    /// Who came, or came again: a member replaces an earlier one of its connection.
    pub members: Vec<Member>,
    /// Connections that are there no longer.
    #[serde(default)]
    pub left: Vec<String>,
    /// From where to ask next, or to subscribe.
    pub position: Bookmark,
    /// Whether there is more to ask for already.
    #[serde(default)]
    pub more: bool,
    /// Where there are any, not everybody who left is told: begin anew.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    const POSITION: Position = Position { epoch: 36, offset: 7 };
    const MIDDLE: Bookmark = Bookmark { after: POSITION, state: Some(9) };

    const EMPTY: PresenceView<'_> = PresenceView {
        id: None,
        channel: "a",
        members: &[],
        left: &[],
        position: MIDDLE,
        more: false,
        gaps: &[],
    };

    fn json(page: &PresenceView<'_>) -> String {
        let mut out = Vec::new();
        page.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_member_says_no_more_than_it_was_told() {
        for (user, info, wire) in [
            (None, None, r#"{"connection":"c1","since":5}"#),
            (Some("a\"b"), None, r#"{"connection":"c1","user":"a\"b","since":5}"#),
            (
                Some("u"),
                Some("{\n\"x\":[1]}"),
                r#"{"connection":"c1","user":"u","info":{ "x":[1]},"since":5}"#,
            ),
        ] {
            let mut out = Vec::new();
            MemberView { connection: "c1", user, info, since: 5 }.write_json(&mut out);
            assert_eq!(str::from_utf8(&out).unwrap(), wire);
            let member: Member = serde_json::from_str(wire).unwrap();
            assert_eq!(member.user.as_deref(), user);
            assert_eq!(serde_json::to_string(&member).unwrap(), wire);
        }
    }

    #[test]
    fn a_page_leaves_out_what_says_nothing() {
        assert_eq!(json(&EMPTY), r#"{"channel":"a","members":[],"position":"10-7~9"}"#);
        let gap = GapView { channel: "$presence.a", from: "10-1", to: POSITION };
        let full = PresenceView {
            id: Some(5),
            members: &[r#"{"connection":"c1","since":5}"#, r#"{"connection":"c2","since":6}"#],
            left: &["c3", "c4"],
            more: true,
            gaps: &[gap],
            ..EMPTY
        };
        assert_eq!(
            json(&full),
            r#"{"type":"presence","id":5,"channel":"a","members":[{"connection":"c1","since":5},{"connection":"c2","since":6}],"left":["c3","c4"],"position":"10-7~9","more":true,"gaps":[{"type":"gap","channel":"$presence.a","from":"10-1","to":"10-7"}]}"#
        );
    }

    #[test]
    fn a_page_reads_back() {
        let full = PresenceView {
            id: Some(5),
            members: &[r#"{"connection":"c1","since":5}"#],
            left: &["c3"],
            more: true,
            gaps: &[GapView { channel: "$presence.a", from: "10-1", to: POSITION }],
            ..EMPTY
        };
        let page: PresencePage = serde_json::from_str(&json(&full)).unwrap();
        assert_eq!((page.id, &*page.channel, page.position), (Some(5), "a", MIDDLE));
        assert_eq!(
            (&*page.members[0].connection, page.left, page.more),
            ("c1", vec!["c3".to_owned()], true)
        );
        assert_eq!(page.gaps[0].from, "10-1");
        let page: PresencePage = serde_json::from_str(&json(&EMPTY)).unwrap();
        assert!(page.id.is_none() && page.left.is_empty() && !page.more && page.gaps.is_empty());
    }
}
