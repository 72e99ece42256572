//! Room that is reserved for a full disk, after the bytes of the witness: a commit that mostly removes needs a few pages
//! before it frees any.

use super::witness::WITNESS_BYTES;
use crate::Disk;

/// Takes the room, if it is not taken and there is as much.
pub(super) fn keep_reserve(disk: &dyn Disk) {
    let whole = WITNESS_BYTES + RESERVE_BYTES;
    if disk.len().is_ok_and(|bytes| bytes < whole) {
        // Written, as the zeros of a longer file alone take no room.
        let zeros = vec![0; usize::try_from(RESERVE_BYTES).unwrap_or_default()];
        let taken = disk.set_len(WITNESS_BYTES).and_then(|()| disk.write(WITNESS_BYTES, &zeros));
        if taken.is_err() {
            release_reserve(disk);
        }
    }
}

/// Gives the room back; false if there was none.
pub(super) fn release_reserve(disk: &dyn Disk) -> bool {
    disk.len().is_ok_and(|bytes| bytes > WITNESS_BYTES) && disk.set_len(WITNESS_BYTES).is_ok()
}

/// Enough for the paths to the rows of some thousand messages, which are written again.
const RESERVE_BYTES: u64 = 1 << 20;

/// What may be put into rows with it.
pub(super) const RESERVED_PUTS_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileDisk;

    #[test]
    fn room_is_kept_and_given_up_once() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FileDisk::open(directory.path(), "witness").unwrap();
        assert!(!release_reserve(&disk));
        keep_reserve(&disk);
        keep_reserve(&disk);
        assert_eq!(disk.len().unwrap(), 16 + (1 << 20));
        assert!(release_reserve(&disk) && !release_reserve(&disk));
        assert_eq!(disk.len().unwrap(), 16);
    }
}
