//! What has been delivered of each channel and pattern, so that a resume neither loses nor repeats.
//!
//! SSE, NDJSON and polls have one place in the log for all channels. On a WebSocket every
//! subscription has its own, and one may catch up while another is at the head; hence a place each.

use tidewire_protocol::{Bookmark, Message, Position, Since};

/// How far a subscriber has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Where to begin with what has no place yet.
    since: Since,
    places: Vec<Place>,
    /// The last position heard of, from anywhere.
    latest: Option<Position>,
}

#[derive(Clone, Debug)]
struct Place {
    /// A channel or pattern.
    channel: String,
    /// Everything of it up to here has been delivered, from `since` on.
    bookmark: Option<Bookmark>,
}

/// Of what a position speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of every subscription: the wire delivers all in one order.
    All,
    /// Of those that the message's channel matches.
    Matching,
}

impl Progress {
    pub(crate) fn new(channels: Vec<String>, since: Since) -> Self {
        let place = |channel| Place { channel, bookmark: None };
        Self { since, places: channels.into_iter().map(place).collect(), latest: None }
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.channel.as_str())
    }

    /// Where to begin with one of the channels or patterns.
    pub(crate) fn since_of(&self, channel: &str) -> Since {
        let place = self.places.iter().find(|place| place.channel == channel);
        place.and_then(|place| place.bookmark).map_or(self.since, Bookmark::into)
    }

    /// Where to begin with all of them: nothing is lost, though some may come again.
    pub(crate) fn since(&self) -> Since {
        let all_begun = self.places.iter().all(|place| place.bookmark.is_some());
        match self.oldest() {
            // What has not begun and wants only news is content with anything later than now was.
            Some(oldest) if all_begun || self.since == Since::Now => oldest.into(),
            _ => self.since,
        }
    }

    /// The same, if it can be said as a position.
    pub(crate) fn bookmark(&self) -> Option<Bookmark> {
        match self.since() {
            Since::Position(position) => Some(position.into()),
            Since::Within { position, state } => {
                Some(Bookmark { after: position, state: Some(state) })
            }
            Since::Now | Since::Earliest | Since::Time(_) | Since::Ago(_) => None,
        }
    }

    /// Notes a message, and returns whether it is new and was asked for.
    pub(crate) fn take(&mut self, message: &Message, scope: Scope) -> bool {
        let position = message.position;
        let mut asked_for = scope == Scope::All;
        for place in self.places.iter().filter(|place| place.covers(&message.channel)) {
            asked_for = true;
            if place.is_at_least(position) {
                return false;
            }
        }
        if !asked_for {
            return false;
        }
        self.latest = Some(position);
        for place in &mut self.places {
            if scope == Scope::All || place.covers(&message.channel) {
                place.advance(position.into());
            }
        }
        true
    }

    /// Notes that everything up to a bookmark has been delivered of every channel.
    pub(crate) fn advance_all(&mut self, bookmark: Bookmark) {
        self.latest = Some(bookmark.after);
        self.places.iter_mut().for_each(|place| place.advance(bookmark));
    }

    /// Notes that delivery of one channel or pattern has begun, with the head at `position`.
    ///
    /// Only who asked for news is there already. Whoever asked for more has yet to be given what
    /// comes before, which must not be taken for a repeat.
    pub(crate) fn begin(&mut self, channel: &str, position: Position) {
        let mut places = self.places.iter_mut();
        if let Some(place) = places.find(|place| place.channel == channel)
            && place.bookmark.is_none()
            && self.since == Since::Now
        {
            self.latest = Some(position);
            place.advance(position.into());
        }
    }

    /// The place that is furthest behind. One in another epoch than the latest is: epochs have no
    /// order, but they do not come back.
    fn oldest(&self) -> Option<Bookmark> {
        let latest = self.latest?;
        let bookmarks = self.places.iter().filter_map(|place| place.bookmark);
        bookmarks.min_by_key(|it| (it.after.epoch == latest.epoch, it.after.offset))
    }
}

impl Place {
    fn advance(&mut self, bookmark: Bookmark) {
        let stands_here = self.bookmark.is_some_and(|had| had.after == bookmark.after);
        // The end of a page may say more of the place where its last message stands.
        if stands_here && bookmark.state.is_some() || !self.is_at_least(bookmark.after) {
            self.bookmark = Some(bookmark);
        }
    }

    /// Whether this has come as far, which of another epoch it never has.
    fn is_at_least(&self, position: Position) -> bool {
        let had = self.bookmark.map(|bookmark| bookmark.after);
        had.is_some_and(|had| had.epoch == position.epoch && had.offset >= position.offset)
    }

    /// Whether a message of this channel is for this subscription: `*` stands for one token, a
    /// final `>` for one or more.
    fn covers(&self, channel: &str) -> bool {
        let mut tokens = channel.split('.');
        for wanted in self.channel.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch, offset }
    }

    fn progress(channels: &[&str], since: Since) -> Progress {
        Progress::new(channels.iter().map(|&channel| channel.into()).collect(), since)
    }

    fn message(channel: &str, position: Position) -> Message {
        let json = format!(r#"{{"channel":"{channel}","position":"{position}","time":0}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn patterns_cover_what_the_server_says_they_do() {
        let covers = |pattern: &str, channel| {
            Place { channel: pattern.into(), bookmark: None }.covers(channel)
        };
        for (pattern, channel) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            (">", "a"),
            ("a.>", "a.b.c"),
            ("*.>", "a.b"),
        ] {
            assert!(covers(pattern, channel), "{pattern} {channel}");
        }
        for (pattern, channel) in
            [("a", "a.b"), ("a.b", "a"), ("a.*", "a"), ("a.*", "a.b.c"), ("a.>", "a"), ("*", "a.b")]
        {
            assert!(!covers(pattern, channel), "{pattern} {channel}");
        }
    }

    #[test]
    fn before_anything_is_heard_the_request_stands() {
        assert_eq!(progress(&["a"], Since::Earliest).since(), Since::Earliest);
        assert_eq!(progress(&["a"], Since::Now).bookmark(), None);
        let resumed = progress(&["a"], Since::Position(at(1, 5)));
        assert_eq!(resumed.bookmark(), Some(at(1, 5).into()));
    }

    #[test]
    fn one_order_moves_every_place() {
        let mut progress = progress(&["a", "b"], Since::Now);
        assert!(progress.take(&message("a", at(1, 5)), Scope::All));
        assert_eq!(progress.since_of("b"), Since::Position(at(1, 5)));
        assert!(!progress.take(&message("a", at(1, 5)), Scope::All));
        assert!(progress.take(&message("b", at(1, 6)), Scope::All));
        assert_eq!(progress.bookmark(), Some(at(1, 6).into()));
    }

    #[test]
    fn on_a_websocket_each_subscription_moves_alone() {
        let mut progress = progress(&["a", "b.*"], Since::Earliest);
        assert!(progress.take(&message("a", at(1, 9)), Scope::Matching));
        assert_eq!(progress.since(), Since::Earliest);
        assert!(progress.take(&message("b.c", at(1, 3)), Scope::Matching));
        assert_eq!(progress.since_of("a"), Since::Position(at(1, 9)));
        assert_eq!(progress.since_of("b.*"), Since::Position(at(1, 3)));
        assert_eq!(progress.bookmark(), Some(at(1, 3).into()));
    }

    #[test]
    fn what_comes_again_after_a_change_of_wire_is_not_new() {
        let mut progress = progress(&["a", "b"], Since::Earliest);
        progress.take(&message("a", at(1, 9)), Scope::Matching);
        progress.take(&message("b", at(1, 3)), Scope::Matching);
        assert!(progress.take(&message("b", at(1, 4)), Scope::All));
        assert!(!progress.take(&message("a", at(1, 9)), Scope::All));
        assert!(progress.take(&message("a", at(1, 10)), Scope::All));
    }

    #[test]
    fn a_begun_subscription_that_asked_for_more_is_still_given_it() {
        let mut resumed = progress(&["a"], Since::Position(at(1, 5)));
        resumed.begin("a", at(1, 9));
        assert_eq!(resumed.bookmark(), Some(at(1, 5).into()));
        assert!(resumed.take(&message("a", at(1, 6)), Scope::Matching));
        resumed.begin("a", at(1, 9));
        assert!(resumed.take(&message("a", at(1, 7)), Scope::Matching));

        let mut live = progress(&["a"], Since::Now);
        live.begin("a", at(1, 9));
        assert_eq!(live.bookmark(), Some(at(1, 9).into()));
    }

    #[test]
    fn what_a_websocket_brings_unasked_is_left_out() {
        let mut progress = progress(&["a"], Since::Now);
        assert!(!progress.take(&message("lobby", at(1, 5)), Scope::Matching));
        assert_eq!(progress.bookmark(), None);
    }

    #[test]
    fn a_message_for_two_subscriptions_is_taken_once() {
        let mut progress = progress(&["a.*", "a.b"], Since::Now);
        assert!(progress.take(&message("a.b", at(1, 5)), Scope::Matching));
        assert!(!progress.take(&message("a.b", at(1, 5)), Scope::Matching));
    }

    #[test]
    fn the_end_of_a_page_is_kept_as_it_was_said() {
        let mut progress = progress(&["a", "b"], Since::Earliest);
        let (five, nine) = (at(1, 5), at(1, 9));
        assert!(progress.take(&message("a", five), Scope::All));
        progress.advance_all(Bookmark { after: five, state: Some(8) });
        assert_eq!(progress.since().to_string(), "1-5~8");
        assert_eq!(progress.since_of("b").to_string(), "1-5~8");
        assert!(progress.take(&message("a", nine), Scope::All));
        assert_eq!(progress.since(), Since::Position(nine));
    }

    #[test]
    fn a_new_epoch_starts_over_and_the_old_one_is_behind() {
        let mut progress = progress(&["a", "b"], Since::Now);
        progress.begin("a", at(1, 50));
        progress.begin("b", at(1, 70));
        assert!(progress.take(&message("a", at(2, 1)), Scope::Matching));
        assert_eq!(progress.bookmark(), Some(at(1, 70).into()));
        progress.advance_all(at(2, 0).into());
        assert_eq!(progress.since_of("a"), Since::Position(at(2, 1)));
        assert_eq!(progress.bookmark(), Some(at(2, 0).into()));
    }
}
