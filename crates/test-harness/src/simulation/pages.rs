//! Pages of history, by position, time and count and from either end: what has to be on them is
//! found by looking at everything published.

use super::{
    history::Entry,
    oracle::{Holdings, Oracle, check_message, matches},
};
use std::collections::BTreeSet;
use tidewire_protocol::{Bookmark, HistoryPage, Position, Since};

/// What a page was asked for.
#[derive(Clone, Debug)]
pub(crate) struct PageAsk {
    pub(crate) pattern: String,
    pub(crate) since: Option<Since>,
    /// With it the page is filled from its end.
    pub(crate) before: Option<Since>,
    pub(crate) until: Option<Since>,
    pub(crate) limit: usize,
    /// The duration that a request names.
    pub(crate) wall_ms: u64,
}

/// What was retained while a page was read, where that is known.
#[derive(Debug)]
pub(crate) struct Reading {
    /// As it began.
    pub(crate) before: Holdings,
    /// Nothing was lost meanwhile.
    pub(crate) is_calm: bool,
    pub(crate) gather_bytes_max: usize,
}

impl PageAsk {
    /// Checks an answer: what was asked for, all of it as far as the page reaches, and word of what
    /// is lost. Nothing was published since if its `reading` is known.
    pub(crate) fn check(
        &self,
        page: &HistoryPage,
        oracle: &Oracle<'_>,
        reading: Option<&Reading>,
    ) -> Result<(), String> {
        let refuse = |what: String| Err(format!("{what}; {self:?} was answered with {page:?}"));
        if let Some(place) = self.foreign(oracle) {
            let is_reported = page.gaps.iter().any(|gap| gap.from == place.to_string());
            if !is_reported {
                return refuse(format!("nobody said that {place} is none of ours"));
            }
        }
        self.check_messages(page, oracle, reading).or_else(refuse)?;
        let listed: BTreeSet<u64> = page.messages.iter().map(|it| it.position.offset).collect();
        let mut left = None;
        for offset in self.owed(oracle) {
            let is_within = (page.before.offset..=page.position.after.offset).contains(&offset);
            let is_skipped = match self.before {
                Some(_) => offset > page.position.after.offset && reading.is_some(),
                None => offset < page.before.offset,
            };
            if is_skipped || is_within && !listed.contains(&offset) {
                return refuse(format!("{offset} is missing"));
            }
            if !is_within {
                left = Some(offset);
            }
        }
        match reading {
            Some(reading) => {
                self.check_end(page, left, oracle, reading).or_else(refuse)?;
                self.check_losses(page, oracle, &reading.before).or_else(refuse)
            }
            None => Ok(()),
        }
    }

    /// Checks what is on a page: in order, as it was published, and asked for.
    fn check_messages(
        &self,
        page: &HistoryPage,
        oracle: &Oracle<'_>,
        reading: Option<&Reading>,
    ) -> Result<(), String> {
        if page.messages.len() > self.limit {
            return Err(format!("{} messages", page.messages.len()));
        }
        let mut last = page.before.offset.saturating_sub(1);
        for message in &page.messages {
            check_message(message, oracle)?;
            let Position { offset, .. } = message.position;
            let entry = oracle.entry(message.position)?;
            let is_lost = reading.is_some_and(|reading| reading.before.lack(offset));
            let is_needless = entry.is_tombstone() && offset <= self.state();
            if offset <= last
                || offset > page.position.after.offset
                || message.time != entry.time_ms
                || !self.selects(offset, entry, oracle)
                || is_lost
                || is_needless
            {
                return Err(format!("{offset} is not to be here"));
            }
            last = offset;
        }
        Ok(())
    }

    /// Checks what a page says of more, and that it is as full as it may be; `left` is some message
    /// that is owed and not on it.
    fn check_end(
        &self,
        page: &HistoryPage,
        left: Option<u64>,
        oracle: &Oracle<'_>,
        reading: &Reading,
    ) -> Result<(), String> {
        if !page.more {
            return left.map_or(Ok(()), |left| Err(format!("there is more: {left}")));
        }
        let may_be_tombstones = self.since == Some(Since::Earliest);
        if left.is_none() && self.before.is_some() && reading.is_calm && !may_be_tombstones {
            return Err("there is no more".to_owned());
        }
        // About this many bytes fill a page; a page backwards counts the message that would be too much.
        let next = left.filter(|_| self.before.is_some());
        let offsets = page.messages.iter().map(|it| it.position.offset).chain(next);
        let entries =
            offsets.filter_map(|offset| oracle.history.entry(page.position.after.epoch, offset));
        // Removals that a list from `earliest` is spared fill a page too, though they are not on it.
        let Position { epoch, offset: upto } = page.position.after;
        let passed = oracle.history.between(epoch, 0, upto).map(|(_, entry)| entry);
        let spared = passed.filter(|entry| {
            may_be_tombstones && entry.is_tombstone() && matches(&self.pattern, &entry.channel)
        });
        let bytes: usize =
            entries.chain(spared).map(|entry| entry.draft.bytes() + WIRE_BYTES).sum();
        let may_be_short = bytes >= reading.gather_bytes_max || !page.gaps.is_empty();
        if page.messages.len() < self.limit && !may_be_short && reading.is_calm && self.state() == 0
        {
            return Err(format!("{bytes} bytes, and there is more"));
        }
        Ok(())
    }

    /// Checks that a gap covers everything lost between the ends of a page that begins at a given position. One that
    /// begins with what is retained needs no gap notice.
    fn check_losses(
        &self,
        page: &HistoryPage,
        oracle: &Oracle<'_>,
        held: &Holdings,
    ) -> Result<(), String> {
        let is_owed = match (self.since, self.before) {
            (Some(since), _) if let Some(place) = position(since) => !is_foreign(place, oracle),
            (None, Some(_)) => true,
            _ => false,
        };
        let is_owed = is_owed && self.foreign(oracle).is_none();
        let (Position { epoch, offset: upto }, after) = (page.position.after, page.before.offset);
        let mut lost = oracle.history.between(epoch, after.saturating_sub(1), upto);
        // Who looks back has nothing that a lost tombstone removed, unless it says where it was.
        let is_back = self.before.is_some() && (self.since.is_none() || page.more);
        let state = if is_back { u64::MAX } else { self.state() };
        let is_silent = |(offset, entry): &(u64, &Entry)| {
            !entry.is_superseded
                && held.lack(*offset)
                && (!entry.is_tombstone() || *offset > state)
                && self.selects(*offset, entry, oracle)
                && !page.gaps.iter().any(|gap| gap.to.offset >= *offset)
        };
        match lost.find(is_silent).filter(|_| is_owed) {
            Some((offset, _)) => Err(format!("nobody said that {offset} is lost")),
            None => Ok(()),
        }
    }

    /// The offsets of what is asked for and retained now.
    pub(crate) fn owed(&self, oracle: &Oracle<'_>) -> Vec<u64> {
        let (epoch, held) = (oracle.broker.epoch(), oracle.holdings());
        let all = oracle.history.between(epoch, 0, oracle.history.head(epoch));
        let is_whole = self.since == Some(Since::Earliest);
        let state = if is_whole { u64::MAX } else { self.state() };
        let owed = all.filter(|(offset, entry)| {
            let is_needless = entry.is_tombstone() && *offset <= state;
            let is_there = !entry.is_superseded && !held.lack(*offset);
            is_there && !is_needless && self.selects(*offset, entry, oracle)
        });
        owed.map(|(offset, _)| offset).collect()
    }

    /// As of when it is of the present state, to which no tombstone belongs; 0 where it is not.
    fn state(&self) -> u64 {
        match self.since {
            _ if self.before.is_some() => 0,
            None | Some(Since::Earliest) => u64::MAX,
            Some(Since::After(Bookmark { state: Some(state), .. })) => state,
            Some(_) => 0,
        }
    }

    fn selects(&self, offset: u64, entry: &Entry, oracle: &Oracle<'_>) -> bool {
        let ends = [self.before, self.until].into_iter().flatten();
        matches(&self.pattern, &entry.channel)
            && self.since.is_none_or(|since| self.is_behind(since, offset, entry, oracle))
            && ends.into_iter().all(|end| self.is_before(end, offset, entry, oracle))
    }

    fn is_behind(&self, since: Since, offset: u64, entry: &Entry, oracle: &Oracle<'_>) -> bool {
        match since {
            Since::Now => false,
            Since::Earliest => true,
            Since::After(Bookmark { after: place, .. }) => {
                is_foreign(place, oracle) || offset > place.offset
            }
            Since::Time(time_ms) => entry.time_ms >= time_ms,
            Since::Ago(ago) => u128::from(entry.time_ms) + ago.as_millis() >= self.wall_ms.into(),
        }
    }

    fn is_before(&self, end: Since, offset: u64, entry: &Entry, oracle: &Oracle<'_>) -> bool {
        match end {
            Since::Now => true,
            Since::Earliest => false,
            Since::After(Bookmark { after: place, .. }) => {
                place.epoch == oracle.broker.epoch() && offset < place.offset
            }
            end => !self.is_behind(end, offset, entry, oracle),
        }
    }

    /// The position in the request that the server never assigned.
    fn foreign(&self, oracle: &Oracle<'_>) -> Option<Since> {
        let mut ends = [self.before, self.until].into_iter().flatten();
        let is_foreign_end = |place: Position| place.epoch != oracle.broker.epoch();
        let since =
            self.since.filter(|since| position(*since).is_some_and(|it| is_foreign(it, oracle)));
        // A page back that is full before its beginning does not come to look at that.
        ends.find(|end| position(*end).is_some_and(is_foreign_end))
            .or(since.filter(|_| self.before.is_none()))
    }
}

fn position(place: Since) -> Option<Position> {
    match place {
        Since::After(Bookmark { after: place, .. }) => Some(place),
        _ => None,
    }
}

/// Whether a place to begin behind means nothing here: then all that is retained follows.
fn is_foreign(place: Position, oracle: &Oracle<'_>) -> bool {
    let epoch = oracle.broker.epoch();
    place.epoch != epoch || place.offset > oracle.history.head(epoch)
}

/// What a message takes on a wire beside what it carries, at most.
const WIRE_BYTES: usize = 64;
