//! The engine as the server sees it: a queue to the committer, and the settings.

use crate::{
    Backup, DataError, OpenError,
    committer::{self, Committer},
    disk::FileDisk,
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
    time::Duration,
};
use tidewire_broker::{Broker, Draft, Engine, Limits, Permit, Publishing};

/// When a publish is safe from what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// It is answered once it survives a power cut. Publishers that wait share one sync.
    #[default]
    Always,
    /// It is answered at once; a crash of the process or the machine loses what was answered in
    /// the last interval before it.
    Every(Duration),
    /// It is answered at once; a crash loses what was answered since the store last tidied up by
    /// itself: some megabytes.
    Never,
}

/// How a store is used.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// When a publish is safe from what.
    pub sync: Sync,
    /// What the broker holds in memory, and what each channel keeps on disk.
    pub limits: Limits,
    /// What the messages of all channels together may cost on disk, in bytes of payloads and labels
    /// and a fixed cost a message; `None` is as much as the disk holds. The oldest message goes
    /// first; values of compacted channels stay, and what would pass the bound with them is refused.
    pub bytes_max: Option<u64>,
    /// What messages read from disk may take in memory, with their encodings, for readers to share;
    /// `None` is 64 MiB.
    pub cache_bytes_max: Option<usize>,
}

/// The engine `log`: messages survive the process. Dropping it closes it.
#[derive(Debug)]
pub struct LogEngine {
    queue: Arc<Queue>,
    store: Arc<Store>,
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

    /// A copy of everything that has been answered, as of one moment. Publishing goes on meanwhile, and
    /// the files may grow, as nothing that the copy still needs is written over.
    ///
    /// # Errors
    ///
    /// The store cannot be read at the moment.
    pub fn backup(&self) -> Result<Backup, DataError> {
        Backup::of(&self.store)
    }

    /// Writes what waits, and leaves the store as after a quiet end. Publishes are refused from here
    /// on.
    pub fn close(&self) {
        self.queue.close();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It ends by itself; if it panicked, its publishers have been told.
        let _ = committer.map(JoinHandle::join);
    }

    fn start(
        directory: &Path,
        disks: Disks,
        settings: Settings,
        now_ms: u64,
    ) -> Result<(Self, Broker), OpenError> {
        let commit_state = opening::open(directory, disks, &settings, now_ms)?;
        let (broker, queue) = (commit_state.broker.clone(), Arc::default());
        let store = Arc::clone(&commit_state.store);
        let committer = Committer::new(commit_state, settings.sync);
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
        self.queue.push(Request { permit, draft, now_ms, promise });
        Publishing::Waiting(Box::pin(answer))
    }
}

impl Drop for LogEngine {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) const FILES: [&str; 4] = [ROWS_FILE, SPARE_FILE, JOURNAL_FILE, WITNESS_FILE];
pub(crate) const ROWS_FILE: &str = "rows.redb";
pub(crate) const SPARE_FILE: &str = "rows.spare.redb";
pub(crate) const JOURNAL_FILE: &str = "journal.redb";
pub(crate) const WITNESS_FILE: &str = "witness";
