//! A few bytes beside the journal: how many commits have been synced for certain.

use crate::Disk;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How many commits have been synced. After a power cut it may say fewer, or nothing.
pub(super) fn read_witness(disk: &dyn Disk) -> u64 {
    let mut bytes = [0; 16];
    let read = disk.read(0, &mut bytes).ok().and_then(|()| {
        let (sum, number) = bytes.split_first_chunk()?;
        (*sum == checksum(number)).then_some(number)
    });
    read.and_then(|number| number.first_chunk()).map_or(0, |number| u64::from_be_bytes(*number))
}

pub(super) fn write_witness(disk: &dyn Disk, next: u64) {
    let number = next.to_be_bytes();
    // Without it, less damage is noticed, and nothing else is different.
    let _ = disk.write(0, &[checksum(&number), number].concat());
}

/// Seeded, so that a file of zeros is not a valid witness.
fn checksum(number: &[u8]) -> [u8; 8] {
    xxh3_64_with_seed(number, WITNESS_SEED).to_be_bytes()
}

/// Where it ends.
pub(super) const WITNESS_BYTES: u64 = 16;

const WITNESS_SEED: u64 = 1;
