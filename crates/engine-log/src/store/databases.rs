//! The two files as the store's own type, and the tables in them.

use super::{Disks, StoreError, adapter::Adapter, caught, seal::seal_settled};
use crate::Disk;
use redb::{Database, ReadableDatabase, TableDefinition};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Databases {
    pub(super) journal: Database,
    pub(super) rows: Database,
}

impl Databases {
    pub(super) fn open(disks: &Disks) -> Result<Self, StoreError> {
        let open = |disk: &Arc<dyn Disk>, cache_bytes| {
            let backend = Adapter::new(Arc::clone(disk));
            Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)
        };
        caught(|| {
            let rows = open(&disks.rows, ROWS_CACHE_BYTES)?;
            let journal = open(&disks.journal, JOURNAL_CACHE_BYTES)?;
            let databases = Self { journal, rows };
            // Nothing is written to what is whole: it opens on a full disk, too.
            if databases.rows.begin_read()?.list_tables()?.next().is_none() {
                databases.make_tables()?;
            }
            Ok(databases)
        })
    }

    /// The rows' tables last: while they are missing, this is done again.
    fn make_tables(&self) -> Result<(), redb::Error> {
        let write = self.journal.begin_write()?;
        write.open_table(JOURNAL)?;
        write.commit()?;
        let mut write = self.rows.begin_write()?;
        write.set_quick_repair(true);
        write.open_table(ROWS)?;
        write.open_table(SETTLED)?.insert((), seal_settled(0).as_slice())?;
        Ok(write.commit()?)
    }
}

pub(super) const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
pub(super) const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");

/// The number of the first row of the journal that is not in the rows.
pub(super) const SETTLED: TableDefinition<'_, (), &[u8]> = TableDefinition::new("settled");

/// Pages kept in memory, those being written included.
const ROWS_CACHE_BYTES: usize = 64 << 20;

/// As much as the journal holds before it is settled, and what replaces it.
const JOURNAL_CACHE_BYTES: usize = 16 << 20;
