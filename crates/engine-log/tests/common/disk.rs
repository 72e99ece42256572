//! A disk in memory: it counts syncs, can be full, can be held up, and can lose its power.

use std::{
    fmt, io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tidewire_engine_log::{Disk, Generation, Identity};

/// The disks of one store.
#[derive(Clone, Default)]
pub struct Machine {
    pub journal: Arc<MemoryDisk>,
    pub rows: Arc<MemoryDisk>,
    pub spare: Arc<MemoryDisk>,
    pub witness: Arc<MemoryDisk>,
    pub generation: Arc<MemoryGeneration>,
}

/// The numbers beside the disks.
#[derive(Debug, Default)]
pub struct MemoryGeneration(Mutex<Vec<u64>>);

impl Generation for MemoryGeneration {
    fn find(&self) -> io::Result<Vec<u64>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn replace(&self, number: u64) -> io::Result<()> {
        *self.0.lock().unwrap() = vec![number];
        Ok(())
    }
}

impl Machine {
    /// What is left of them after a power cut.
    pub fn cut(&self, random: &mut fastrand::Rng) -> Self {
        self.each(|disk| disk.cut(random))
    }

    /// As they are for the next process after this one was killed.
    pub fn copy(&self) -> Self {
        self.each(|disk| disk.harmed(|_| {}))
    }

    /// As they are where all of it was copied to other files.
    pub fn copied(&self) -> Self {
        let copy = self.copy();
        for disk in [&copy.journal, &copy.rows] {
            disk.identity.fetch_add(1, Ordering::SeqCst);
        }
        copy
    }

    /// These files with the bytes of `older` ones copied over them.
    pub fn overwritten_by(&self, older: &Self) -> Self {
        let mut numbers = self.generation.find().unwrap();
        numbers.extend(older.generation.find().unwrap());
        numbers.sort_unstable();
        numbers.dedup();
        Self { generation: Arc::new(MemoryGeneration(Mutex::new(numbers))), ..older.copy() }
    }

    fn each(&self, mut make: impl FnMut(&MemoryDisk) -> Arc<MemoryDisk>) -> Self {
        Self {
            journal: make(&self.journal),
            rows: make(&self.rows),
            spare: make(&self.spare),
            witness: make(&self.witness),
            generation: Arc::new(MemoryGeneration(Mutex::new(self.generation.find().unwrap()))),
        }
    }
}

#[derive(Default)]
pub struct MemoryDisk {
    inner: Mutex<Inner>,
    /// Bytes that may be written in all; 0 for as many as one likes.
    pub room: AtomicU64,
    /// How many writes had no room.
    pub refused: AtomicU64,
    pub syncs: AtomicU64,
    /// Whether nothing can be read.
    pub is_unreadable: AtomicBool,
    /// A place that cannot be read; 0 for none.
    pub unreadable_at: AtomicU64,
    /// One less than the number of the file that this is.
    pub identity: AtomicU64,
    /// Which sync fails, counted like `syncs`, and all after it; 0 for none.
    pub failing_sync: AtomicU64,
    gate: Mutex<bool>,
    opened: Condvar,
}

#[derive(Default)]
struct Inner {
    now: Vec<u8>,
    synced: Vec<u8>,
    loose: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

impl MemoryDisk {
    /// Holds every sync up until [`MemoryDisk::let_go`].
    pub fn hold(&self) {
        *self.gate.lock().unwrap() = true;
    }

    pub fn let_go(&self) {
        *self.gate.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// The disk as it is after a power cut: what was synced, and of the rest any writes, or parts.
    pub fn cut(&self, random: &mut fastrand::Rng) -> Arc<Self> {
        let inner = self.inner();
        let mut bytes = inner.synced.clone();
        for change in &inner.loose {
            match change {
                Change::Write(at, data) if random.bool() => {
                    let sectors = data.len().div_ceil(SECTOR_BYTES);
                    let kept = random.usize(..=sectors) * SECTOR_BYTES;
                    write(&mut bytes, *at, &data[..kept.min(data.len())]);
                }
                Change::Write(..) => {}
                Change::Len(len) => bytes.resize(*len, 0),
            }
        }
        self.holding(bytes)
    }

    /// The same bytes on another disk, `harm`ed.
    pub fn harmed(&self, harm: impl FnOnce(&mut Vec<u8>)) -> Arc<Self> {
        let mut bytes = self.inner().now.clone();
        harm(&mut bytes);
        self.holding(bytes)
    }

    /// Harms what is there, also what has been synced.
    pub fn harm(&self, harm: impl Fn(&mut Vec<u8>)) {
        let mut inner = self.inner();
        harm(&mut inner.now);
        harm(&mut inner.synced);
    }

    pub fn bytes(&self) -> usize {
        self.inner().now.len()
    }

    /// The same file with other bytes.
    fn holding(&self, bytes: Vec<u8>) -> Arc<Self> {
        let inner = Inner { now: bytes.clone(), synced: bytes, loose: Vec::new() };
        let identity = self.identity.load(Ordering::SeqCst).into();
        Arc::new(Self { inner: Mutex::new(inner), identity, ..Self::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Disk for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner().now.len() as u64)
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        if self.is_unreadable.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let unreadable_at = self.unreadable_at.load(Ordering::SeqCst);
        if unreadable_at != 0 && (at..at + bytes.len() as u64).contains(&unreadable_at) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let inner = self.inner();
        let from = inner.now.get(at as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::SeqCst);
        if room != 0 && at + bytes.len() as u64 > room {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut inner = self.inner();
        write(&mut inner.now, at as usize, bytes);
        inner.loose.push(Change::Write(at as usize, bytes.to_vec()));
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.now.resize(bytes as usize, 0);
        inner.loose.push(Change::Len(bytes as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        let failing = self.failing_sync.load(Ordering::SeqCst);
        if failing != 0 && number >= failing {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let gate = self.gate.lock().unwrap();
        drop(self.opened.wait_timeout_while(gate, Duration::from_secs(20), |held| *held).unwrap());
        let mut inner = self.inner();
        let Inner { synced, loose, .. } = &mut *inner;
        for change in loose.drain(..) {
            match change {
                Change::Write(at, data) => write(synced, at, &data),
                Change::Len(len) => synced.resize(len, 0),
            }
        }
        Ok(())
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity { inode: self.identity.load(Ordering::SeqCst) + 1, created_ns: 0 })
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemoryDisk of {} bytes", self.bytes())
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

const SECTOR_BYTES: usize = 512;
