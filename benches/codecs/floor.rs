//! The floors: what must be done with the bytes by any codec, and nothing else.

use std::hint::black_box;

/// Moves the bytes once, as the kernel does to hand them over.
pub(crate) fn copy(bytes: &[u8], output: &mut Vec<u8>) {
    output.clear();
    output.extend_from_slice(black_box(bytes));
}

/// Changes every byte once, in words that the compiler makes vectors of.
pub(crate) fn exclusive_or(bytes: &mut [u8]) {
    let (words, _) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ 0x37FA_213D_37FA_213D).to_ne_bytes();
    }
}

/// Checks each message's text.
pub(crate) fn from_utf8(payloads: &[u8], payload_bytes: usize) -> bool {
    payloads.chunks_exact(payload_bytes).all(|payload| str::from_utf8(black_box(payload)).is_ok())
}

/// Finds the end of every line.
pub(crate) fn scan(bytes: &[u8]) -> usize {
    memchr::memchr2_iter(b'\r', b'\n', bytes).count()
}
