//! The files as the store's own type, and the tables in them.

use super::{
    Disks, StoreError,
    adapter::Adapter,
    blocks::{self, Blocks},
    caught,
};
use crate::Disk;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    TableDefinition, WriteTransaction,
};
use std::{fmt, sync::Arc};

/// The rows' file, as far as it can be opened.
#[derive(Default)]
pub(super) enum Rows {
    Whole(Database),
    /// Where the store notes what is in use, it is damaged: nothing can be written.
    Readable(ReadOnlyDatabase),
    #[default]
    Closed,
}

impl Rows {
    pub(super) fn open(rows_file: &RowsFile) -> Result<Self, StoreError> {
        rows_file.open().map(Self::Whole).or_else(|_| rows_file.open_to_read().map(Self::Readable))
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The number of the first row of the journal that is not checkpointed.
    pub(super) fn checkpointed(&self) -> Result<u64, StoreError> {
        caught(|| {
            let checkpointed = self.begin_read()?.open_table(CHECKPOINT)?.get(())?;
            let damaged =
                || redb::Error::Corrupted("the number of the last checkpoint is missing".into());
            Ok(checkpointed.ok_or_else(damaged)?.value())
        })
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        match self {
            Self::Whole(database) => Ok(database.begin_read()?),
            Self::Readable(database) => Ok(database.begin_read()?),
            Self::Closed => Err(redb::Error::DatabaseClosed),
        }
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        match self {
            Self::Whole(database) => Ok(begin_quick(database)?),
            Self::Readable(_) | Self::Closed => Err(redb::Error::DatabaseClosed),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Readable(_) => "Readable",
            Self::Closed => "Closed",
        })
    }
}

/// Where the rows are: on one of two disks, as they move to the other when theirs is damaged.
#[derive(Clone, Debug)]
pub(super) struct RowsFile {
    pub(super) disk: Arc<dyn Disk>,
    /// What is there next.
    other: Arc<dyn Disk>,
    generation: u64,
}

impl RowsFile {
    /// Finds the newer of the two files of rows, or creates one.
    pub(super) fn find(disks: &Disks) -> Result<Self, StoreError> {
        let rows_file = |disk: &Arc<dyn Disk>, other: &Arc<dyn Disk>, generation| Self {
            disk: Arc::clone(disk),
            other: Arc::clone(other),
            generation,
        };
        let (rows, spare) = (&disks.rows, &disks.spare);
        match (blocks::generation(&**rows)?, blocks::generation(&**spare)?) {
            (None, None) => {
                let new = rows_file(rows, spare, 0);
                new.make()?;
                new.complete(0)
            }
            (found, newer) if newer > found => Ok(rows_file(spare, rows, newer.unwrap_or(1))),
            (found, _) => Ok(rows_file(rows, spare, found.unwrap_or(1))),
        }
    }

    /// Where rows are moved. They do not count before [`RowsFile::replace`].
    pub(super) fn next(&self) -> Self {
        let (disk, other) = (Arc::clone(&self.other), Arc::clone(&self.disk));
        Self { disk, other, generation: 0 }
    }

    /// Makes new and empty rows.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        self.disk.set_len(0)?;
        caught(|| {
            let database = Builder::new().create_with_backend(self.backend())?;
            let write = begin_quick(&database)?;
            write.open_table(ROWS)?;
            write.open_table(CHECKPOINT)?.insert((), 0)?;
            Ok(write.commit()?)
        })
    }

    /// Has what was moved here count from now on, instead of what is in `before`.
    pub(super) fn replace(self, before: &Self) -> Result<Self, StoreError> {
        self.complete(before.generation)
    }

    fn complete(self, before: u64) -> Result<Self, StoreError> {
        let generation = before + 1;
        blocks::promote(&*self.disk, generation)?;
        Ok(Self { generation, ..self })
    }

    pub(super) fn open(&self) -> Result<Database, StoreError> {
        caught(|| {
            let mut builder = Builder::new();
            let database =
                builder.set_cache_size(ROWS_CACHE_BYTES).create_with_backend(self.backend())?;
            database.begin_read()?.open_table(CHECKPOINT)?;
            Ok(database)
        })
    }

    /// Opens for reading only what has been committed, even if it cannot be found out where there is room to write.
    pub(super) fn open_to_read(&self) -> Result<ReadOnlyDatabase, StoreError> {
        caught(|| {
            let mut builder = Builder::new();
            builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
            builder.set_cache_size(ROWS_CACHE_BYTES);
            Ok(builder.open_read_only_with_backend(self.backend())?)
        })
    }

    fn backend(&self) -> Blocks {
        Blocks::new(Arc::clone(&self.disk), self.generation)
    }
}

/// Opens the journal, or makes it. It is checked whole: it is small.
pub(super) fn open_journal(disk: &Arc<dyn Disk>) -> Result<Database, StoreError> {
    let mut name = [0; 8];
    // The store writes its name last: without it, what is there was never made.
    if disk.len()? > 0 && disk.read(0, &mut name).is_ok() && name == [0; 8] {
        disk.set_len(0)?;
    }
    caught(|| {
        let mut builder = Builder::new();
        builder.set_cache_size(JOURNAL_CACHE_BYTES).set_check_integrity_on_open(true);
        let journal = builder.create_with_backend(Adapter::new(Arc::clone(disk)))?;
        // Nothing is written to what is whole: it opens on a full disk, too.
        if journal.begin_read()?.list_tables()?.next().is_none() {
            let write = journal.begin_write()?;
            write.open_table(JOURNAL)?;
            write.commit()?;
        }
        Ok(journal)
    })
}

/// Begins a commit after which no check is needed.
pub(super) fn begin_quick(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    Ok(write)
}

pub(super) const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
pub(super) const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");

/// The number of the first row of the journal that is not in the rows.
pub(super) const CHECKPOINT: TableDefinition<'_, (), u64> = TableDefinition::new("settled");

/// Pages kept in memory, those being written included.
const ROWS_CACHE_BYTES: usize = 64 << 20;

/// As much as the journal holds before a checkpoint, and what replaces it.
const JOURNAL_CACHE_BYTES: usize = 16 << 20;
