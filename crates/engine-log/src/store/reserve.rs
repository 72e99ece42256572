//! Room kept back for a full disk, behind the bytes of the witness: what removes much and puts little
//! needs a few pages before it gives any back.

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
            give_up_reserve(disk);
        }
    }
}

/// Gives the room back; false if there was none.
pub(super) fn give_up_reserve(disk: &dyn Disk) -> bool {
    disk.len().is_ok_and(|bytes| bytes > WITNESS_BYTES) && disk.set_len(WITNESS_BYTES).is_ok()
}

/// The way down to the rows of some thousand messages, written anew.
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
        assert!(!give_up_reserve(&disk));
        keep_reserve(&disk);
        keep_reserve(&disk);
        assert_eq!(disk.len().unwrap(), 16 + (1 << 20));
        assert!(give_up_reserve(&disk) && !give_up_reserve(&disk));
        assert_eq!(disk.len().unwrap(), 16);
    }
}
