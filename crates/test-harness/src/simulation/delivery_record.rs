//! What a program was given in the end, over all its connections: each message once and in order in its
//! channel, whichever of its patterns select it, or word of its loss, once too.
//!
//! It knows nothing of the client's bookkeeping, only what that let through, and the [`Oracle`] of what
//! was published and is still retained.

use super::{
    history::Entry,
    oracle::{Holdings, Oracle, matches},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};
use tidewire_protocol::{Bookmark, Gap, Message, Position, Since};

#[derive(Debug)]
pub(super) struct DeliveryRecord {
    /// Where the program was asked to begin.
    since: Since,
    /// By pattern, where it began.
    begun: BTreeMap<String, Begun>,
    /// By epoch and offset.
    given: BTreeSet<(u64, u64)>,
    reported: Vec<Gap>,
    /// The same before the program ended and began again.
    given_before: BTreeSet<(u64, u64)>,
    reported_before: Vec<Gap>,
    /// By channel and epoch, the newest message given.
    newest: BTreeMap<(String, u64), u64>,
}

/// The beginning of a pattern.
#[derive(Debug)]
struct Begun {
    after: Position,
    /// What was left: nobody owes it the rest.
    with: Option<Holdings>,
}

impl DeliveryRecord {
    pub(super) fn new(since: Since) -> Self {
        Self {
            since,
            begun: BTreeMap::new(),
            given: BTreeSet::new(),
            reported: Vec::new(),
            given_before: BTreeSet::new(),
            reported_before: Vec::new(),
            newest: BTreeMap::new(),
        }
    }

    /// Enters that the program begins again behind `place`: what it had may come again.
    pub(super) fn restart(&mut self, patterns: &[&str], place: Position) {
        self.given_before.append(&mut self.given);
        self.reported_before.append(&mut self.reported);
        self.newest.clear();
        for pattern in patterns {
            // What had not begun wanted only news.
            let begun = Begun { after: place, with: None };
            self.begun.entry((*pattern).to_owned()).or_insert(begun);
        }
    }

    /// Enters that a pattern has begun on a connection that is at `place`.
    pub(super) fn begin(&mut self, pattern: &str, place: Position, oracle: &Oracle<'_>) {
        let offset = match self.since {
            Since::Earliest => 0,
            Since::Time(time_ms) => oracle.history.before(place.epoch, time_ms),
            _ => place.offset,
        };
        let begun = Begun { after: Position { offset, ..place }, with: Some(oracle.holdings()) };
        self.begun.insert(pattern.to_owned(), begun);
    }

    pub(super) fn has_begun<'a>(&self, mut patterns: impl Iterator<Item = &'a str>) -> bool {
        patterns.all(|pattern| self.begun.contains_key(pattern))
    }

    pub(super) fn enter_message(&mut self, message: &Message) -> Result<(), String> {
        let position @ Position { epoch, offset } = message.position;
        // A removal may come again: one that was left out for a pattern looks like one that was delivered.
        let may_repeat = self.since == Since::Earliest && message.data.is_none();
        if !self.given.insert((epoch, offset)) && !may_repeat {
            return Err(format!("the program was given {position} twice"));
        }
        let newest = self.newest.entry((message.channel.clone(), epoch)).or_default();
        let had = mem::replace(newest, offset.max(*newest));
        if offset < had && !may_repeat && !self.may_be_late(message) {
            return Err(format!("the program was given {position} after {had} of its channel"));
        }
        Ok(())
    }

    /// Whether another of its patterns began only after this message, and so could run ahead of it.
    fn may_be_late(&self, Message { channel, position, .. }: &Message) -> bool {
        self.begun.iter().any(|(pattern, Begun { after, .. })| {
            matches(pattern, channel)
                && after.epoch == position.epoch
                && after.offset >= position.offset
        })
    }

    pub(super) fn enter_gap(&mut self, gap: &Gap, oracle: &Oracle<'_>) -> Result<(), String> {
        let is_known = |known: &&Gap| {
            known.channel == gap.channel
                && known.to.epoch == gap.to.epoch
                && known.to.offset >= gap.to.offset
        };
        if let Some(known) = self.reported.iter().find(is_known) {
            return Err(format!("the program got {gap:?} after {known:?}"));
        }
        self.reported.push(gap.clone());
        match gap.from.parse() {
            Ok(Bookmark { after, .. }) if after.epoch == gap.to.epoch => {
                self.check_gap(gap, after.offset, oracle)
            }
            _ => {
                // It begins again, with what is left.
                let begun = Begun { after: gap.to, with: Some(oracle.holdings()) };
                self.begun.insert(gap.channel.clone(), begun);
                Ok(())
            }
        }
    }

    /// Checks that something is lost which the program lacks, or had by another of its patterns.
    fn check_gap(&self, gap: &Gap, from: u64, oracle: &Oracle<'_>) -> Result<(), String> {
        let (Position { epoch, offset: to }, held) = (gap.to, oracle.holdings());
        let others = || self.begun.keys().filter(|pattern| **pattern != gap.channel);
        let is_news = |(offset, entry): (u64, &Entry)| {
            matches(&gap.channel, &entry.channel)
                && held.lack(offset)
                && (!self.given.contains(&(epoch, offset))
                    || others().any(|pattern| matches(pattern, &entry.channel)))
        };
        if oracle.may_forget || oracle.history.between(epoch, from, to).any(is_news) {
            return Ok(());
        }
        Err(format!("the program got {gap:?}, of which it has everything"))
    }

    /// Checks, once nothing is owed, that nothing was lost in silence.
    pub(super) fn check(&self, oracle: &Oracle<'_>) -> Result<(), String> {
        let (epoch, held) = (oracle.broker.epoch(), oracle.holdings());
        let head = oracle.history.head(epoch);
        for (pattern, Begun { after, with }) in &self.begun {
            if after.epoch != epoch {
                return Err(format!("{pattern}: nobody said that {after} is lost"));
            }
            let is_unowed = |offset| with.as_ref().is_some_and(|with| with.lack(offset));
            let mut owed = oracle.history.between(epoch, after.offset, head);
            let lost = owed.find(|(offset, entry)| {
                let position = (epoch, *offset);
                matches(pattern, &entry.channel)
                    && !entry.is_superseded
                    && !self.has(position)
                    && (!entry.is_tombstone() || self.has_value(position, entry, oracle))
                    && !(held.lack(*offset)
                        && (is_unowed(*offset) || self.is_reported(position, entry)))
            });
            if let Some((offset, Entry { channel, .. })) = lost {
                return Err(format!("{pattern}: a program was not given {offset} of {channel}"));
            }
        }
        Ok(())
    }

    fn has(&self, position: (u64, u64)) -> bool {
        self.given.contains(&position) || self.given_before.contains(&position)
    }

    /// Whether the program was given a value that this tombstone removes.
    fn has_value(
        &self,
        (epoch, offset): (u64, u64),
        tombstone: &Entry,
        oracle: &Oracle<'_>,
    ) -> bool {
        let span = (epoch, 0)..(epoch, offset);
        let given = self.given.range(span.clone()).chain(self.given_before.range(span));
        let mut entries = given.filter_map(|(epoch, offset)| oracle.history.entry(*epoch, *offset));
        entries.any(|it| it.channel == tombstone.channel && it.draft.key == tombstone.draft.key)
    }

    fn is_reported(&self, (epoch, offset): (u64, u64), entry: &Entry) -> bool {
        self.reported.iter().chain(&self.reported_before).any(|gap| {
            gap.to.epoch == epoch
                && offset <= gap.to.offset
                && matches(&gap.channel, &entry.channel)
        })
    }
}
