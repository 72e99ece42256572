//! The journal's disk as the store's own. The store checks the file whole when it opens it; what is
//! read again while it is open is compared here with what was there before.

use crate::Disk;
use redb::StorageBackend;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A disk in the store's clothes, and a checksum of each page that it has seen.
#[derive(Debug)]
pub(super) struct Adapter {
    disk: Arc<dyn Disk>,
    /// By the page's number; 0 for one that has not been seen. The journal is small.
    sums: Mutex<Vec<u64>>,
}

impl Adapter {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, sums: Mutex::default() }
    }

    /// Shows `visit` each page's checksum and the place for it. The first page is left out: it is
    /// written in part, and read only at the opening.
    fn each_sum(
        &self,
        offset: u64,
        bytes: &[u8],
        mut visit: impl FnMut(&mut u64, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        for (page, bytes) in (offset / PAGE_BYTES..).zip(bytes.chunks(PAGE_LEN)) {
            let place = usize::try_from(page).unwrap_or(usize::MAX);
            if place >= sums.len() {
                sums.resize(place.saturating_add(1), 0);
            }
            if let Some(known) = sums.get_mut(place).filter(|_| page > 0) {
                visit(known, page_sum(page, bytes))?;
            }
        }
        Ok(())
    }
}

impl StorageBackend for Adapter {
    /// Without the bytes after the last whole page: the store did not write those.
    fn len(&self) -> io::Result<u64> {
        let bytes = self.disk.len()?;
        Ok(bytes - bytes % PAGE_BYTES)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)?;
        self.each_sum(offset, out, |known, sum| {
            if *known != 0 && *known != sum {
                return Err(damaged("a page of the journal has changed by itself"));
            }
            *known = sum;
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let pages = usize::try_from(len / PAGE_BYTES).unwrap_or(usize::MAX);
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).truncate(pages);
        set_whole_len(&*self.disk, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)?;
        self.each_sum(offset, data, |known, sum| {
            *known = sum;
            Ok(())
        })
    }
}

/// Makes a disk so long, with zeros in what is new, whatever stood behind its last whole page.
pub(super) fn set_whole_len(disk: &dyn Disk, len: u64) -> io::Result<()> {
    let now = disk.len()?;
    let whole = now - now % PAGE_BYTES;
    if whole < len.min(now) {
        disk.set_len(whole)?;
    }
    disk.set_len(len)
}

/// A page's checksum, never 0. One that was written elsewhere has another.
pub(super) fn page_sum(page: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, page).max(1)
}

pub(super) fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// What the store's files are made of.
pub(super) const PAGE_BYTES: u64 = 4_096;
pub(super) const PAGE_LEN: usize = 4_096;
