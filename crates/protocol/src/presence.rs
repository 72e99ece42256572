//! The members of a channel: one member, and a page of them.
//!
//! A member is also the payload of a message in `$presence.` and the channel's name, keyed by its
//! connection, so a page and a subscription say the same.

use crate::{
    Bookmark, Gap, GapView, RawValue,
    json::{Members, write_string},
};
use serde::{Deserialize, Serialize};

/// A member about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberView<'a> {
    /// Its connection's name.
    pub connection: &'a str,
    /// Who it is: by its token where the server checks tokens, otherwise by its own word.
    pub user: Option<&'a str>,
    /// What else is known of it, likewise: the text of one valid JSON value.
    pub info: Option<&'a str>,
    /// What it says of itself beside what its token says.
    pub claimed: ClaimedView<'a>,
    /// Since when it is there, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// What a member says of itself where the server checks tokens. Nobody has checked this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimedView<'a> {
    /// Who it says it is.
    pub user: Option<&'a str>,
    /// What else it says of itself: the text of one valid JSON value.
    pub info: Option<&'a str>,
}

impl MemberView<'_> {
    /// Appends the object, on one line.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Self { connection, user, info, claimed, since } = *self;
        let members = Members::open(out).text("connection", connection).optional_text("user", user);
        let members = match info {
            Some(info) => members.raw("info", info),
            None => members,
        };
        let members = match claimed {
            ClaimedView { user: None, info: None } => members,
            claimed => members.raw("claimed", &claimed.json()),
        };
        members.number("since", since).close();
    }
}

impl ClaimedView<'_> {
    fn json(&self) -> String {
        let mut out = Vec::new();
        let members = Members::open(&mut out).optional_text("user", self.user);
        let members = match self.info {
            Some(info) => members.raw("info", info),
            None => members,
        };
        members.close();
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// A member as received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its connection's name.
    pub connection: String,
    /// Who it is: by its token where the server checks tokens, otherwise by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What else is known of it, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<RawValue>>,
    /// What it says of itself beside what its token says, if it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Claimed>,
    /// Since when it is there, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// What a member says of itself where the server checks tokens. Nobody has checked this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claimed {
    /// Who it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What else it says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<RawValue>>,
}

/// A page of members about to be written.
#[derive(Clone, Copy, Debug)]
pub struct PresenceView<'a> {
    /// The channel they are on.
    pub channel: &'a str,
    /// Each member's JSON.
    pub members: &'a [&'a str],
    /// Connections that have left. Earlier pages may have listed them.
    pub left: &'a [&'a str],
    /// Where to continue: the next page, or a subscription.
    pub position: Bookmark,
    /// Whether there is more to ask for already.
    pub more: bool,
    /// Joins and leaves that are no longer available. A client that continues a list has to start again.
    pub gaps: &'a [GapView<'a>],
}

impl PresenceView<'_> {
    /// Appends the object, on one line; `left`, `more` and `gaps` only if they are not empty or false.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.write_members(Members::open(out)).close();
    }

    /// Appends the members, after others.
    pub(crate) fn write_members<'out>(&self, members: Members<'out>) -> Members<'out> {
        members
            .text("channel", self.channel)
            .list("members", self.members, |json, out| out.extend_from_slice(json.as_bytes()))
            .optional_list("left", self.left, |name, out| write_string(name, out))
            .bookmark("position", self.position)
            .flag("more", self.more)
            .optional_list("gaps", self.gaps, GapView::write_json)
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
    /// Members. One replaces an earlier one of the same connection.
    pub members: Vec<Member>,
    /// Connections that have left.
    #[serde(default)]
    pub left: Vec<String>,
    /// Where to continue: the next page, or a subscription.
    pub position: Bookmark,
    /// Whether there is more to ask for already.
    #[serde(default)]
    pub more: bool,
    /// If there are any, some leaves are no longer available: start the list again.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Position, ServerMessage};

    const POSITION: Position = Position { epoch: 36, offset: 7 };
    const MIDDLE: Bookmark = Bookmark { after: POSITION, state: Some(9) };

    const EMPTY: PresenceView<'_> = PresenceView {
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

    /// The page as the answer to request 5.
    fn answer(page: PresenceView<'_>) -> String {
        let mut out = Vec::new();
        ServerMessage::Presence { id: 5, page }.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_member_has_only_what_it_was_given() {
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
            let claimed = ClaimedView::default();
            MemberView { connection: "c1", user, info, claimed, since: 5 }.write_json(&mut out);
            assert_eq!(str::from_utf8(&out).unwrap(), wire);
            let member: Member = serde_json::from_str(wire).unwrap();
            assert_eq!(member.user.as_deref(), user);
            assert_eq!(serde_json::to_string(&member).unwrap(), wire);
        }
    }

    #[test]
    fn what_nobody_has_checked_is_apart() {
        let claimed = ClaimedView { user: Some("b"), info: Some("[1]") };
        let member =
            MemberView { connection: "c1", user: Some("a"), info: None, claimed, since: 5 };
        let mut out = Vec::new();
        member.write_json(&mut out);
        let wire = r#"{"connection":"c1","user":"a","claimed":{"user":"b","info":[1]},"since":5}"#;
        assert_eq!(str::from_utf8(&out).unwrap(), wire);
        let member: Member = serde_json::from_str(wire).unwrap();
        assert_eq!(member.claimed.as_ref().unwrap().user.as_deref(), Some("b"));
        assert_eq!(serde_json::to_string(&member).unwrap(), wire);
    }

    #[test]
    fn a_page_leaves_out_what_says_nothing() {
        assert_eq!(json(&EMPTY), r#"{"channel":"a","members":[],"position":"10-7~9"}"#);
        let gap = GapView { channel: "$presence.a", from: "10-1", to: POSITION };
        let full = PresenceView {
            members: &[r#"{"connection":"c1","since":5}"#, r#"{"connection":"c2","since":6}"#],
            left: &["c3", "c4"],
            more: true,
            gaps: &[gap],
            ..EMPTY
        };
        assert_eq!(
            answer(full),
            r#"{"type":"presence","id":5,"channel":"a","members":[{"connection":"c1","since":5},{"connection":"c2","since":6}],"left":["c3","c4"],"position":"10-7~9","more":true,"gaps":[{"type":"gap","channel":"$presence.a","from":"10-1","to":"10-7"}]}"#
        );
    }

    #[test]
    fn a_page_reads_back() {
        let full = PresenceView {
            members: &[r#"{"connection":"c1","since":5}"#],
            left: &["c3"],
            more: true,
            gaps: &[GapView { channel: "$presence.a", from: "10-1", to: POSITION }],
            ..EMPTY
        };
        let page: PresencePage = serde_json::from_str(&answer(full)).unwrap();
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
