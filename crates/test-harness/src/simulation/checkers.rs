//! What a subscriber may receive: each message once, in order, or a gap notice first.
//!
//! A [`Follower`] has what a client knows of its subscriptions, and checks everything that is received against the
//! [`Oracle`] of what was published and is still retained. It knows no transport's bytes, and no faults.

use super::{
    brought::Brought,
    history::Entry,
    oracle::{Holdings, Oracle, matches},
    tally::Tally,
};
use std::collections::{BTreeMap, BTreeSet};
use tidewire_protocol::{Bookmark, Gap, Position, Since};

/// One client's subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    pub(crate) follows: Vec<Follow>,
    /// What subscriptions of this connection brought that have ended.
    ended: Vec<Brought>,
}

/// One subscription, over all its connections.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) pattern: String,
    /// Everything of it up to here was handed over; what the client asks to resume from.
    pub(crate) place: Option<Position>,
    /// The state in the middle of which that is, as the last answer to a poll said.
    within: Option<u64>,
    /// It begins with what is retained, as far as no place says otherwise.
    pub(crate) from_earliest: bool,
    /// On this connection it was followed after this offset.
    begun_at: Option<u64>,
    /// A position that a restored store does not have: a gap notice has to come before what follows.
    lost: Option<Position>,
    /// On this connection the place was none of the server's: this is where it went on instead.
    base: Option<u64>,
    /// On this connection losses up to here were announced.
    reported: Option<u64>,
    /// What was left when it began: nobody owes it the rest.
    begun_with: Option<Holdings>,
    /// On this connection it began with the present state, so that tombstones up to here remove
    /// nothing it was given.
    fresh: u64,
    /// The same as far as it is certain when that was: word of their loss is a false alarm.
    state: u64,
    /// Without a place it begins here or earlier: the log's head when the response head was read.
    begins_by: Option<Position>,
    /// Behind where it began, once it has learnt a place.
    began: Option<u64>,
    /// By channel and key, where the values are that it was given; `None` once it cannot know.
    values: Option<BTreeMap<(String, String), u64>>,
}

impl Follow {
    pub(crate) fn new(pattern: &str, place: Option<Position>, from_earliest: bool) -> Self {
        let pattern = pattern.to_owned();
        let values = Some(BTreeMap::new());
        let (within, lost, base, reported, begun_with) = (None, None, None, None, None);
        let (fresh, state, begins_by, began) = (0, 0, None, None);
        Self {
            pattern,
            place,
            within,
            from_earliest,
            begun_at: None,
            lost,
            base,
            reported,
            begun_with,
            fresh,
            state,
            begins_by,
            began,
            values,
        }
    }

    /// One of a program, whose own bookkeeping says from where.
    pub(crate) fn of_program(pattern: &str, since: Since) -> Self {
        let (place, within) = match since {
            Since::After(Bookmark { after, state }) => (Some(after), state),
            Since::Now | Since::Earliest | Since::Time(_) | Since::Ago(_) => (None, None),
        };
        let is_past = place.is_none() && since != Since::Now;
        Self { within, values: None, ..Self::new(pattern, place, is_past) }
    }

    /// Takes in that a store which had come to `head` was put back.
    pub(crate) fn lose_after(&mut self, epoch: u64, head: u64) {
        let is_lost = |place: &Position| place.epoch == epoch && place.offset > head;
        self.lost = self.place.filter(is_lost).or(self.lost);
    }

    /// Takes in that another connection begins.
    pub(crate) fn reconnect(&mut self) {
        (self.begun_at, self.base, self.reported, self.begun_with) = (None, None, None, None);
        (self.fresh, self.state, self.begins_by) = (0, 0, None);
    }

    /// Takes in that the response head was read when the log's head was here: from now on everything
    /// is owed.
    pub(crate) fn begins_by(&mut self, head: Position) {
        if self.place.is_none() && !self.from_earliest {
            self.begins_by = Some(head);
        }
    }

    /// Checks the first place that it learns.
    pub(crate) fn check_beginning(&self, place: Position) -> Result<(), String> {
        match self.begins_by {
            Some(head) if head.epoch == place.epoch && place.offset > head.offset => Err(format!(
                "{} begins at {place}, but the response head was read at {head}",
                self.pattern
            )),
            _ => Ok(()),
        }
    }

    /// What it asks to resume from.
    pub(crate) fn bookmark(&self) -> Option<Bookmark> {
        self.place.map(|after| Bookmark { after, state: self.within })
    }

    /// Takes in that it begins now on this connection, from what is retained if it has no place.
    pub(crate) fn begin(&mut self, oracle: &Oracle<'_>) {
        let is_ours = self.place.is_some_and(|place| place.epoch == oracle.broker.epoch());
        if !is_ours && (self.from_earliest || self.place.is_some()) {
            self.begun_with = Some(oracle.holdings());
        }
        if self.place.is_none() && self.from_earliest {
            self.fresh = oracle.history.head(oracle.broker.epoch());
        }
        if let Some(state) = self.within.filter(|_| is_ours) {
            (self.fresh, self.state) = (state, state);
        }
    }

    /// The same with a request that asks for everything from `past` on, received at this moment.
    pub(crate) fn begin_at_once(&mut self, past: Since, wall_ms: u64, oracle: &Oracle<'_>) {
        self.begin(oracle);
        if self.place.is_some() || !self.from_earliest {
            return;
        }
        self.base = oracle.before(past, wall_ms);
        if past == Since::Earliest {
            self.state = self.fresh;
        }
    }

    /// Up to where everything has been handed over, or `None` before the first place.
    fn start(&self, epoch: u64) -> Result<Option<u64>, String> {
        match (self.place, self.base) {
            (Some(place), None) if self.lost == Some(place) => Err(format!(
                "{}: nobody said that {place} is of a time that the store has lost",
                self.pattern
            )),
            (Some(place), base) if place.epoch == epoch => {
                Ok(Some(place.offset.max(base.unwrap_or(0))))
            }
            (Some(place), None) => Err(format!(
                "{}: nobody said that {place} is lost, and now the epoch is another",
                self.pattern
            )),
            (_, base) => Ok(base),
        }
    }

    /// Takes in that everything up to `upto` was handed over, `is_message` the message there, to
    /// this or by what others have brought.
    fn advance(
        &mut self,
        upto: Position,
        is_message: bool,
        brought: &[Brought],
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let end = if is_message { upto.offset - 1 } else { upto.offset };
        let start = self.start(upto.epoch)?;
        self.begun_at.get_or_insert(start.unwrap_or(end));
        if let Some(start) = start {
            let span = (start, end);
            if let Some((offset, loss)) = self.first_owed(upto.epoch, span, brought, oracle, tally)
            {
                return Err(format!(
                    "{}: {} at {offset} was skipped between {start} and {upto}",
                    self.pattern, loss.channel
                ));
            }
            self.forget_own(upto.epoch, start, upto.offset, oracle);
        } else {
            self.check_beginning(upto)?;
        }
        self.began.get_or_insert(start.unwrap_or(upto.offset));
        if self.place.is_none_or(|place| place.epoch != upto.epoch || place.offset < upto.offset) {
            (self.place, self.within) = (Some(upto), None);
        }
        if !oracle.shows_tombstones() {
            self.values = None;
        }
        Ok(())
    }

    /// Gives up the keys of what this connection published without wanting an echo: whether it did
    /// is in an answer that may be lost.
    fn forget_own(&mut self, epoch: u64, after: u64, upto: u64, oracle: &Oracle<'_>) {
        let Some(values) = &mut self.values else { return };
        let passed = oracle.history.between(epoch, after, upto);
        for (_, own) in passed.filter(|(_, entry)| oracle.is_muted(entry)) {
            let key = own.draft.key.as_ref().map(|key| key.as_str().to_owned());
            key.map(|key| values.remove(&(own.channel.clone(), key)));
        }
    }

    /// Takes the message at `position` into the state, if it is news.
    fn apply(&mut self, entry: &Entry, position: Position) {
        let is_behind =
            self.place.is_some_and(|at| at.epoch == position.epoch && at.offset >= position.offset);
        let (Some(values), Some(key)) = (&mut self.values, &entry.draft.key) else { return };
        if is_behind || !entry.is_compacted {
            return;
        }
        let key = (entry.channel.clone(), key.as_str().to_owned());
        if entry.is_tombstone() {
            values.remove(&key);
        } else {
            values.insert(key, position.offset);
        }
    }

    /// Gives up the state if others have brought some of it to the connection from `start` on: that
    /// does not come again, nor do removals of before this began.
    fn leave_to(&mut self, brought: &[Brought], start: Position, oracle: &Oracle<'_>) {
        let Position { epoch, offset: after } = start;
        let upto = brought.iter().map(|by| by.upto).max().unwrap_or(after);
        let mut passed = oracle.history.between(epoch, after, upto);
        let is_brought = passed.any(|(offset, entry)| {
            matches(&self.pattern, &entry.channel)
                && brought.iter().any(|by| by.may_have(offset, entry))
        });
        if is_brought {
            self.values = None;
        }
    }

    /// Checks that every value it knows is the present one.
    fn check_state(&self, oracle: &Oracle<'_>, tally: &mut Tally) -> Result<(), String> {
        if !oracle.shows_tombstones() {
            return Ok(());
        }
        let epoch = oracle.broker.epoch();
        for ((channel, key), offset) in self.values.iter().flatten() {
            let is_it =
                |entry: &Entry| entry.draft.key.as_ref().is_some_and(|it| it.as_str() == key);
            let mut entries = oracle.history.of_channel(epoch, channel);
            let newest = entries.find(|(_, entry)| is_it(entry));
            if newest.is_some_and(|(_, entry)| oracle.is_muted(entry)) {
                continue;
            }
            if newest.is_none_or(|(newest, entry)| newest != *offset || !entry.is_value()) {
                return Err(format!(
                    "{}: {key} of {channel} is still {offset}, not {newest:?}",
                    self.pattern
                ));
            }
            tally.states += 1;
        }
        Ok(())
    }

    /// The offsets of the values of `channel` that it knows, and the offset after which it knows all of them; `None`
    /// if it cannot know.
    pub(crate) fn known(&self, channel: &str) -> Option<(BTreeSet<u64>, u64)> {
        let values = self.values.as_ref()?.iter().filter(|((name, _), _)| name == channel);
        Some((values.map(|(_, offset)| *offset).collect(), self.began?))
    }

    /// The first message in `after + 1 ..= upto` that is owed.
    fn first_owed<'a>(
        &self,
        epoch: u64,
        (after, upto): (u64, u64),
        brought: &[Brought],
        oracle: &Oracle<'a>,
        tally: &mut Tally,
    ) -> Option<(u64, &'a Entry)> {
        let mut holdings: Option<Holdings> = None;
        oracle.history.between(epoch, after, upto).find(|(offset, entry)| {
            if !matches(&self.pattern, &entry.channel) || !oracle.shows(entry) {
                return false;
            }
            if entry.is_superseded {
                return false;
            }
            if brought.iter().any(|by| by.may_have(*offset, entry)) {
                tally.passed_over += 1;
                return false;
            }
            if oracle.is_muted(entry) {
                tally.muted += 1;
                return false;
            }
            if entry.is_tombstone() && *offset <= self.fresh {
                tally.tombstones_unneeded += 1;
                return false;
            }
            let is_current = epoch == oracle.broker.epoch();
            let is_gone =
                !is_current || holdings.get_or_insert_with(|| oracle.holdings()).lack(*offset);
            let is_reported = self.reported.is_some_and(|reported| *offset <= reported);
            let is_unowed = self.begun_with.as_ref().is_some_and(|begun| begun.lack(*offset));
            if is_gone && is_unowed && !is_reported {
                tally.evictions_unowed += 1;
            }
            !(is_gone && (is_reported || is_unowed))
        })
    }
}

impl Follower {
    /// Takes in that the store was put back as it was when the log had come to `head`.
    pub(crate) fn lose_after(&mut self, epoch: u64, head: u64) {
        self.follows.iter_mut().for_each(|follow| follow.lose_after(epoch, head));
    }

    pub(crate) fn new(follows: Vec<Follow>) -> Self {
        Self { follows, ended: Vec::new() }
    }

    /// Checks a message at the position that the transport or the payload named.
    pub(crate) fn receive_message(
        &mut self,
        position: Position,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let entry = oracle.entry(position)?;
        let (mut is_wanted, mut is_new) = (false, false);
        for follow in self.follows.iter().filter(|it| matches(&it.pattern, &entry.channel)) {
            is_wanted = true;
            match follow.start(position.epoch)? {
                Some(start) => is_new |= start < position.offset,
                None => return Err(format!("{position} came before any position was known")),
            }
        }
        if !is_wanted {
            return Err(format!("nobody asked for {} at {position}", entry.channel));
        }
        if !is_new {
            return Err(format!("{} at {position} came again, or late", entry.channel));
        }
        if oracle.is_muted(entry) {
            return Err(format!("{position} came back, of which no echo was wanted"));
        }
        let mut had = self.follows.iter().filter_map(|follow| follow.brought(position.epoch));
        if let Some(by) = had.find(|by| by.has(position.offset, entry)) {
            return Err(format!("{position} came twice on a connection: {} had it", by.pattern));
        }
        let brought = self.brought(position.epoch);
        tally.delivered += 1;
        tally.unmuted += u64::from(entry.draft.origin.is_some());
        self.follows.iter_mut().try_for_each(|follow| {
            let is_it = matches(&follow.pattern, &entry.channel);
            if is_it {
                follow.apply(entry, position);
            }
            follow.advance(position, is_it, &brought, oracle, tally)
        })
    }

    /// Takes in that everything up to a place has been said.
    pub(crate) fn receive_place(
        &mut self,
        Bookmark { after: position, state }: Bookmark,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut starts = Vec::new();
        for follow in &self.follows {
            starts.extend(follow.start(position.epoch)?);
        }
        if let Some(least) = starts.into_iter().min()
            && position.offset < least
        {
            return Err(format!("{position} came after {least}"));
        }
        let brought = self.brought(position.epoch);
        self.follows.iter_mut().try_for_each(|follow| {
            follow.advance(position, false, &brought, oracle, tally)?;
            if follow.place == Some(position) {
                tally.bookmarks += u64::from(state.is_some());
                follow.within = state;
            }
            Ok(())
        })
    }

    /// Takes in that one subscription has begun, exact behind `position`.
    pub(crate) fn receive_beginning(
        &mut self,
        pattern: &str,
        position: Position,
        oracle: &Oracle<'_>,
    ) -> Result<(), String> {
        let brought = self.brought(position.epoch);
        let follow = self.find(pattern)?;
        follow.begin(oracle);
        follow.begun_at = Some(position.offset);
        follow.leave_to(&brought, position, oracle);
        match follow.start(position.epoch)? {
            Some(start) if start != position.offset => {
                Err(format!("{pattern} was to begin at {start} and begins at {position}"))
            }
            Some(_) => Ok(()),
            None => {
                follow.place = Some(position);
                Ok(())
            }
        }
    }

    /// The first subscription to which something is still owed.
    pub(crate) fn owed(&self, oracle: &Oracle<'_>) -> Option<String> {
        let epoch = oracle.broker.epoch();
        let (head, brought) = (oracle.history.head(epoch), self.brought(epoch));
        self.follows.iter().find_map(|follow| match follow.start(epoch) {
            Ok(Some(start)) => {
                let (span, tally) = ((start, head), &mut Tally::default());
                let owed = follow.first_owed(epoch, span, &brought, oracle, tally);
                owed.map(|(offset, _)| format!("{}: {offset} of {head}", follow.pattern))
            }
            _ => Some(format!("{}: everything", follow.pattern)),
        })
    }

    /// Checks, once nothing is owed, that the values it knows are the present ones.
    pub(crate) fn check_state(&self, oracle: &Oracle<'_>, tally: &mut Tally) -> Result<(), String> {
        self.follows.iter().try_for_each(|follow| follow.check_state(oracle, tally))
    }

    /// Takes in that a connection is gone, and with it what it was brought.
    pub(crate) fn disconnect(&mut self) {
        self.ended.clear();
    }

    /// Takes in that a subscription has ended.
    pub(crate) fn end(&mut self, pattern: &str, epoch: u64) {
        let ended = self.follows.extract_if(.., |follow| follow.pattern == pattern);
        self.ended.extend(ended.filter_map(|follow| follow.brought(epoch)));
    }

    /// What was brought by subscriptions that are, or were, ahead of others.
    fn brought(&self, epoch: u64) -> Vec<Brought> {
        if self.follows.len() < 2 && self.ended.is_empty() {
            return Vec::new();
        }
        let brought = self.follows.iter().filter_map(|follow| follow.brought(epoch));
        brought.chain(self.ended.iter().cloned()).collect()
    }

    /// Takes in word of a loss.
    pub(crate) fn receive_gap(
        &mut self,
        gap: &Gap,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let brought = self.brought(gap.to.epoch);
        self.find(&gap.channel)?.receive_gap(gap, &brought, oracle, tally)
    }

    fn find(&mut self, pattern: &str) -> Result<&mut Follow, String> {
        let found = self.follows.iter_mut().find(|follow| follow.pattern == pattern);
        found.ok_or_else(|| format!("nobody asked for {pattern}"))
    }
}

impl Follow {
    /// What this has brought to its connection.
    fn brought(&self, epoch: u64) -> Option<Brought> {
        let place = self.place.filter(|place| place.epoch == epoch)?;
        let (pattern, after) = (self.pattern.clone(), self.begun_at?);
        Some(Brought { pattern, after, upto: place.offset, fresh: self.fresh, passed: self.state })
    }

    /// Takes in word of a loss from a server that has yet to say that this has begun.
    pub(crate) fn receive_gap_before_it_begins(
        &mut self,
        gap: &Gap,
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.receive_gap(gap, &[], oracle, tally)
    }

    /// Takes in word of a loss.
    fn receive_gap(
        &mut self,
        gap: &Gap,
        brought: &[Brought],
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.values = None;
        let to = gap.to.offset;
        let from = gap.from.parse::<Position>().ok().filter(|from| from.epoch == gap.to.epoch);
        let Some(from) = from else {
            tally.epoch_gaps += 1;
            let place = self.bookmark().map(|place| place.to_string());
            if place.as_ref() != Some(&gap.from) || self.base.is_some() {
                return Err(format!("{gap:?} although the place was {place:?}"));
            }
            self.base = Some(to);
            if self.begun_with.is_none() {
                self.begin(oracle);
            }
            return Ok(());
        };
        tally.gaps += 1;
        self.advance_for_gap(from, brought, oracle, tally)?;
        if self.reported.is_some_and(|reported| reported >= to) {
            return Err(format!("{gap:?} was reported before"));
        }
        self.reported = Some(to);
        let holdings = oracle.holdings();
        let is_lost = |(offset, entry): (u64, &Entry)| {
            matches(&gap.channel, &entry.channel) && holdings.lack(offset)
        };
        let lost = oracle.history.between(from.epoch, from.offset, to);
        if !oracle.may_forget && lost.last().filter(|it| it.0 == to).is_none_or(|it| !is_lost(it)) {
            return Err(format!("{gap:?} although nothing was lost at {to}"));
        }
        let was_tombstone =
            oracle.history.entry(gap.to.epoch, to).is_some_and(|entry| entry.is_tombstone());
        if !oracle.may_forget && was_tombstone && to <= self.state && !oracle.engine.has_rotted(to)
        {
            return Err(format!("{gap:?} although it has the state of {}", self.state));
        }
        Ok(())
    }

    /// A gap's beginning: up to there everything was handed over, also where no wire said so.
    fn advance_for_gap(
        &mut self,
        from: Position,
        brought: &[Brought],
        oracle: &Oracle<'_>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let (place, within) = (self.place, self.within);
        self.advance(from, false, brought, oracle, tally)?;
        // A client learns no place from a gap: what is retained inside it is still to come.
        (self.place, self.within) = (place, within);
        Ok(())
    }
}
