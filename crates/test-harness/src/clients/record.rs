//! What one subscription was given: each message that it selects once and in the order of the log, or a gap notice first.
//!
//! A subscription of several channels and patterns is one ordered stream. What is owed is known for certain only at the end,
//! when the [`Truth`] is complete, so everything is kept with the turn at which it came.

mod owed;

use super::{
    driver::{Gap, Message},
    plan::Beginning,
    truth::{Place, Truth, place, selects, spell},
};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use tidewire_protocol::Position;

#[derive(Debug)]
pub(super) struct Record {
    patterns: Vec<&'static str>,
    beginning: Beginning,
    /// Where it was asked to begin, if that is a position.
    start: Option<Place>,
    turn: usize,
    /// Each with its turn.
    given: BTreeMap<Place, usize>,
    newest: Option<Place>,
    gaps: Vec<GapGiven>,
    /// Everything up to these positions was said to be delivered.
    claims: Vec<(usize, Place)>,
    /// Where it was when that was first known, and the newest message in the log by then.
    begun: Option<(Place, u64)>,
    /// In the order in which they came.
    epochs: Vec<u64>,
    /// Its position at the end.
    ended: Option<Option<Place>>,
}

#[derive(Debug)]
struct GapGiven {
    turn: usize,
    pattern: String,
    /// What is no position is none.
    from: Option<Place>,
    to: Place,
}

impl Record {
    pub(super) fn new(
        patterns: Vec<&'static str>,
        beginning: Beginning,
        start: Option<Place>,
    ) -> Self {
        let mut record = Self {
            patterns,
            beginning,
            start,
            turn: 0,
            given: BTreeMap::new(),
            newest: None,
            gaps: Vec::new(),
            claims: Vec::new(),
            begun: None,
            epochs: Vec::new(),
            ended: None,
        };
        start.into_iter().for_each(|(epoch, _)| record.epochs.push(epoch));
        record
    }

    pub(super) fn patterns(&self) -> &[&'static str] {
        &self.patterns
    }

    pub(super) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Where it ended.
    pub(super) fn end(&self) -> Option<Place> {
        self.ended.flatten()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.given.contains_key(&place)
    }

    /// Takes in that it is known where it begins, with the newest message in the log of that epoch.
    pub(super) fn enter_begun(&mut self, position: Position, head: u64) -> Result<()> {
        self.turn += 1;
        self.begun.get_or_insert((place(position), head));
        self.enter_epoch(position.epoch)
    }

    pub(super) fn enter_message(&mut self, message: &Message) -> Result<()> {
        self.turn += 1;
        let at @ (epoch, offset) = place(message.position);
        ensure!(self.is_open(), "{} came after the subscription was closed", spell(at));
        let is_wanted = self.patterns.iter().any(|pattern| selects(pattern, &message.channel));
        ensure!(is_wanted, "nobody asked for {} at {}", message.channel, spell(at));
        ensure!(!self.given.contains_key(&at), "{} came twice", spell(at));
        self.enter_epoch(epoch)?;
        if let Some((newest_epoch, newest)) = self.newest {
            let is_late = newest_epoch == epoch && newest > offset;
            ensure!(!is_late, "{} came after {}", spell(at), spell((epoch, newest)));
        }
        self.newest = Some(at);
        self.given.insert(at, self.turn);
        Ok(())
    }

    pub(super) fn enter_gap(&mut self, gap: &Gap) -> Result<()> {
        self.turn += 1;
        ensure!(self.is_open(), "{gap:?} came after the subscription was closed");
        let is_ours = self.patterns.iter().any(|pattern| *pattern == gap.channel);
        ensure!(is_ours, "nobody subscribed to the channel of {gap:?}");
        let from = gap.from.parse().ok().map(place);
        let given =
            GapGiven { turn: self.turn, pattern: gap.channel.clone(), from, to: place(gap.to) };
        let is_known = self
            .gaps
            .iter()
            .any(|it| it.pattern == given.pattern && it.from == given.from && it.to == given.to);
        ensure!(!is_known, "{gap:?} came twice");
        self.enter_epoch(given.to.0)?;
        self.gaps.push(given);
        Ok(())
    }

    /// Takes in its position, up to which everything is said to be delivered.
    pub(super) fn enter_claim(&mut self, position: Option<Position>) {
        self.turn += 1;
        self.claims.extend(position.map(|position| (self.turn, place(position))));
    }

    pub(super) fn enter_end(&mut self, position: Option<Position>) -> Result<()> {
        self.enter_claim(position);
        ensure!(self.ended.is_none(), "it ended twice");
        self.ended = Some(position.map(place));
        Ok(())
    }

    /// An epoch that was left does not come back.
    fn enter_epoch(&mut self, epoch: u64) -> Result<()> {
        if self.epochs.last() != Some(&epoch) {
            ensure!(!self.epochs.contains(&epoch), "an earlier epoch came back: {epoch}");
            self.epochs.push(epoch);
        }
        Ok(())
    }

    /// Checks, once nothing more is owed, that nothing was lost in silence.
    pub(super) fn check(&self, truth: &Truth, keeps_all: bool) -> Result<()> {
        for (number, epoch) in self.epochs.iter().enumerate() {
            let is_last = number + 1 == self.epochs.len();
            let is_owed = |offset, channel: &str| {
                number > 0 || offset > self.start_in(*epoch, channel, truth, keeps_all)
            };
            for pattern in &self.patterns {
                let upto = self.end_in(pattern, *epoch, is_last)?;
                self.check_owed(pattern, (*epoch, upto), truth, is_owed)?;
                self.check_claims(pattern, *epoch, truth, is_owed)?;
            }
        }
        self.gaps.iter().try_for_each(|gap| self.check_gap(gap, truth))
    }

    /// After which offset it was owed all of a channel in its first epoch.
    fn start_in(&self, epoch: u64, channel: &str, truth: &Truth, keeps_all: bool) -> u64 {
        if let Some((_, offset)) = self.start {
            return offset;
        }
        let is_all = matches!(self.beginning, Beginning::Earliest | Beginning::Hour);
        let begun = self.begun.filter(|((it, _), _)| *it == epoch);
        let begun = begun.map(|((_, offset), head)| if is_all { head } else { offset });
        match is_all && keeps_all {
            true => 0,
            // What a channel had lost by then is owed to nobody, and each channel has lost something else.
            false => {
                let mut given = self.given.range((epoch, 0)..=(epoch, u64::MAX));
                let is_of =
                    |(place, _): &(&Place, &usize)| !is_all || truth.is_of(**place, channel);
                let first = given.find(is_of).map(|((_, offset), _)| offset.saturating_sub(1));
                first.into_iter().chain(begun).min().unwrap_or(u64::MAX)
            }
        }
    }

    /// Up to which offset a pattern is owed everything in an epoch.
    fn end_in(&self, pattern: &str, epoch: u64, is_last: bool) -> Result<u64> {
        if is_last {
            return Ok(match self.ended {
                None => u64::MAX,
                Some(Some((it, offset))) if it == epoch => offset,
                Some(_) => 0,
            });
        }
        let mut gaps = self.gaps.iter().filter(|gap| gap.pattern == pattern && gap.to.0 != epoch);
        let said = gaps.find_map(|gap| gap.from.filter(|(it, _)| *it == epoch));
        // A subscription that ended may have a notice for some of its patterns only.
        match said {
            Some((_, offset)) => Ok(offset),
            None if self.ended.is_some() => Ok(0),
            None => None.with_context(|| {
                format!("{pattern}: the epoch of {} is over, and nobody said so", spell((epoch, 0)))
            }),
        }
    }
}

#[cfg(test)]
mod tests;
