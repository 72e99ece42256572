//! A page of messages about to be written: of history, or a poll's answer.

use crate::{Bookmark, GapView, Position, json::Members};

/// A page of messages about to be written.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    /// Each message's JSON, or each payload's, in order: a server makes those once for all readers.
    pub messages: &'a [&'a [u8]],
    /// From where to go on.
    pub position: Bookmark,
    /// From where to go back, which only a page of history says.
    pub before: Option<Position>,
    /// Whether there is more of what was asked for.
    pub more: bool,
    /// What would have been on the page and is gone.
    pub gaps: &'a [GapView<'a>],
    /// After which time to ask again, of a server that shuts down.
    pub retry_ms: Option<u64>,
}

impl PageView<'_> {
    /// Appends the object, on one line: `before`, `more` and `gaps` only where they say something.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.write_members(Members::open(out)).close();
    }

    /// Appends the members, after others.
    pub(crate) fn write_members<'out>(&self, members: Members<'out>) -> Members<'out> {
        members
            .list("messages", self.messages, |json, out| out.extend_from_slice(json))
            .bookmark("position", self.position)
            .optional_position("before", self.before)
            .flag("more", self.more)
            .optional_list("gaps", self.gaps, GapView::write_json)
            .optional_number("retry_ms", self.retry_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HistoryPage, PollAnswer, ServerMessage};

    const POSITION: Position = Position { epoch: 36, offset: 7 };
    const MESSAGE: &[u8] = br#"{"channel":"a","position":"10-7","time":5,"data":"hi"}"#;

    const EMPTY: PageView<'_> = PageView {
        messages: &[],
        position: Bookmark { after: POSITION, state: None },
        before: None,
        more: false,
        gaps: &[],
        retry_ms: None,
    };

    const FULL: PageView<'_> = PageView {
        messages: &[MESSAGE, MESSAGE],
        position: Bookmark { after: POSITION, state: Some(9) },
        before: Some(Position { epoch: 36, offset: 5 }),
        more: true,
        gaps: &[GapView { channel: "a", from: "10-1", to: POSITION }],
        retry_ms: None,
    };

    #[test]
    fn a_page_leaves_out_what_says_nothing() {
        let mut out = Vec::new();
        EMPTY.write_json(&mut out);
        assert_eq!(out, br#"{"messages":[],"position":"10-7"}"#);
        let answer: PollAnswer = serde_json::from_slice(&out).unwrap();
        assert!(answer.messages.is_empty() && answer.gaps.is_empty());
    }

    #[test]
    fn the_answer_of_a_server_that_shuts_down_says_when_to_ask_again() {
        let mut out = Vec::new();
        PageView { retry_ms: Some(250), ..EMPTY }.write_json(&mut out);
        assert_eq!(out, br#"{"messages":[],"position":"10-7","retry_ms":250}"#);
        let answer: PollAnswer = serde_json::from_slice(&out).unwrap();
        assert_eq!(answer.retry_ms, Some(250));
    }

    #[test]
    fn a_page_of_history_says_where_it_reaches_and_what_is_gone() {
        let mut out = Vec::new();
        FULL.write_json(&mut out);
        assert_eq!(
            str::from_utf8(&out).unwrap(),
            r#"{"messages":[{"channel":"a","position":"10-7","time":5,"data":"hi"},{"channel":"a","position":"10-7","time":5,"data":"hi"}],"position":"10-7~9","before":"10-5","more":true,"gaps":[{"type":"gap","channel":"a","from":"10-1","to":"10-7"}]}"#
        );
        let page: HistoryPage = serde_json::from_slice(&out).unwrap();
        assert_eq!((page.messages.len(), page.more, page.gaps.len()), (2, true, 1));
    }

    #[test]
    fn an_answer_has_its_number_before_the_page() {
        let mut out = Vec::new();
        let page = PageView { before: FULL.before, ..EMPTY };
        ServerMessage::History { id: 4, page }.write_json(&mut out);
        assert_eq!(
            str::from_utf8(&out).unwrap(),
            r#"{"type":"history","id":4,"messages":[],"position":"10-7","before":"10-5"}"#
        );
    }
}
