//! A buffer for input that arrives in parts. Its memory returns to the system when it is dropped.
//!
//! Apart because of how the C library's allocator keeps memory. It grows a large block by copying it, and it returns a
//! freed block only if nothing that is still used lies after it. The log allocates while input arrives, so after a
//! peak of unfinished input nearly all of it stayed with the process. Pages that are mapped for one buffer do not
//! have either problem. A map reserves addresses only; a page takes memory once something is written to it.

use memmap2::MmapMut;
use std::io;

/// Bytes of one head or body, in the order in which they came.
#[derive(Debug)]
pub(crate) struct ReceiveBuffer {
    bytes_max: usize,
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    /// Up to `MAPPED_FROM` bytes.
    Heap(Vec<u8>),
    /// `len <= pages.len()`
    Mapped { pages: MmapMut, len: usize },
}

impl ReceiveBuffer {
    /// An empty one, which will hold at most `bytes_max`.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { bytes_max, memory: Memory::Heap(Vec::new()) }
    }

    /// How much memory a buffer with `bytes` in it takes, at most.
    pub(crate) fn footprint(bytes: usize) -> usize {
        if bytes > MAPPED_FROM {
            bytes.checked_next_multiple_of(STEP_BYTES).unwrap_or(bytes)
        } else {
            bytes.next_power_of_two()
        }
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// The system has no addresses left for it, or the buffer would hold more than `bytes_max`. It holds what it held.
    pub(crate) fn extend(&mut self, more: &[u8]) -> io::Result<()> {
        let len = self.bytes().len() + more.len();
        if len > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match &mut self.memory {
            Memory::Heap(bytes) if len <= MAPPED_FROM => bytes.extend_from_slice(more),
            Memory::Heap(bytes) => {
                let mut pages = map(self.bytes_max)?;
                fill(&mut pages, 0, bytes);
                fill(&mut pages, bytes.len(), more);
                self.memory = Memory::Mapped { pages, len };
            }
            Memory::Mapped { pages, len } => {
                fill(pages, *len, more);
                *len += more.len();
            }
        }
        Ok(())
    }

    /// What has been added so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Mapped { pages, len } => pages.get(..*len).unwrap_or_default(),
        }
    }

    /// The same bytes as a vector without spare room.
    pub(crate) fn into_vec(self) -> Vec<u8> {
        match self.memory {
            Memory::Heap(mut bytes) => {
                bytes.shrink_to_fit();
                bytes
            }
            Memory::Mapped { .. } => self.bytes().to_vec(),
        }
    }
}

fn map(bytes: usize) -> io::Result<MmapMut> {
    let pages = MmapMut::map_anon(bytes)?;
    // Where the system prefers huge pages, the first byte would take 2 MiB.
    #[cfg(target_os = "linux")]
    if bytes >= HUGE_PAGE_BYTES {
        // A kernel without huge pages refuses, and needs no advice.
        let _ = pages.advise(memmap2::Advice::NoHugePage);
    }
    Ok(pages)
}

/// Copies to a place where `to` has room.
fn fill(to: &mut [u8], at: usize, from: &[u8]) {
    if let Some(to) = to.get_mut(at..at + from.len()) {
        to.copy_from_slice(from);
    }
}

/// Beyond this number of bytes the pages are mapped. That takes the kernel about 10 microseconds, little beside the
/// rest of such a request.
const MAPPED_FROM: usize = 16 << 10;

/// In such steps a map counts on an account, so that not each read asks for its lock.
const STEP_BYTES: usize = 64 << 10;

#[cfg(target_os = "linux")]
const HUGE_PAGE_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_in_order_wherever_they_are_kept() {
        let all: Vec<u8> = (0..100_000_usize).map(|at| at.to_le_bytes()[at % 3]).collect();
        for part in [1, 1_000, 16 << 10, 70_000, 100_000] {
            let mut buffer = ReceiveBuffer::new(all.len());
            for (number, more) in all.chunks(part).enumerate() {
                buffer.extend(more).unwrap();
                assert!(buffer.bytes() == &all[..number * part + more.len()]);
            }
            let vector = buffer.into_vec();
            assert!(vector == all && vector.capacity() == all.len());
        }
    }

    #[test]
    fn nothing_is_added_beyond_what_it_may_hold() {
        for bytes_max in [10, 20_000] {
            let mut buffer = ReceiveBuffer::new(bytes_max);
            buffer.extend(&vec![b'a'; bytes_max - 1]).unwrap();
            assert_eq!(buffer.extend(b"bc").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
            buffer.extend(b"b").unwrap();
            assert!(buffer.bytes().ends_with(b"ab") && buffer.bytes().len() == bytes_max);
        }
    }

    #[test]
    fn a_footprint_is_at_least_what_is_held() {
        for (bytes, footprint) in
            [(1, 1), (5_000, 8_192), (16_384, 16_384), (16_385, 65_536), (65_537, 131_072)]
        {
            assert_eq!(ReceiveBuffer::footprint(bytes), footprint);
        }
    }
}
