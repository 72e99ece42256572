//! Reading rows while others write, and around those that cannot be read.

use super::{
    Order, RETRY, Row, Rows, Store, StoreError, blocks, caught,
    databases::ROWS,
    holes, probe,
    rows::{checkpointed, merge},
};
use std::ops::{Bound, ControlFlow};

impl Store {
    /// The value of a row.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // Somebody else's damage fails the first attempt, too.
        self.find_once(key).or_else(|_| self.find_once(key))
    }

    fn find_once(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.read();
        if let Some(pending) = inner.pending.find(key) {
            return Ok(pending.map(<[u8]>::to_vec));
        }
        let found = caught(|| {
            let table = inner.rows.begin_read()?.open_table(ROWS)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        });
        let openings = inner.openings;
        drop(inner);
        found.inspect_err(|_| self.reopen_rows(openings))
    }

    /// Shows the rows of a range to `visit` until it has seen enough. O(log rows) for the first.
    pub(crate) fn scan(
        &self,
        from: Bound<&[u8]>,
        upto: Bound<&[u8]>,
        order: Order,
        mut visit: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.forget_holes();
        let (mut from, mut upto) = (from.map(<[u8]>::to_vec), upto.map(<[u8]>::to_vec));
        let mut attempts = 0..ATTEMPTS;
        loop {
            let bounds = (from.as_ref().map(Vec::as_slice), upto.as_ref().map(Vec::as_slice));
            let Err((error, openings, last)) = self.scan_once(bounds, order, &mut visit) else {
                return Ok(());
            };
            if let Some(last) = last {
                attempts = 0..ATTEMPTS;
                match order {
                    Order::Ascending => from = Bound::Excluded(last),
                    Order::Descending => upto = Bound::Excluded(last),
                }
            }
            let begin = if order == Order::Ascending { &from } else { &upto };
            let begin = begin.as_ref().map(Vec::as_slice);
            if attempts.next().is_none() || !self.pass_by(begin, order, openings)? {
                return Err(error);
            }
        }
    }

    /// One attempt. Fails with how often the rows had been opened, and the key of the last row shown.
    fn scan_once(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        order: Order,
        visit: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), (StoreError, u64, Option<Vec<u8>>)> {
        let (inner, mut last) = (self.read(), None);
        let scanned = caught(|| {
            let table = inner.rows.begin_read()?.open_table(ROWS)?;
            let checkpointed = checkpointed(&table, bounds, &inner.holes, order);
            let pending = inner.pending.range(bounds);
            let merged = match order {
                Order::Ascending => merge(checkpointed, pending, order, visit),
                Order::Descending => merge(checkpointed, pending.rev(), order, visit),
            };
            merged.map_err(|(error, shown)| {
                last = shown;
                error.into()
            })
        });
        scanned.map_err(|error| (error, inner.openings, last))
    }

    /// Opens the rows again, and records the hole into which a read from `from` on runs, if there is one. Returns whether
    /// another attempt makes sense.
    fn pass_by(&self, from: Bound<&[u8]>, order: Order, openings: u64) -> Result<bool, StoreError> {
        let mut inner = self.write();
        if inner.openings != openings {
            return Ok(true);
        }
        let now = self.clock.now();
        if inner.is_resting(now) {
            return Ok(false);
        }
        inner.rows = Rows::Closed;
        let found = probe::find_hole(&inner.rows_file, from, order);
        let now = self.clock.now();
        inner.open_rows(&self.path, now);
        if let Some(hole) = found? {
            if self.damage.should_log(now) {
                let store = self.path.display();
                tracing::error!(%store, "a part of the rows' file cannot be read");
            }
            holes::add(&mut inner.holes, hole);
            inner.holes_found = now;
        }
        Ok(inner.holes.len() <= HOLES_MAX)
    }

    /// Allows holes to be read again if no damage is known: the disk may have failed only for a moment.
    fn forget_holes(&self) {
        let inner = self.read();
        let is_due = !inner.holes.is_empty()
            && self.clock.now().saturating_duration_since(inner.holes_found) >= RETRY;
        if is_due && !blocks::is_marked_damaged(&*inner.rows_file.disk) {
            drop(inner);
            self.write().holes.clear();
        }
    }
}

/// How often a read without progress is tried: damage that another read has met fails it too.
const ATTEMPTS: u64 = 8;

/// Beyond this number of holes, reading does not continue before the rows have been moved.
const HOLES_MAX: usize = 1_024;
