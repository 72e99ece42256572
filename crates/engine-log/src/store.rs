//! Rows by key, written and removed together: with the files beside it, all that names the
//! store's own types.
//!
//! Every row bears a checksum over its key and value, so that a row is as it was written or told
//! to be damaged. A failed write closes the store and opens it again, since it takes nothing more
//! after one; what was committed stands then, and reading goes on. One thread writes, any may read.
//!
//! There are two files, and a few bytes in a third. Each commit is a row of the journal's, which is
//! small, so that checking it whole after a crash is quick and one sync a commit does. The rows'
//! file, which is large, notes with each settling what such a check would find, for a second sync;
//! but that is seldom.

mod adapter;
mod databases;
mod rows;
mod seal;

pub(crate) use rows::{Order, Row};

use crate::{
    Disk,
    pending::{Changes, Pending},
};
use databases::{Databases, JOURNAL, ROWS, SETTLED};
use redb::{Durability, ReadableDatabase};
use rows::merge;
use seal::{read_witness, seal_settled, sealed, unseal_settled, unsealed, write_witness};
use std::{
    io::ErrorKind,
    ops::{Bound, ControlFlow},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    disks: Disks,
    inner: RwLock<Inner>,
}

/// What a store is kept on: three files, as a rule.
#[derive(Clone, Debug)]
pub struct Disks {
    /// The newest commits. Every publish is written and synced here, once.
    pub journal: Arc<dyn Disk>,
    /// Everything older.
    pub rows: Arc<dyn Disk>,
    /// How many commits have been synced: so that one which is damaged is told from one which
    /// never was. Written after each sync and not synced itself.
    pub witness: Arc<dyn Disk>,
}

#[derive(Debug, Default)]
struct Inner {
    /// None after a failure, until it could be opened again.
    databases: Option<Databases>,
    pending: Pending,
    /// The number of the next row of the journal.
    next: u64,
    /// The rows of the journal below this number are settled.
    settled: u64,
    /// Whether commits were made that no sync has followed.
    is_loose: bool,
    /// Whether the rows must be settled before anything else: the journal has lost some of it.
    is_ahead: bool,
}

/// Why the store did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The disk has no room.
    #[error("no room left on the disk")]
    Full,
    /// The disk failed, or the file makes no sense.
    #[error("{0}")]
    Failed(String),
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until it survives a power cut.
    ForDisk,
    /// No: what crashes before the next that does takes this along.
    Not,
}

impl Store {
    /// Opens what is on the disks, or makes it, and tells how many commits of the journal are lost.
    pub(crate) fn open(disks: Disks) -> Result<(Self, u64), StoreError> {
        let databases = Databases::open(&disks)?;
        let mut inner = Inner::default();
        let mut lost = caught(|| inner.replay(&databases))?;
        inner.databases = Some(databases);
        let synced = read_witness(&*disks.witness);
        lost += synced.saturating_sub(inner.next);
        inner.next = inner.next.max(synced);
        Ok((Self { disks, inner: RwLock::new(inner) }, lost))
    }

    /// Makes all changes or none.
    pub(crate) fn commit(&self, mut changes: Changes, wait: Wait) -> Result<(), StoreError> {
        changes.each_put(|key, value| *value = sealed(key, std::mem::take(value)));
        if self.read().is_ahead {
            self.settle()?;
        }
        self.write_journal(&changes, wait).inspect_err(|_| self.reopen())?;
        let mut inner = self.write();
        inner.next += 1;
        if wait == Wait::ForDisk {
            write_witness(&*self.disks.witness, inner.next);
        }
        inner.is_loose = wait == Wait::Not;
        inner.pending.apply(changes);
        let is_ripe = inner.pending.is_ripe();
        drop(inner);
        if is_ripe && self.settle().is_err() {
            // The journal has it; the next commit tries again, and fails if this does.
            self.write().is_ahead = true;
        }
        Ok(())
    }

    /// Waits until everything committed so far survives a power cut.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        if self.read().is_ahead {
            // What the journal has lost would be missing from it, synced or not.
            return self.settle();
        }
        let flushed = caught(|| {
            let inner = self.read();
            Ok(inner.databases()?.journal.begin_write()?.commit()?)
        });
        flushed.inspect_err(|_| self.reopen())?;
        self.write().is_loose = false;
        Ok(())
    }

    /// Moves what the journal holds into the rows, and waits for the disk.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        let settled = caught(|| {
            let inner = self.read();
            let mut write = inner.databases()?.rows.begin_write()?;
            write.set_quick_repair(true);
            write.open_table(SETTLED)?.insert((), seal_settled(inner.next).as_slice())?;
            let mut rows = write.open_table(ROWS)?;
            for (key, value) in inner.pending.range((Bound::Unbounded, Bound::Unbounded)) {
                match value {
                    Some(value) => drop(rows.insert(key, value)?),
                    None => drop(rows.remove(key)?),
                }
            }
            drop(rows);
            Ok(write.commit()?)
        });
        settled.inspect_err(|_| self.reopen())?;
        let mut inner = self.write();
        inner.pending.clear();
        inner.settled = inner.next;
        (inner.is_ahead, inner.is_loose) = (false, false);
        Ok(())
    }

    /// The value of a row. A damaged one is an error.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        self.scan(Bound::Included(key), Bound::Included(key), Order::Ascending, |row| {
            found = Some(row.value.map(<[u8]>::to_vec));
            ControlFlow::Break(())
        })?;
        match found {
            Some(None) => Err(StoreError::Failed("a row is damaged".into())),
            Some(value) => Ok(value),
            None => Ok(None),
        }
    }

    /// Shows the rows of a range to `visit` until it has seen enough. O(log rows) for the first.
    pub(crate) fn scan(
        &self,
        from: Bound<&[u8]>,
        upto: Bound<&[u8]>,
        order: Order,
        mut visit: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        caught(|| {
            let inner = self.read();
            let table = inner.databases()?.rows.begin_read()?.open_table(ROWS)?;
            let settled = table.range::<&[u8]>((from, upto))?;
            let pending = inner.pending.range((from, upto));
            match order {
                Order::Ascending => merge(settled, pending, order, &mut visit),
                Order::Descending => merge(settled.rev(), pending.rev(), order, &mut visit),
            }
        })
    }

    fn write_journal(&self, changes: &Changes, wait: Wait) -> Result<(), StoreError> {
        caught(|| {
            let inner = self.read();
            let mut write = inner.databases()?.journal.begin_write()?;
            if wait == Wait::Not {
                write.set_durability(Durability::None)?;
            }
            let mut journal = write.open_table(JOURNAL)?;
            journal.retain_in(..inner.settled, |_, _| false)?;
            let sealed = sealed(&inner.next.to_be_bytes(), changes.encode());
            journal.insert(inner.next, sealed.as_slice())?;
            drop(journal);
            Ok(write.commit()?)
        })
    }

    /// Closes the store after a failure and opens it anew. Whoever reads waits meanwhile.
    fn reopen(&self) {
        let mut inner = self.write();
        inner.databases = None;
        inner.databases = Databases::open(&self.disks).ok();
        inner.is_ahead |= inner.is_loose;
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn databases(&self) -> Result<&Databases, redb::Error> {
        self.databases.as_ref().ok_or(redb::Error::DatabaseClosed)
    }

    /// Takes in the journal, and returns how many rows of it make no sense.
    fn replay(&mut self, databases: &Databases) -> Result<u64, redb::Error> {
        let Databases { journal, rows } = databases;
        let settled = rows.begin_read()?.open_table(SETTLED)?.get(())?;
        // Without it, commits that were answered might be taken for settled.
        let damaged = || redb::Error::Corrupted("what has been settled cannot be told".into());
        let settled = settled.and_then(|number| unseal_settled(number.value()));
        self.settled = settled.ok_or_else(damaged)?;
        self.next = self.settled;
        let mut lost = 0;
        for row in journal.begin_read()?.open_table(JOURNAL)?.range(self.settled..)? {
            let (number, value) = row?;
            self.next = number.value().saturating_add(1);
            let bytes = unsealed(&number.value().to_be_bytes(), value.value());
            match bytes.and_then(Changes::decode) {
                Some(changes) => self.pending.apply(changes),
                None => lost += 1,
            }
        }
        Ok(lost)
    }
}

/// Runs something of the store's. On a damaged file it may panic as well as fail.
fn caught<T>(act: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(StoreError::from),
        Err(_) => Err(StoreError::Failed("the store's file is damaged".into())),
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
                ) =>
            {
                Self::Full
            }
            other => Self::Failed(other.to_string()),
        }
    }
}
