//! Moving what can be read of damaged rows to the other disk.

use super::{
    Order, Store, StoreError, blocks, caught,
    databases::{CHECKPOINT, ROWS, Rows, RowsFile, begin_quick},
};
use redb::Database;
use std::ops::{Bound, ControlFlow};

impl Store {
    /// Whether rows have been found damaged, in this life or an earlier one, since they were moved.
    pub(crate) fn is_damaged(&self) -> bool {
        let inner = self.read();
        !inner.rows.is_whole() || blocks::is_marked_damaged(&*inner.rows_file.disk)
    }

    /// Moves what can be read, and returns in how many places something could not. O(rows).
    ///
    /// The damaged file stays as it is until the same happens to the new one.
    pub(crate) fn salvage(&self) -> Result<u64, StoreError> {
        let store = self.path.display();
        tracing::error!(%store, "the rows' file is damaged: moving what can be read to another");
        let before = self.read().rows_file.clone();
        let next = before.next();
        next.make()?;
        let (rows, holes) = self.move_rows(&next)?;
        if rows == 0 {
            return Err(StoreError::Unreadable);
        }
        let mut inner = self.write();
        inner.rows = Rows::Closed;
        inner.holes.clear();
        inner.rows_file = next.replace(&before)?;
        inner.open_rows(&self.path, self.clock.now());
        tracing::error!(%store, rows, holes, "the rows were moved; what was in the holes is lost");
        Ok(holes)
    }

    /// Returns how many rows were moved, and in how many places some may be missing.
    fn move_rows(&self, rows_file: &RowsFile) -> Result<(u64, u64), StoreError> {
        let database = rows_file.open()?;
        let (mut rows, mut holes, mut from) = (0, 0, Bound::Unbounded);
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            let upto = Bound::Unbounded;
            self.scan(from.as_ref().map(Vec::as_slice), upto, Order::Ascending, |row| {
                let Some(value) = row.value else {
                    holes += 1;
                    return ControlFlow::Continue(());
                };
                bytes += row.key.len() + value.len();
                batch.push((row.key.to_vec(), value.to_vec()));
                if bytes < BATCH_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            rows += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            self.write_batch(&database, &batch)?;
            let Some((last, _)) = batch.pop() else { return Ok((rows, holes)) };
            from = Bound::Excluded(last);
        }
    }

    fn write_batch(
        &self,
        database: &Database,
        batch: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let checkpointed = self.read().checkpointed;
        caught(|| {
            let write = begin_quick(database)?;
            write.open_table(CHECKPOINT)?.insert((), checkpointed)?;
            let mut rows = write.open_table(ROWS)?;
            for (key, value) in batch {
                rows.insert(key.as_slice(), value.as_slice())?;
            }
            drop(rows);
            Ok(write.commit()?)
        })
    }
}

/// What is held in memory and committed at once.
const BATCH_BYTES: usize = 8 << 20;
