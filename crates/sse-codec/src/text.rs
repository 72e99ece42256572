//! Text as it lies on the wire: where its first line ends, and whether it is ASCII up to there.
//!
//! Every byte of every message is looked at once, here, for both questions. That is why this file
//! is apart, and the one with `unsafe`: it loads SSE2 vectors where the target has them, as nearly
//! every x86-64 does, and does not look again at text that it has just seen to be ASCII.
//! [`scan_words`] is the search without either.

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
        validate(self.bytes)
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

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn as_text(&self) -> Text<'_> {
        Text { bytes: &self.bytes, is_ascii: self.is_ascii }
    }
}

fn validate(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(bytes);
    #[cfg(not(feature = "simd"))]
    let text = str::from_utf8(bytes);
    text.ok()
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
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if let Some(last) = bytes.last_chunk() {
        // SAFETY: this is compiled only where the target has SSE2.
        return unsafe { scan_vectors(bytes, last) };
    }
    scan_words(bytes)
}

/// The search sixteen bytes at a time. The `last` of them may in part have been looked at before.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
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
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
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

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// The same with no thought of speed.
    fn scan_slowly(bytes: &[u8]) -> (usize, bool) {
        let len = bytes.iter().take_while(|byte| !b"\r\n".contains(byte)).count();
        (len, bytes[..len].is_ascii())
    }

    #[track_caller]
    fn assert_scanned(bytes: &[u8]) {
        assert_eq!(scan(bytes), scan_slowly(bytes), "{}", bytes.escape_ascii());
        assert_eq!(scan_words(bytes), scan_slowly(bytes), "{}", bytes.escape_ascii());
    }

    /// Every length, place and alignment, with whatever else may stand after the end.
    #[test]
    fn the_first_end_is_found_wherever_it_lies() {
        for (start, len) in (0..16).flat_map(|start| (0..70).map(move |len| (start, len))) {
            for (end, then) in [(b'\r', b'\n'), (b'\n', b'\r'), (b'\n', 0xFF), (b'\r', b'x')] {
                for at in 0..=len {
                    let mut bytes = vec![b'x'; start + len];
                    bytes[start..].iter_mut().skip(at).for_each(|byte| *byte = then);
                    bytes[start..].iter_mut().skip(at).take(1).for_each(|byte| *byte = end);
                    assert_scanned(&bytes[start..]);
                }
            }
        }
    }

    #[test]
    fn a_byte_beyond_ascii_counts_before_the_end_and_not_after() {
        for len in 0..50 {
            for (at, end) in (0..len).flat_map(|at| (0..=len).map(move |end| (at, end))) {
                let mut bytes = vec![b'x'; len];
                bytes[at] = 0x80;
                bytes.iter_mut().skip(end).take(1).for_each(|byte| *byte = b'\n');
                assert_scanned(&bytes);
            }
        }
    }

    #[test]
    fn every_byte_is_taken_for_what_it_is() {
        for byte in 0..=u8::MAX {
            for len in [1, 7, 8, 9, 15, 16, 17, 33] {
                for at in 0..len {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = byte;
                    assert_scanned(&bytes);
                    assert_scanned(&vec![byte; len]);
                    assert_eq!(is_one_line(&bytes), !b"\r\n\0".contains(&byte), "{byte} of {len}");
                }
            }
        }
    }

    #[test]
    fn neighbours_of_an_end_are_not_mistaken_for_one() {
        for pair in (0..=u16::MAX).map(u16::to_be_bytes) {
            for start in 0..7 {
                let mut bytes = *b"xxxxxxxx";
                bytes[start..start + 2].copy_from_slice(&pair);
                assert_eq!(scan_words(&bytes), scan_slowly(&bytes), "{bytes:?}");
                assert_eq!(is_one_line(&bytes), !bytes.iter().any(|b| b"\r\n\0".contains(b)));
            }
        }
    }

    #[test]
    fn gathered_text_is_decoded_as_if_it_had_come_whole() {
        let wire = "plain é … 🦀".as_bytes();
        for at in 0..=wire.len() {
            let mut gathered = TextBuffer::EMPTY;
            for piece in [&wire[..at], &wire[at..]] {
                gathered.push(Text::split(piece).0);
            }
            let mut replaced = String::new();
            assert_eq!(gathered.as_text().decode(&mut replaced).as_bytes(), wire);
            assert!(replaced.is_empty());
        }
    }

    #[test]
    fn a_cleared_buffer_forgets_what_it_knew() {
        let mut buffer = TextBuffer::EMPTY;
        buffer.push_byte(0xFF);
        assert_eq!(buffer.as_text().as_str(), None);
        buffer.clear();
        buffer.push_byte(b'x');
        assert_eq!(buffer.as_text().as_str(), Some("x"));
        buffer.push(Text::split(b"\xFF").0);
        assert_eq!(buffer.as_text().decode(&mut String::new()), "x\u{FFFD}");
    }
}
