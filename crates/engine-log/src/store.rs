//! Rows by key, written and removed together. Only this module and its descendants name types of the database.
//!
//! After a failed write the database accepts nothing more, so the file is closed and opened again. What was committed is
//! still there, and reading continues. One thread writes, any thread may read.
//!
//! There are four files, and the name of a fifth. The journal is small: each commit is a row of it, so a commit costs
//! one sync, and each opening can check the whole file. The file of the rows is large. It has checksums of its own
//! (`blocks`), and each checkpoint records what a check after a crash would find, which costs a second sync; checkpoints
//! are rare. The spare is empty until rows are damaged. The witness counts synced commits.
//!
//! A part that cannot be read is a hole: readers learn where it begins, and continue after it. The next opening moves
//! what can be read to the spare disk.

mod adapter;
mod blocks;
mod databases;
mod errors;
mod files;
mod holes;
mod ordering;
mod probe;
mod reading;
mod reserve;
mod rows;
mod salvage;
mod snapshot;
mod witness;

pub(crate) use errors::StoreError;
pub(crate) use rows::{Order, Row};
pub(crate) use snapshot::Snapshot;

use crate::{
    Disk, Generation, OpenError,
    clock::Clock,
    log_throttle::LogThrottle,
    metrics::LogMetrics,
    order,
    pending::{Changes, Pending},
};
use databases::{CHECKPOINT, JOURNAL, ROWS, Rows, RowsFile, open_journal};
use holes::Hole;
use ordering::last_checkpointed;
use redb::{Database, Durability, ReadableDatabase, ReadableTable};
use reserve::{RESERVED_PUTS_BYTES, keep_reserve, release_reserve};
use std::{
    fmt,
    ops::Bound,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};
use witness::{read_witness, write_witness};

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    disks: Disks,
    /// Where it is, for the log.
    path: PathBuf,
    clock: Clock,
    inner: RwLock<Inner>,
    /// Spots that cannot be read.
    damage: LogThrottle,
    /// A generation that cannot be kept.
    unmarked: LogThrottle,
    /// What is measured of whatever uses it.
    pub(crate) metrics: LogMetrics,
}

/// What a store is kept on: four files, as a rule, and the name of a fifth.
#[derive(Clone, Debug)]
pub struct Disks {
    /// The newest commits. Every publish is written and synced here, once.
    pub journal: Arc<dyn Disk>,
    /// Everything older.
    pub rows: Arc<dyn Disk>,
    /// Empty until rows are damaged. What can be read moves here then, and back the next time.
    pub spare: Arc<dyn Disk>,
    /// How many commits have been synced, to distinguish a damaged commit from one that never was. Written after each
    /// sync and not synced itself.
    pub witness: Arc<dyn Disk>,
    /// Kept beside them: shows whether they are an older copy.
    pub generation: Arc<dyn Generation>,
}

#[derive(Debug)]
struct Inner {
    /// None after a failure, until it could be opened again.
    journal: Option<Database>,
    rows: Rows,
    rows_file: RowsFile,
    /// What is known to be unreadable, in order,
    holes: Vec<Hole>,
    /// and when the newest of these was found.
    holes_found: Instant,
    /// How often the rows have been opened,
    openings: u64,
    /// when for the last time, and whether that failed.
    opened: Instant,
    closed: LogThrottle,
    pending: Pending,
    /// The number of the next row of the journal.
    next: u64,
    /// The rows of the journal below this number are checkpointed,
    checkpointed: u64,
    /// and those below this one certainly on disk.
    synced: u64,
    /// Whether a checkpoint must come before anything else: the journal is full, or has lost some
    /// of it.
    is_ahead: bool,
    /// Whether the rows hold changes of which it was said that they had failed.
    is_behind: bool,
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
    /// Opens or creates the store on the disks; also returns how many commits of the journal are lost.
    pub(crate) fn open(path: &Path, disks: Disks, clock: Clock) -> Result<(Self, u64), OpenError> {
        let of_rows = |error| OpenError::of_rows(path, error);
        let of_journal = |error| OpenError::of_journal(path, error);
        let rows_file = RowsFile::find(&disks).map_err(of_rows)?;
        let rows = Rows::open(&rows_file).map_err(of_rows)?;
        let (checkpointed, synced) =
            (rows.checkpointed().map_err(of_rows)?, read_witness(&*disks.witness));
        let journal = match open_journal(&disks.journal) {
            // Only what a quiet end has left is known to be in the rows.
            Err(why) if !why.is_full() && checkpointed > 0 && synced == checkpointed => {
                let store = path.display();
                tracing::warn!(%store, %why, "a new journal is created; all of it was in the rows");
                empty_journal(&disks.journal).map_err(of_journal)?
            }
            opened => opened.map_err(of_journal)?,
        };
        let now = clock.now();
        let mut inner = Inner {
            journal: None,
            rows,
            rows_file,
            holes: Vec::new(),
            holes_found: now,
            openings: 0,
            opened: now,
            closed: LogThrottle::default(),
            pending: Pending::default(),
            next: checkpointed,
            checkpointed,
            synced: checkpointed,
            is_ahead: false,
            is_behind: false,
        };
        let mut lost = caught(|| inner.replay(&journal)).map_err(of_journal)?;
        inner.journal = Some(journal);
        lost += synced.saturating_sub(inner.next);
        inner.next = inner.next.max(synced);
        inner.synced = inner.next;
        inner.check();
        keep_reserve(&*disks.witness);
        let (path, inner) = (path.to_path_buf(), RwLock::new(inner));
        let (damage, unmarked) = (LogThrottle::default(), LogThrottle::default());
        let metrics = LogMetrics::default();
        Ok((Self { disks, path, clock, inner, damage, unmarked, metrics }, lost))
    }

    /// Where it is, for the log.
    pub(crate) fn path(&self) -> impl fmt::Display {
        self.path.display()
    }

    /// Makes all changes or none.
    pub(crate) fn commit(&self, changes: Changes, wait: Wait) -> Result<(), StoreError> {
        self.read().check_in_step()?;
        if self.read().is_ahead {
            // Both at once: of rows that go before they are checkpointed none is written, and what
            // removes much needs little room.
            return self.checkpoint_or_make_room(&changes);
        }
        let written = self.write_journal(&changes, wait).inspect_err(|_| self.reopen_journal());
        if let Err(StoreError::Full) = written {
            return self.checkpoint_or_make_room(&changes).map_err(|_| StoreError::Full);
        }
        written?;
        let mut inner = self.write();
        inner.next += 1;
        if wait == Wait::ForDisk {
            write_witness(&*self.disks.witness, inner.next);
            inner.synced = inner.next;
        }
        inner.pending.apply(changes);
        inner.check();
        let is_ripe = inner.pending.is_ripe();
        drop(inner);
        if is_ripe {
            match self.checkpoint() {
                Ok(()) => {
                    keep_reserve(&*self.disks.witness);
                    self.renew_generation();
                }
                // The journal has it; the next commit tries again, and fails if this does.
                Err(_) => self.write().is_ahead = true,
            }
        }
        Ok(())
    }

    /// Waits until everything committed so far survives a power cut.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        if self.read().is_ahead {
            // What the journal has lost would be missing from it, synced or not.
            return self.checkpoint();
        }
        let flushed = caught(|| Ok(self.read().journal()?.begin_write()?.commit()?));
        flushed.inspect_err(|_| self.reopen_journal())
    }

    /// Moves what the journal holds into the rows, and waits for the disk.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        self.checkpoint_with(&Changes::default())
    }

    /// Settles with changes; where there is no room, with the reserve, if that is enough for them.
    fn checkpoint_or_make_room(&self, changes: &Changes) -> Result<(), StoreError> {
        let checkpointed = self.checkpoint_with(changes);
        let is_full = matches!(checkpointed, Err(StoreError::Full));
        if is_full && self.fits_reserve(changes) && release_reserve(&*self.disks.witness) {
            return self.checkpoint_with(changes);
        }
        checkpointed
    }

    /// Whether so little is to be put that the pages it takes are a few.
    fn fits_reserve(&self, changes: &Changes) -> bool {
        let inner = self.read();
        let puts = inner
            .checkpoint_changes(changes)
            .filter_map(|(key, value)| Some(key.len() + value?.len()));
        puts.sum::<usize>() < RESERVED_PUTS_BYTES
    }

    /// Settles, and makes changes that are not in the journal. They have a number of it, so that
    /// whatever a failed attempt has left there under this number is not taken for newer.
    fn checkpoint_with(&self, changes: &Changes) -> Result<(), StoreError> {
        let inner = self.read();
        inner.check_in_step()?;
        let (openings, next) = (inner.openings, inner.next + u64::from(!changes.is_empty()));
        let checkpointed = caught(|| {
            let write = inner.rows.begin_write()?;
            write.open_table(CHECKPOINT)?.insert((), next)?;
            let mut rows = write.open_table(ROWS)?;
            let order = order::blocks(last_checkpointed(&rows)?, inner.checkpoint_changes(changes));
            for block in order {
                rows.insert(block.key().as_slice(), block.encode().as_slice())?;
            }
            for (key, value) in inner.checkpoint_changes(changes) {
                match value {
                    Some(value) => drop(rows.insert(key, value)?),
                    None => drop(rows.remove(key)?),
                }
            }
            drop(rows);
            Ok(write.commit()?)
        });
        drop(inner);
        if let Err(error) = checkpointed {
            self.reopen_rows(openings);
            let mut inner = self.write();
            // Until they are open nobody knows whether they hold the changes, under a number that the
            // journal must not give again.
            inner.is_ahead |= !changes.is_empty() && matches!(inner.rows, Rows::Closed);
            return Err(error);
        }
        let mut inner = self.write();
        inner.pending.clear();
        // Rows may have come between those at their edges.
        inner.holes.clear();
        (inner.next, inner.checkpointed, inner.synced) = (next, next, next);
        inner.check();
        if inner.journal.is_none() {
            // Nothing of it is needed now, whatever is wrong with it.
            inner.journal = empty_journal(&self.disks.journal).ok();
        }
        // Without a journal the rows take each commit.
        inner.is_ahead = inner.journal.is_none();
        Ok(())
    }

    fn write_journal(&self, changes: &Changes, wait: Wait) -> Result<(), StoreError> {
        caught(|| {
            let inner = self.read();
            let mut write = inner.journal()?.begin_write()?;
            if wait == Wait::Not {
                write.set_durability(Durability::None)?;
            }
            let mut journal = write.open_table(JOURNAL)?;
            journal.retain_in(..inner.checkpointed, |_, _| false)?;
            journal.insert(inner.next, changes.encode().as_slice())?;
            drop(journal);
            Ok(write.commit()?)
        })
    }

    /// Closes the journal after a failure and opens it again.
    fn reopen_journal(&self) {
        let mut inner = self.write();
        inner.journal = None;
        inner.journal = open_journal(&self.disks.journal).ok();
        // What no sync has followed is lost to it, and what has been damaged.
        let end = inner.journal.as_ref().and_then(|journal| journal_end(journal).ok());
        let end = end.map(|end| end.unwrap_or(inner.checkpointed));
        inner.is_ahead |= end.is_none_or(|end| end < inner.next);
    }

    /// Closes the rows after a failure and opens them again, unless another thread has.
    fn reopen_rows(&self, openings: u64) {
        let mut inner = self.write();
        let now = self.clock.now();
        if inner.openings == openings && !inner.is_resting(now) {
            inner.rows = Rows::Closed;
            inner.open_rows(&self.path, now);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Checks in debug builds that no row of the journal counts as further than it is.
    fn check(&self) {
        debug_assert!(self.checkpointed <= self.synced, "what is checkpointed is on disk");
        debug_assert!(self.synced <= self.next, "what is on disk was committed");
    }

    fn journal(&self) -> Result<&Database, redb::Error> {
        self.journal.as_ref().ok_or(redb::Error::DatabaseClosed)
    }

    /// What a checkpoint puts and removes: what is pending, with later changes in its place.
    fn checkpoint_changes<'a>(
        &'a self,
        changes: &'a Changes,
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let pending = self.pending.range((Bound::Unbounded, Bound::Unbounded));
        pending.filter(|(key, _)| !changes.has(key)).chain(changes.iter())
    }

    /// What failed before they were closed must not be held any longer.
    fn open_rows(&mut self, path: &Path, now: Instant) {
        let store = path.display();
        match Rows::open(&self.rows_file) {
            Ok(rows) => {
                self.rows = rows;
                if self.closed.has_ended() {
                    tracing::info!(%store, "the rows' file is open again");
                }
            }
            Err(error) => {
                self.rows = Rows::Closed;
                if self.closed.should_log(now) {
                    tracing::error!(%store, %error, "the rows' file cannot be opened again; trying");
                }
            }
        }
        self.openings += 1;
        self.opened = now;
        self.is_behind |=
            self.rows.checkpointed().is_ok_and(|checkpointed| checkpointed > self.next);
    }

    /// Whether opening them has failed only just now.
    fn is_resting(&self, now: Instant) -> bool {
        matches!(self.rows, Rows::Closed) && now.saturating_duration_since(self.opened) < RETRY
    }

    /// After a sync that failed, what it should have made last may be there, and nobody knows of it.
    fn check_in_step(&self) -> Result<(), StoreError> {
        match self.is_behind {
            true => Err(StoreError::OutOfStep),
            false => Ok(()),
        }
    }

    /// Takes in the journal, and returns how many rows of it are missing or make no sense.
    fn replay(&mut self, journal: &Database) -> Result<u64, redb::Error> {
        let mut lost = 0;
        for row in journal.begin_read()?.open_table(JOURNAL)?.range(self.checkpointed..)? {
            let (number, value) = row?;
            lost += number.value().saturating_sub(self.next);
            self.next = number.value().saturating_add(1);
            match Changes::decode(value.value()) {
                Some(changes) => self.pending.apply(changes),
                None => lost += 1,
            }
        }
        Ok(lost)
    }
}

fn empty_journal(disk: &Arc<dyn Disk>) -> Result<Database, StoreError> {
    disk.set_len(0)?;
    open_journal(disk)
}

/// One more than the number of the newest row of the journal, if it has any.
fn journal_end(journal: &Database) -> Result<Option<u64>, StoreError> {
    caught(|| {
        let table = journal.begin_read()?.open_table(JOURNAL)?;
        Ok(table.last()?.map(|(number, _)| number.value().saturating_add(1)))
    })
}

/// Runs something of the store's. On a damaged file it may panic as well as fail.
fn caught<T>(act: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(StoreError::from),
        Err(_) => Err(StoreError::Damaged),
    }
}

/// What could not be opened or read is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);
