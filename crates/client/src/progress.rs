//! What has been delivered of each channel and pattern, so that a resume neither loses nor repeats.
//!
//! SSE, NDJSON and polls have one place in the log for all channels. On a WebSocket every
//! subscription has its own, and one may catch up while another is at the head; hence a place each.
//! A place moves only while its subscription has begun on the present connection.

mod place;

use place::PatternProgress;
use tidewire_protocol::{Bookmark, Gap, Message, Position, Since};

/// The positions of a subscriber: the part of a client that uses no sockets.
///
/// Call [`reconnect`](Self::reconnect) for each connection, subscribe from [`since`](Self::since) or
/// [`since_of`](Self::since_of), then pass on everything that is received.
///
/// ```
/// use tidewire_client::{Order, Progress, Since};
///
/// let mut progress = Progress::new(["chat.*", ">"].map(String::from), Since::Earliest);
/// progress.reconnect(Order::Separate);
/// progress.handle_subscribed("chat.*", "a-2".parse()?);
/// let message = r#"{"channel":"chat.a","position":"a-3","time":0,"data":1}"#;
/// assert!(progress.handle_message(&serde_json::from_str(message)?));
/// // The subscription to `>` has not begun, so it has no position.
/// assert_eq!(progress.since_of("chat.*").to_string(), "a-3");
/// assert_eq!(progress.since_of(">"), Since::Earliest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Progress {
    /// Where to begin with what has no place yet.
    since: Since,
    /// Each channel or pattern once.
    places: Vec<PatternProgress>,
    /// The last position received, on any channel.
    latest: Option<Position>,
    order: Order,
}

/// How a connection delivers what its subscriber follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All channels together, from one place on: SSE, NDJSON, polls.
    Joint,
    /// As on a WebSocket: each subscription from its own place, once it is `subscribed`.
    Separate,
    /// One order, but only for the channels of [`Progress::missing`], from
    /// [`Progress::since_of_missing`] on.
    Missing,
}

impl Progress {
    /// A subscriber of `channels` that has received nothing. A channel named twice counts once.
    pub fn new(channels: impl IntoIterator<Item = String>, since: Since) -> Self {
        let bookmark = as_bookmark(since);
        let mut places: Vec<PatternProgress> = Vec::new();
        for channel in channels {
            if places.iter().all(|place| place.channel != channel) {
                places.push(PatternProgress::new(channel, bookmark));
            }
        }
        let latest = bookmark.map(|bookmark| bookmark.after);
        Self { since, places, latest, order: Order::Joint }
    }

    /// What is followed.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.channel.as_str())
    }

    /// Where to begin with one of the channels or patterns, on a connection of separate orders.
    pub fn since_of(&self, channel: &str) -> Since {
        let place = self.places.iter().find(|place| place.channel == channel);
        place.and_then(|place| place.bookmark).map_or(self.since, Bookmark::into)
    }

    /// Where to begin with all of them: nothing is lost, though some may come again.
    ///
    /// While channels are [`missing`](Self::missing), to begin with all of them would lose removals
    /// in the others: ask for those alone first.
    pub fn since(&self) -> Since {
        let all_begun = self.places.iter().all(|place| place.bookmark.is_some());
        match self.oldest() {
            // What has not begun and wants only news is content with anything later than now was.
            Some(oldest) if all_begun || self.since == Since::Now => oldest.into(),
            _ => self.since,
        }
    }

    /// The same, if it can be said as a position.
    pub fn bookmark(&self) -> Option<Bookmark> {
        as_bookmark(self.since())
    }

    /// The channels to ask for alone first, because the positions of the others do not apply to them: those
    /// that have no position yet, or else those whose position has an earlier epoch.
    ///
    /// A request from a position of an earlier epoch is answered with a gap for that position. It would not
    /// report what was lost after the other positions.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let is_missing = self.which_are_missing();
        self.places.iter().filter(move |place| is_missing(place)).map(|it| it.channel.as_str())
    }

    /// Where to begin with those.
    pub fn since_of_missing(&self) -> Since {
        self.only_missing().since()
    }

    /// Those alone, to be begun.
    fn only_missing(&self) -> Self {
        let is_missing = self.which_are_missing();
        let places = self.places.iter().filter(|place| is_missing(place)).cloned().collect();
        let mut only = Self { since: self.since, places, latest: self.latest, order: Order::Joint };
        only.reconnect(Order::Joint);
        only
    }

    fn which_are_missing(&self) -> impl Fn(&PatternProgress) -> bool + use<> {
        let epoch_of =
            |place: &PatternProgress| place.bookmark.map(|bookmark| bookmark.after.epoch);
        let has_place = self.places.iter().any(|place| place.bookmark.is_some());
        let lacks_place = self.places.iter().any(|place| place.bookmark.is_none());
        let latest = self.latest.map(|latest| latest.epoch);
        let is_current = move |place: &PatternProgress| epoch_of(place) == latest;
        let has_current = self.places.iter().any(is_current);
        let wants_news_only = self.since == Since::Now;
        move |place| match place.bookmark {
            None => has_place && !wants_news_only,
            // First those without a place.
            Some(_) if lacks_place && !wants_news_only => false,
            Some(_) => has_current && !is_current(place),
        }
    }

    /// Takes in that another connection is made, on which nothing has begun but what its request
    /// names.
    pub fn reconnect(&mut self, order: Order) {
        self.order = order;
        let is_missing = self.which_are_missing();
        for place in &mut self.places {
            place.reconnect(match order {
                Order::Joint => true,
                Order::Separate => false,
                Order::Missing => is_missing(place),
            });
        }
    }

    /// Takes in that delivery of one channel or pattern has begun, exact behind `position`.
    pub fn handle_subscribed(&mut self, channel: &str, position: Position) {
        let Some(place) = self.places.iter_mut().find(|place| place.channel == channel) else {
            return;
        };
        place.begin(position);
        // From the earliest message, or a time on, the same is asked again until something comes.
        // What is relative to now must not move with it.
        if place.bookmark.is_none() && matches!(self.since, Since::Now | Since::Ago(_)) {
            self.latest = Some(position);
            place.advance(position.into(), position);
        }
    }

    /// Takes in a message, and returns whether it is new and was asked for.
    pub fn handle_message(&mut self, message: &Message) -> bool {
        let position = message.position;
        let mut covering = self.places.iter().filter(|place| place.covers(&message.channel));
        let is_covered = covering.clone().next().is_some();
        let is_asked_for = self.order != Order::Separate || is_covered;
        if !is_asked_for {
            return false;
        }
        // One that began with a present state was spared removals of before, which others may need.
        let may_be_spared = self.since == Since::Earliest && message.data.is_none();
        let is_new = match may_be_spared {
            true => !is_covered || !covering.all(|place| place.is_at_least(position)),
            false => !covering.any(|place| place.has_had(position)),
        };
        self.latest = Some(position);
        let before = Position { offset: position.offset.saturating_sub(1), ..position };
        for place in self.places.iter_mut().filter(|place| place.is_live) {
            if self.order != Order::Separate || place.covers(&message.channel) {
                place.advance(position.into(), before);
            }
        }
        is_new
    }

    /// Takes in word of a loss, and returns whether it has not been reported before.
    ///
    /// Of what it speaks of something may be left, and follows it: so it does not move the place,
    /// which the next message or position does. But where the place means nothing to the server, it
    /// says where the server goes on instead.
    pub fn handle_gap(&mut self, gap: &Gap) -> bool {
        let to = gap.to;
        let from = gap.from.parse().ok().map(|Bookmark { after, .. }| after);
        let place = self.places.iter_mut().find(|place| place.channel == gap.channel);
        let Some(place) = place else { return true };
        let is_reported = match from.filter(|from| from.epoch == to.epoch) {
            Some(from) if from.offset < to.offset => return place.report_gap(to),
            // The log is an older copy, and no position after that is valid.
            Some(_) => false,
            // The request may have named the place of another channel, which is further behind.
            None => place.is_at_least(to),
        };
        if !is_reported {
            place.restart(to);
            self.latest = Some(to);
        }
        !is_reported
    }

    /// Takes in that everything up to a bookmark has been delivered of all that has begun.
    pub fn handle_position(&mut self, bookmark: Bookmark) {
        self.latest = Some(bookmark.after);
        let live = self.places.iter_mut().filter(|place| place.is_live);
        live.for_each(|place| place.advance(bookmark, bookmark.after));
    }

    /// The place that is furthest behind. One in another epoch than the latest is: epochs have no
    /// order, but they do not come back.
    fn oldest(&self) -> Option<Bookmark> {
        let latest = self.latest?;
        let bookmarks = || self.places.iter().filter_map(|place| place.bookmark);
        let oldest =
            bookmarks().min_by_key(|it| (it.after.epoch == latest.epoch, it.after.offset))?;
        // Removals up to a state are passed over for all, so no further than each of them allows.
        let of_each = bookmarks().map(|it| match it.after.epoch == oldest.after.epoch {
            true => it.state.unwrap_or(it.after.offset),
            false => 0,
        });
        let state = of_each.min().filter(|state| *state > oldest.after.offset);
        Some(Bookmark { state, ..oldest })
    }
}

fn as_bookmark(since: Since) -> Option<Bookmark> {
    match since {
        Since::After(bookmark) => Some(bookmark),
        Since::Now | Since::Earliest | Since::Time(_) | Since::Ago(_) => None,
    }
}

#[cfg(test)]
mod tests;
