//! Blocks of the log's order: in the rows, or still to be made of what is pending.

use super::{Order, Row, Store, StoreError, caught, databases::ROWS};
use crate::{
    layout::{self, Progress},
    order::{Block, blocks},
    pending::Pending,
};
use redb::{ReadableTable, StorageError};
use std::ops::{Bound, ControlFlow};

impl Store {
    /// The first block that reaches beyond `after`, which may begin later.
    pub(crate) fn order_after(&self, after: u64) -> Result<Option<Block>, StoreError> {
        // What is pending at the first look may be in the rows at the second.
        for _ in 0..2 {
            let checkpointed = self.checkpointed_after(after)?;
            if checkpointed.is_some() {
                return Ok(checkpointed);
            }
            let pending = self.pending_after(after)?;
            if pending.is_some() {
                return Ok(pending);
            }
        }
        Ok(None)
    }

    fn checkpointed_after(&self, after: u64) -> Result<Option<Block>, StoreError> {
        let (from, upto) = (layout::order(after.saturating_add(1)), layout::order(u64::MAX));
        let mut found = None;
        let find = |row: Row<'_>| {
            // One that cannot be read, or makes no sense, is missing.
            found = row.value.and_then(Block::decode);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, find)?;
        Ok(found)
    }

    fn pending_after(&self, after: u64) -> Result<Option<Block>, StoreError> {
        let inner = self.read();
        let checkpointed =
            caught(|| Ok(last_checkpointed(&inner.rows.begin_read()?.open_table(ROWS)?)?))?;
        Ok(of_pending(after.max(checkpointed), &inner.pending).into_iter().next())
    }
}

/// What a checkpoint has to put beside what is pending, after offset `after`.
pub(super) fn of_pending(after: u64, pending: &Pending) -> Vec<Block> {
    blocks(after, pending.range((Bound::Unbounded, Bound::Unbounded)))
}

/// The newest offset of which the rows know whatever there is to be known.
pub(super) fn last_checkpointed(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<u64, StorageError> {
    let progress = rows.get(layout::progress().as_slice())?;
    if let Some(progress) = progress.and_then(|value| Progress::decode(value.value())) {
        return Ok(progress.last);
    }
    // Only while a store is restored.
    let (from, upto) = (layout::order(0), layout::order(u64::MAX));
    let newest = rows.range(from.as_slice()..=upto.as_slice())?.next_back().transpose()?;
    Ok(newest.and_then(|(key, _)| layout::offset_of(key.value())).unwrap_or(0))
}
