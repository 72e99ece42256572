//! All rows as they are at one moment, read while others write.

use super::{
    Order, Store, StoreError, caught,
    databases::{CHECKPOINT, ROWS},
    ordering::{last_checkpointed, of_pending},
    rows::{Table, checkpointed, merge},
};
use std::{
    collections::BTreeMap,
    fmt,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

/// The rows of one moment. Pages that it still needs are not used again, so the file may grow
/// while there is one.
pub(crate) struct Snapshot {
    store: Arc<Store>,
    table: Table,
    /// What was not checkpointed yet; no value for what is removed.
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// How often the rows had been opened. Once they are opened again, the file does not know this reader any more.
    openings: u64,
    /// Everything up to this key has been read.
    after: Option<Vec<u8>>,
}

impl Store {
    /// Everything that is committed now.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Result<Snapshot, StoreError> {
        let inner = self.read();
        let (table, checkpointed, last) = caught(|| {
            let read = inner.rows.begin_read()?;
            let checkpointed =
                read.open_table(CHECKPOINT)?.get(())?.map(|checkpointed| checkpointed.value());
            let table = read.open_table(ROWS)?;
            let last = last_checkpointed(&table)?;
            Ok((table, checkpointed, last))
        })?;
        // Just checkpointed, and not noted yet: then the rows have all of it, and perhaps newer changes.
        let is_checkpointed =
            checkpointed.is_none_or(|checkpointed| checkpointed > inner.checkpointed);
        let mut pending = BTreeMap::new();
        if !is_checkpointed {
            let all = inner.pending.range((Bound::Unbounded, Bound::Unbounded));
            pending.extend(all.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))));
            // Settling would have made these. In a copy nobody can, as its rows come in another order.
            let order = of_pending(last, &inner.pending);
            pending.extend(order.iter().map(|block| (block.key(), Some(block.encode()))));
        }
        let openings = inner.openings;
        drop(inner);
        Ok(Snapshot { store: Arc::clone(self), table, pending, openings, after: None })
    }
}

impl Snapshot {
    /// The next rows in order, about `bytes` of them; none at the end.
    pub(crate) fn next_rows(&mut self, bytes: usize) -> Result<Vec<OwnedRow>, StoreError> {
        let (mut rows, mut left) = (Vec::new(), bytes);
        let from = self.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let bounds = (from, Bound::Unbounded);
        caught(|| {
            let pending = self.pending.range::<[u8], _>(bounds);
            let pending = pending.map(|(key, value)| (key.as_slice(), value.as_deref()));
            let checkpointed = checkpointed(&self.table, bounds, &[], Order::Ascending);
            let merged = merge(checkpointed, pending, Order::Ascending, &mut |row| {
                let Some(value) = row.value else { return ControlFlow::Continue(()) };
                rows.push((row.key.to_vec(), value.to_vec()));
                left = left.saturating_sub(row.key.len() + value.len());
                if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            merged.map_err(|(error, _)| error.into())
        })?;
        if self.store.read().openings != self.openings {
            return Err(StoreError::Reopened);
        }
        if let Some((last, _)) = rows.last() {
            self.after = Some(last.clone());
        }
        Ok(rows)
    }

    /// Where the store is, for messages.
    pub(crate) fn path(&self) -> impl fmt::Display {
        self.store.path.display()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Snapshot of {}", self.path())
    }
}

/// Key and value.
type OwnedRow = (Vec<u8>, Vec<u8>);
