//! The checks of a record against the whole truth.

use super::{GapGiven, Record};
use crate::clients::truth::{Place, Truth, selects, spell};
use anyhow::{Result, bail, ensure};

impl Record {
    /// Everything owed that `pattern` selects was given, or said to be lost before what follows it was given.
    pub(super) fn check_owed(
        &self,
        pattern: &str,
        (epoch, upto): Place,
        truth: &Truth,
        is_owed: impl Fn(u64, &str) -> bool,
    ) -> Result<()> {
        let owed = truth.between(epoch, 0, upto);
        let owed = owed.filter(|(offset, it)| selects(pattern, it) && is_owed(*offset, it));
        for (offset, channel) in owed {
            if self.has((epoch, offset)) {
                continue;
            }
            let mut later = self.given.range((epoch, offset)..=(epoch, u64::MAX));
            let by = later.find(|((_, at), _)| {
                truth.between(epoch, at - 1, *at).any(|(_, it)| selects(pattern, it))
            });
            let before = by.map_or(usize::MAX, |(_, turn)| *turn);
            if !self.is_reported(pattern, (epoch, offset), before) {
                bail!(
                    "{pattern}: {} of {channel} is lost, and nobody said so in time",
                    spell((epoch, offset))
                );
            }
        }
        Ok(())
    }

    /// Whenever it said that it had everything up to a position, it had.
    pub(super) fn check_claims(
        &self,
        pattern: &str,
        epoch: u64,
        truth: &Truth,
        is_owed: impl Fn(u64, &str) -> bool,
    ) -> Result<()> {
        for (turn, (_, upto)) in self.claims.iter().filter(|(_, (it, _))| *it == epoch) {
            let missing = truth.between(epoch, 0, *upto).find(|(offset, channel)| {
                let place = (epoch, *offset);
                selects(pattern, channel)
                    && is_owed(*offset, channel)
                    && self.given.get(&place).is_none_or(|given| given > turn)
                    && !self.is_reported(pattern, place, *turn)
            });
            if let Some((offset, channel)) = missing {
                bail!(
                    "{pattern}: its position was {} before it had {} of {channel}",
                    spell((epoch, *upto)),
                    spell((epoch, offset))
                );
            }
        }
        Ok(())
    }

    /// Something that a gap notice covers is really missing.
    pub(super) fn check_gap(&self, gap: &GapGiven, truth: &Truth) -> Result<()> {
        let (epoch, to) = gap.to;
        let Some((_, from)) = gap.from.filter(|(it, _)| *it == epoch) else { return Ok(()) };
        let others = || self.patterns.iter().filter(|it| **it != gap.pattern);
        let is_real = truth.between(epoch, from, to).any(|(offset, channel)| {
            selects(&gap.pattern, channel)
                && (!self.has((epoch, offset)) || others().any(|it| selects(it, channel)))
        });
        ensure!(
            is_real,
            "{}: a gap from {} to {} was reported, and nothing is missing there",
            gap.pattern,
            spell((epoch, from)),
            spell((epoch, to))
        );
        Ok(())
    }

    /// Whether a gap notice before this turn covers the place.
    fn is_reported(&self, pattern: &str, (epoch, offset): (u64, u64), before: usize) -> bool {
        self.gaps.iter().any(|gap| {
            gap.pattern == pattern
                && gap.turn < before
                && gap.to.0 == epoch
                && offset <= gap.to.1
                && gap.from.is_none_or(|(it, from)| it != epoch || from < offset)
        })
    }
}
