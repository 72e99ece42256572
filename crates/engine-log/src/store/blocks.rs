//! The rows' disk as the database sees it, with a checksum for each page: a page is as the database wrote it, or
//! reading it is an error. The database itself does not check the pages that it reads.
//!
//! | page of the disk | holds |
//! |---|---|
//! | 0, 513, 1026, … | the checksums of the 512 pages after it, 8 bytes each; 0 for none |
//! | 1 | the database's head, twice, each with a checksum; and whether damage has been found |
//! | the rest | the database's pages, in order |
//!
//! Pages and checksums are on one disk, so one sync makes both durable; checksums are written just before it. The
//! database writes no page that its last durable commit refers to, and a commit becomes durable when the head is written
//! after such a sync. So a power cut may tear pages or separate them from their checksums, but only pages to which the
//! commit that is found afterwards does not refer.

use super::adapter::{PAGE_BYTES, PAGE_LEN, damaged, page_sum, set_whole_len};
use crate::Disk;
use redb::{BackendError, StorageBackend};
use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};
use xxhash_rust::xxh3::xxh3_64;

/// A disk that detects pages which are not as they were written.
#[derive(Debug)]
pub(super) struct Blocks {
    disk: Arc<dyn Disk>,
    generation: u64,
    /// The checksums of pages written since the last sync.
    loose: RwLock<BTreeMap<u64, u64>>,
}

impl Blocks {
    pub(super) fn new(disk: Arc<dyn Disk>, generation: u64) -> Self {
        Self { disk, generation, loose: RwLock::default() }
    }

    fn read_pages(&self, mut page: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            let (pages, bytes) = run(page, out.len());
            let Some(part) = out.split_off_mut(..bytes) else { return Err(unaligned()) };
            self.disk.read(place(page), part)?;
            let sums = self.sums(page, pages)?;
            for ((page, bytes), sum) in (page..).zip(part.chunks(PAGE_LEN)).zip(sums) {
                if page_sum(page, bytes) != sum {
                    return Err(damaged("a page of the rows is not as it was written"));
                }
            }
            page += pages;
        }
        Ok(())
    }

    /// The checksums of pages of one group.
    fn sums(&self, page: u64, pages: u64) -> io::Result<Vec<u64>> {
        let mut bytes = vec![0; SUM_LEN * usize::try_from(pages).unwrap_or(0)];
        self.disk.read(sum_place(page), &mut bytes)?;
        let (on_disk, _) = bytes.as_chunks();
        let mut sums: Vec<_> = on_disk.iter().map(|sum| u64::from_be_bytes(*sum)).collect();
        let loose = self.loose.read().unwrap_or_else(PoisonError::into_inner);
        for (written, sum) in loose.range(page..page + pages) {
            let place = usize::try_from(written - page).unwrap_or(usize::MAX);
            sums.get_mut(place).into_iter().for_each(|place| *place = *sum);
        }
        Ok(sums)
    }

    /// Writes checksums, those of pages that stand side by side at once.
    fn write_sums(&self, sums: &BTreeMap<u64, u64>) -> io::Result<()> {
        let mut rest = sums.iter().peekable();
        while let Some((begin, sum)) = rest.next() {
            let (mut bytes, mut next) = (sum.to_be_bytes().to_vec(), begin + 1);
            while next % GROUP_PAGES != 0
                && let Some((_, sum)) = rest.next_if(|(page, _)| **page == next)
            {
                bytes.extend(sum.to_be_bytes());
                next += 1;
            }
            self.disk.write(sum_place(*begin), &bytes)?;
        }
        Ok(())
    }

    fn loose(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, u64>> {
        self.loose.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Blocks {
    fn len(&self) -> io::Result<u64> {
        let pages = self.disk.len()? / PAGE_BYTES;
        Ok((pages - pages.div_ceil(GROUP_PAGES + 1)) * PAGE_BYTES)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = if offset == 0 {
            read_head(&*self.disk).and_then(|(head, _)| {
                out.copy_from_slice(head.get(..out.len()).ok_or_else(unaligned)?);
                Ok(())
            })
        } else {
            self.read_pages(offset / PAGE_BYTES, out)
        };
        // What the disk itself refuses to read it may read again later.
        read.inspect_err(|error| {
            if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) {
                mark_damaged(&*self.disk);
            }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let pages = len / PAGE_BYTES;
        self.loose().split_off(&pages);
        set_whole_len(&*self.disk, (pages + pages.div_ceil(GROUP_PAGES)) * PAGE_BYTES)
    }

    fn sync_data(&self) -> io::Result<()> {
        let sums = self.loose.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.write_sums(&sums)?;
        self.disk.sync()?;
        // A reader may have had a page written meanwhile, to make room.
        self.loose().retain(|page, sum| sums.get(page) != Some(sum));
        Ok(())
    }

    fn write(&self, offset: u64, mut data: &[u8]) -> io::Result<()> {
        if offset == 0 {
            let head = data.first_chunk().filter(|head| head.len() == data.len());
            return write_head(&*self.disk, head.ok_or_else(unaligned)?, self.generation);
        }
        let mut page = offset / PAGE_BYTES;
        let sums = (page..).zip(data.chunks(PAGE_LEN));
        self.loose().extend(sums.map(|(page, bytes)| (page, page_sum(page, bytes))));
        while !data.is_empty() {
            let (pages, bytes) = run(page, data.len());
            let Some(part) = data.split_off(..bytes) else { return Err(unaligned()) };
            self.disk.write(place(page), part)?;
            page += pages;
        }
        Ok(())
    }

    // One process has the files, and one handle at a time writes. A handle that only reads asks for
    // locks nevertheless, as it could be beside another process that writes.

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    /// Whether somebody writes, which is what lets a handle read what no quiet end has left. There
    /// is but one version of us.
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        Ok(start == end)
    }
}

/// The generation of the rows on a disk; `None` if there are no rows.
///
/// # Errors
///
/// The head is damaged, or the disk failed.
pub(super) fn generation(disk: &dyn Disk) -> io::Result<Option<u64>> {
    let mut page = vec![0; PAGE_LEN];
    if disk.len()? == 0 {
        return Ok(None);
    }
    disk.read(PAGE_BYTES, &mut page)?;
    if page.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (head, generation) = read_head(disk)?;
    // The store writes its name last when it makes a file; we our generation when one is filled.
    let is_whole = head.first().is_some_and(|first| *first != 0) && generation > 0;
    Ok(is_whole.then_some(generation))
}

/// Writes the head with another generation. Nobody may have the disk open.
pub(super) fn promote(disk: &dyn Disk, generation: u64) -> io::Result<()> {
    let (head, _) = read_head(disk)?;
    write_head(disk, &head, generation)?;
    disk.sync()
}

/// Has the next opening look for what can be saved.
pub(super) fn mark_damaged(disk: &dyn Disk) {
    // If this fails, too, the damage is found again.
    let _ = disk.write(MARK_PLACE, &[u8::MAX; 8]);
}

pub(super) fn is_marked_damaged(disk: &dyn Disk) -> bool {
    let mut mark = [0; 8];
    disk.read(MARK_PLACE, &mut mark).is_ok() && mark != [0; 8]
}

/// The store's head, and the generation of the rows, from whichever copy is whole.
///
/// They may differ after a power cut; then neither was synced, and either will do.
fn read_head(disk: &dyn Disk) -> io::Result<(Head, u64)> {
    for place in HEAD_PLACES {
        let mut bytes = [0; HEAD_LEN + 16];
        disk.read(place, &mut bytes)?;
        let (sealed, sum) = bytes.split_at(HEAD_LEN + 8);
        if sum != xxh3_64(sealed).to_be_bytes() {
            continue;
        }
        if let Some((head, generation)) = sealed.split_first_chunk()
            && let Some(generation) = generation.first_chunk()
        {
            return Ok((*head, u64::from_be_bytes(*generation)));
        }
    }
    Err(damaged("neither copy of the rows' head is as it was written"))
}

/// Writes one copy, then the other: a power cut spares one.
fn write_head(disk: &dyn Disk, head: &Head, generation: u64) -> io::Result<()> {
    let mut bytes = [&head[..], &generation.to_be_bytes()].concat();
    bytes.extend(xxh3_64(&bytes).to_be_bytes());
    HEAD_PLACES.iter().try_for_each(|place| disk.write(*place, &bytes))
}

/// Of `bytes` from a page on, how many pages and bytes lie in one row on the disk.
fn run(page: u64, bytes: usize) -> (u64, usize) {
    let left = GROUP_PAGES - page % GROUP_PAGES;
    let pages = left.min(u64::try_from(bytes / PAGE_LEN).unwrap_or(u64::MAX)).max(1);
    (pages, usize::try_from(pages * PAGE_BYTES).unwrap_or(usize::MAX))
}

/// Where a page of the store's is on the disk.
const fn place(page: u64) -> u64 {
    (page + page / GROUP_PAGES + 1) * PAGE_BYTES
}

/// Where its checksum is.
const fn sum_place(page: u64) -> u64 {
    page / GROUP_PAGES * (GROUP_PAGES + 1) * PAGE_BYTES + page % GROUP_PAGES * 8
}

fn unaligned() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the store reads and writes its head and whole pages",
    )
}

type Head = [u8; HEAD_LEN];

/// The part of its first page that the store reads and writes.
const HEAD_LEN: usize = 320;

/// In different sectors.
const HEAD_PLACES: [u64; 2] = [PAGE_BYTES, PAGE_BYTES + 2_048];
const MARK_PLACE: u64 = PAGE_BYTES + 1_024;

/// As many as have their checksums in one page.
const GROUP_PAGES: u64 = 512;
const SUM_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileDisk;

    const HEAD: Head = [7; HEAD_LEN];

    /// Three groups of pages, of which some on both sides of an edge are written, and the head.
    fn written() -> (tempfile::TempDir, Arc<FileDisk>, Blocks) {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FileDisk::open(directory.path(), "rows").unwrap());
        let blocks = Blocks::new(Arc::<FileDisk>::clone(&disk), 3);
        blocks.set_len(1_500 * 4_096).unwrap();
        blocks.write(0, &HEAD).unwrap();
        blocks.write(510 * 4_096, &[1; 4 * 4_096]).unwrap();
        (directory, disk, blocks)
    }

    #[test]
    fn pages_come_back_before_and_after_their_checksums_are_on_disk() {
        let (_directory, disk, blocks) = written();
        let mut bytes = vec![0; 4 * 4_096];
        blocks.read(510 * 4_096, &mut bytes).unwrap();
        blocks.sync_data().unwrap();
        assert_eq!(blocks.loose().len(), 0);
        let again = Blocks::new(disk, 3);
        again.read(510 * 4_096, &mut bytes).unwrap();
        assert_eq!(bytes, [1; 4 * 4_096]);
        assert_eq!(again.len().unwrap(), 1_500 * 4_096);
        assert!(again.read(600 * 4_096, &mut bytes).is_err(), "never written");
    }

    #[test]
    fn page_512_lies_behind_the_second_page_of_checksums() {
        let (_directory, disk, blocks) = written();
        blocks.sync_data().unwrap();
        let mut byte = [0];
        for (page, wanted) in [(510, 0), (511, 1), (512, 1), (514, 1), (515, 1), (516, 0)] {
            disk.read(page * 4_096 + 4_095, &mut byte).unwrap();
            assert_eq!(byte, [wanted], "page {page}");
        }
    }

    #[test]
    fn a_byte_that_changes_or_a_page_that_lies_elsewhere_is_an_error_and_leaves_a_mark() {
        let (_directory, disk, blocks) = written();
        blocks.sync_data().unwrap();
        let mut page = [0; 4_096];
        assert!(!is_marked_damaged(&*disk));
        disk.write(511 * 4_096 + 9, &[0]).unwrap();
        assert!(blocks.read(510 * 4_096, &mut page).is_err());
        assert!(is_marked_damaged(&*disk));
        // The same bytes and their checksum, one page further.
        let mut sum = [0; 8];
        disk.read(511 * 8, &mut sum).unwrap();
        disk.write(510 * 8, &sum).unwrap();
        disk.write(511 * 4_096 + 9, &[1]).unwrap();
        assert!(blocks.read(510 * 4_096, &mut page).is_err());
        assert!(blocks.read(511 * 4_096, &mut page).is_ok());
    }

    #[test]
    fn either_copy_of_the_head_will_do_and_neither_is_an_error() {
        for (harmed, is_found) in [(&[0][..], true), (&[1][..], true), (&[0, 1][..], false)] {
            let (_directory, disk, blocks) = written();
            for copy in harmed {
                disk.write(4_096 + 2_048 * copy + 20, &[0]).unwrap();
            }
            let mut head = [0; 320];
            assert_eq!(blocks.read(0, &mut head).is_ok_and(|()| head == HEAD), is_found);
            assert_eq!(generation(&*disk).is_ok_and(|found| found == Some(3)), is_found);
        }
    }

    #[test]
    fn what_was_never_made_has_no_generation_and_what_is_no_store_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FileDisk::open(directory.path(), "rows").unwrap();
        assert!(matches!(generation(&disk), Ok(None)));
        disk.set_len(8_192).unwrap();
        assert!(matches!(generation(&disk), Ok(None)));
        disk.write(0, &[b'x'; 8_192]).unwrap();
        assert!(generation(&disk).is_err());
    }
}
