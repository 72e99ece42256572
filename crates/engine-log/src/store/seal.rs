//! Checksums: of each value with its key, and of the witness.

use crate::Disk;
use xxhash_rust::xxh3::Xxh3;

/// The value with its checksum before it.
pub(super) fn sealed(key: &[u8], value: Vec<u8>) -> Vec<u8> {
    [&checksum(key, &value), value.as_slice()].concat()
}

/// The value, if the checksum before it is its and the key's.
pub(super) fn unsealed<'a>(key: &[u8], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, value) = sealed.split_first_chunk()?;
    (*sum == checksum(key, value)).then_some(value)
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(value);
    hash.digest().to_be_bytes()
}

/// The number of the first commit that is not in the rows, to be kept there.
pub(super) fn seal_settled(number: u64) -> Vec<u8> {
    sealed(SETTLED_KEY, number.to_be_bytes().to_vec())
}

/// What [`seal_settled`] made, unless it is damaged.
pub(super) fn unseal_settled(bytes: &[u8]) -> Option<u64> {
    let number = unsealed(SETTLED_KEY, bytes)?;
    number.first_chunk().map(|number| u64::from_be_bytes(*number))
}

/// How many commits have been synced for certain. After a power cut it may say fewer, or nothing.
pub(super) fn read_witness(disk: &dyn Disk) -> u64 {
    let mut bytes = [0; 16];
    let read = disk.read(0, &mut bytes).ok().and_then(|()| unsealed(WITNESS_KEY, &bytes));
    read.and_then(|number| number.first_chunk()).map_or(0, |number| u64::from_be_bytes(*number))
}

pub(super) fn write_witness(disk: &dyn Disk, next: u64) {
    // Without it, less damage is noticed, and nothing else is different.
    let _ = disk.write(0, &sealed(WITNESS_KEY, next.to_be_bytes().to_vec()));
}

const SETTLED_KEY: &[u8] = b"settled";
const WITNESS_KEY: &[u8] = b"witness";
