//! The engine as the server sees it: a queue to the committer.

use crate::{
    LogStats, OpenError, Settings,
    clock::Clock,
    committer::{self, Committer},
    disk::{FILES, FileDisk, JOURNAL_FILE, ROWS_FILE, SPARE_FILE, WITNESS_FILE},
    identity::FolderGeneration,
    opening,
    queue::{Queue, Request, answer},
    store::{Disks, Store},
};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tidewire_broker::{Broker, Draft, Engine, Permit, Publishing};

/// The engine `log`: messages survive the process. Dropping it closes it.
#[derive(Debug)]
pub struct LogEngine {
    queue: Arc<Queue>,
    pub(crate) store: Arc<Store>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl LogEngine {
    /// Opens the store in `directory`, or makes it, and the broker that its readers read.
    ///
    /// O(channels), however many messages there are. `now_ms`, milliseconds since the Unix epoch,
    /// becomes the epoch of a new store.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(
        directory: &Path,
        settings: Settings,
        now_ms: u64,
    ) -> Result<(Self, Broker), OpenError> {
        let files = FILES.map(|name| directory.join(name));
        let new: Vec<_> = files.into_iter().filter(|path| !path.exists()).collect();
        let is_new = !directory.exists();
        let opened =
            open_files(directory).and_then(|disks| Self::start(directory, disks, settings, now_ms));
        if opened.is_err() {
            // It stays as it was found, so that the next start judges the same.
            if new.contains(&directory.join(ROWS_FILE)) {
                FolderGeneration(directory.to_path_buf()).remove();
            }
            new.iter().for_each(|path| drop(fs::remove_file(path)));
            if is_new {
                let _ = fs::remove_dir(directory);
            }
        }
        opened
    }

    /// The same on disks of one's own.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_on(
        disks: Disks,
        settings: Settings,
        now_ms: u64,
    ) -> Result<(Self, Broker), OpenError> {
        Self::start(Path::new("the disk"), disks, settings, now_ms)
    }

    /// Applies age limits, by and by to all channels. Meant to be called about once a second.
    pub fn sweep(&self, now_ms: u64) {
        self.queue.sweep(now_ms);
    }

    /// What it stores, and how it does.
    pub fn stats(&self) -> LogStats {
        self.store.metrics.read(self.queue.waiting())
    }

    /// Writes what waits, and leaves the store as after a quiet end. Publishes are refused from here
    /// on.
    pub fn close(&self) {
        self.queue.close();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It ends by itself; if it panicked, its publishers have got an error.
        let _ = committer.map(JoinHandle::join);
    }

    fn start(
        directory: &Path,
        disks: Disks,
        settings: Settings,
        now_ms: u64,
    ) -> Result<(Self, Broker), OpenError> {
        let clock = Clock::MONOTONIC;
        let commit_state = opening::open(directory, disks, &settings, now_ms, clock)?;
        let (broker, queue) = (commit_state.broker.clone(), Arc::default());
        let store = Arc::clone(&commit_state.store);
        store.metrics.note_stored(commit_state.totals.messages(), commit_state.totals.bytes());
        let committer = Committer::new(commit_state, settings.sync, clock);
        let committer = committer::spawn(committer, Arc::clone(&queue))
            .map_err(|error| OpenError::from_io(directory, error))?;
        Ok((Self { queue, store, committer: Mutex::new(Some(committer)) }, broker))
    }
}

pub(crate) fn open_files(directory: &Path) -> Result<Disks, OpenError> {
    Ok(Disks {
        rows: Arc::new(FileDisk::open(directory, ROWS_FILE)?),
        spare: Arc::new(FileDisk::open(directory, SPARE_FILE)?),
        journal: Arc::new(FileDisk::open(directory, JOURNAL_FILE)?),
        witness: Arc::new(FileDisk::open(directory, WITNESS_FILE)?),
        generation: Arc::new(FolderGeneration(directory.to_path_buf())),
    })
}

impl Engine for LogEngine {
    fn publish(&self, permit: Permit, draft: Draft, now_ms: u64) -> Publishing {
        let (promise, answer) = answer();
        let queued = Clock::MONOTONIC.now();
        self.queue.push(Request { permit, draft, now_ms, queued, promise });
        Publishing::Waiting(Box::pin(answer))
    }
}

impl Drop for LogEngine {
    fn drop(&mut self) {
        self.close();
    }
}
