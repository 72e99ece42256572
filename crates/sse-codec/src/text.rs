//! Text as it lies on the wire: where its first line ends, and whether it is ASCII up to there.
//!
//! Every byte of every message is looked at once, here, for both questions. That is why this file
//! is apart, and the one that has `unsafe`: text that the search found to be ASCII is not validated
//! a second time. The same search without it stands below the tests' line as its twin.

#![allow(unsafe_code)]

use alloc::{string::String, vec::Vec};
use core::slice;

/// Bytes without a line end that may or may not be UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'i> {
    bytes: &'i [u8],
    /// Never set while a byte is not ASCII; may be unset although all are.
    is_ascii: bool,
}

impl<'i> Text<'i> {
    pub(crate) const EMPTY: Self = Self { bytes: &[], is_ascii: true };

    /// Splits `bytes` before the first CR or LF. What follows begins with it, or is empty.
    #[inline]
    pub(crate) fn split(bytes: &'i [u8]) -> (Self, &'i [u8]) {
        let (len, is_ascii) = scan(bytes);
        let (bytes, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
        (Self { bytes, is_ascii }, rest)
    }

    /// A text of one byte, unless it is a CR or LF.
    #[inline]
    pub(crate) fn of_byte(byte: &'i u8) -> Option<Self> {
        let is_end = matches!(byte, b'\r' | b'\n');
        (!is_end).then(|| Self { bytes: slice::from_ref(byte), is_ascii: byte.is_ascii() })
    }

    #[inline]
    pub(crate) const fn bytes(self) -> &'i [u8] {
        self.bytes
    }

    #[inline]
    pub(crate) fn strip_prefix(self, prefix: &[u8]) -> Option<Self> {
        Some(Self { bytes: self.bytes.strip_prefix(prefix)?, ..self })
    }

    #[inline]
    pub(crate) fn split_first(self) -> Option<(u8, Self)> {
        let (first, bytes) = self.bytes.split_first()?;
        Some((*first, Self { bytes, ..self }))
    }

    /// The text, unless it is broken.
    #[inline]
    pub(crate) fn as_str(self) -> Option<&'i str> {
        if self.is_ascii {
            // SAFETY: all bytes are ASCII, as `is_ascii` says, so they are UTF-8.
            return Some(unsafe { str::from_utf8_unchecked(self.bytes) });
        }
        str::from_utf8(self.bytes).ok()
    }

    /// Decodes as browsers do: each [maximal subpart] of a broken sequence becomes one U+FFFD. Only
    /// then is `replaced` needed.
    ///
    /// [maximal subpart]: https://encoding.spec.whatwg.org/#utf-8-decoder
    #[inline]
    pub(crate) fn decode<'t>(self, replaced: &'t mut String) -> &'t str
    where
        'i: 't,
    {
        self.as_str().unwrap_or_else(|| {
            *replaced = String::from_utf8_lossy(self.bytes).into_owned();
            replaced
        })
    }
}

/// Text gathered from pieces, in an allocation that is used again.
#[derive(Debug)]
pub(crate) struct TextBuffer {
    bytes: Vec<u8>,
    /// Never set while a byte is not ASCII.
    is_ascii: bool,
}

impl TextBuffer {
    pub(crate) const EMPTY: Self = Self { bytes: Vec::new(), is_ascii: true };

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.is_ascii = true;
    }

    #[inline]
    pub(crate) fn push(&mut self, text: Text<'_>) {
        self.is_ascii &= text.is_ascii;
        match *text.bytes {
            // Cheaper than a call to copy, for who is fed byte by byte.
            [byte] => self.bytes.push(byte),
            ref bytes => self.bytes.extend_from_slice(bytes),
        }
    }

    #[inline]
    pub(crate) fn push_byte(&mut self, byte: u8) {
        self.is_ascii &= byte.is_ascii();
        self.bytes.push(byte);
    }

    /// Gives back an allocation of more than `bytes_max`.
    #[inline]
    pub(crate) fn shrink(&mut self, bytes_max: usize) {
        if self.bytes.capacity() > bytes_max {
            *self = Self::EMPTY;
        }
    }

    pub(crate) fn as_text(&self) -> Text<'_> {
        Text { bytes: &self.bytes, is_ascii: self.is_ascii }
    }
}

/// Whether `bytes` hold neither a line end nor NUL.
#[inline]
pub(crate) fn is_one_line(bytes: &[u8]) -> bool {
    let is_one_line = |word: u64| ends(word) | zero_bytes(word) == 0;
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        return words.iter().chain([last]).all(|word| is_one_line(u64::from_le_bytes(*word)));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        return is_one_line(first << 32 | last);
    }
    !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// How many bytes stand before the first CR or LF, and whether all of them are ASCII.
#[inline]
fn scan(bytes: &[u8]) -> (usize, bool) {
    #[cfg(target_arch = "x86_64")]
    if let Some(last) = bytes.last_chunk() {
        // SAFETY: every x86-64 has SSE2.
        return unsafe { scan_vectors(bytes, last) };
    }
    scan_words(bytes)
}

/// The search sixteen bytes at a time. The `last` of them may in part have been looked at before.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn scan_vectors(bytes: &[u8], last: &[u8; 16]) -> (usize, bool) {
    use core::arch::x86_64::{_mm_movemask_epi8, _mm_or_si128, _mm_setzero_si128};
    let mut seen = _mm_setzero_si128();
    let (chunks, rest) = bytes.as_chunks::<16>();
    for (index, chunk) in chunks.iter().enumerate() {
        let (vector, ends) = load(chunk);
        if ends != 0 {
            let before = (ends - 1) & !ends;
            let high = _mm_movemask_epi8(seen) | (_mm_movemask_epi8(vector) & before);
            return (16 * index + trailing_zeros(ends), high == 0);
        }
        seen = _mm_or_si128(seen, vector);
    }
    if rest.is_empty() {
        return (bytes.len(), _mm_movemask_epi8(seen) == 0);
    }
    let (vector, ends) = load(last);
    let before = ends.wrapping_sub(1) & !ends;
    let high = _mm_movemask_epi8(seen) | (_mm_movemask_epi8(vector) & before);
    (bytes.len() - 16 + trailing_zeros(ends).min(16), high == 0)
}

/// Sixteen bytes, and a bit for each of them that is CR or LF.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn load(chunk: &[u8; 16]) -> (core::arch::x86_64::__m128i, i32) {
    use core::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    // SAFETY: the 16 bytes that are read are those of `chunk`.
    let vector = unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) };
    let is_cr = _mm_cmpeq_epi8(vector, _mm_set1_epi8(0x0D));
    let is_lf = _mm_cmpeq_epi8(vector, _mm_set1_epi8(0x0A));
    (vector, _mm_movemask_epi8(_mm_or_si128(is_cr, is_lf)))
}

#[cfg(target_arch = "x86_64")]
fn trailing_zeros(mask: i32) -> usize {
    usize::try_from(mask.trailing_zeros()).unwrap_or(0)
}

/// The search for any machine, eight bytes at a time.
fn scan_words(bytes: &[u8]) -> (usize, bool) {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut seen = 0;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ends = ends(word);
        if ends != 0 {
            let before = (ends - 1) & !ends;
            let at = usize::try_from(ends.trailing_zeros() / 8).unwrap_or(0);
            return (index * 8 + at, (seen | (word & before)) & HIGHS == 0);
        }
        seen |= word;
    }
    let mut len = words.len() * 8;
    for byte in tail {
        if matches!(byte, b'\r' | b'\n') {
            break;
        }
        seen |= u64::from(*byte);
        len += 1;
    }
    (len, seen & HIGHS == 0)
}

/// Sets the high bit of the lowest byte that is CR or LF. Above that one it may be mistaken.
const fn ends(word: u64) -> u64 {
    zero_bytes(word ^ (ONES * 0x0D)) | zero_bytes(word ^ (ONES * 0x0A))
}

/// Sets the high bit of the lowest byte that is zero. Above that one it may be mistaken.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;
