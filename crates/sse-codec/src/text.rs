//! Text as it lies on the wire: where its first line ends, and whether it is ASCII up to there.
//!
//! Every byte of every message is looked at once, here: when it is read, and when it is written
//! into an [`OutputSpace`]. That is why this file is apart, and the one with `unsafe`: it loads SSE2 vectors
//! where the target has them, does not look again at text that it has just seen to be ASCII, and
//! says how far it has filled a buffer. [`scan_words`] is the search without.

#![allow(unsafe_code)]

use alloc::{string::String, vec::Vec};
use core::mem::MaybeUninit;
use core::str::Utf8Chunk;

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
    /// then is `replaced` needed. `None` if that makes more than `bytes_max` of it.
    ///
    /// [maximal subpart]: https://encoding.spec.whatwg.org/#utf-8-decoder
    #[inline]
    pub(crate) fn decode<'t>(self, replaced: &'t mut String, bytes_max: usize) -> Option<&'t str>
    where
        'i: 't,
    {
        match self.as_str() {
            Some(text) => Some(text),
            None => replace(self.bytes, replaced, bytes_max),
        }
    }
}

/// Puts U+FFFD for what is broken, into exactly as much room as that takes.
#[cold]
fn replace<'t>(bytes: &[u8], replaced: &'t mut String, bytes_max: usize) -> Option<&'t str> {
    let mark = |chunk: &Utf8Chunk<'_>| if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" };
    let len = bytes.utf8_chunks().map(|chunk| chunk.valid().len() + mark(&chunk).len()).sum();
    if len > bytes_max {
        return None;
    }
    replaced.clear();
    if replaced.capacity() < len {
        *replaced = String::new();
        replaced.reserve_exact(len);
    }
    replaced.extend(bytes.utf8_chunks().flat_map(|chunk| [chunk.valid(), mark(&chunk)]));
    Some(replaced)
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

    /// Appends what there should be [room](Self::has_room) for.
    #[inline]
    pub(crate) fn push(&mut self, text: Text<'_>) {
        self.is_ascii &= text.is_ascii;
        self.bytes.extend_from_slice(text.bytes);
    }

    #[inline]
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.bytes.capacity() - self.bytes.len() >= bytes
    }

    /// Makes room for `bytes` more: doubles what there is, but not past `bytes_max` unless it has to.
    #[cold]
    pub(crate) fn grow(&mut self, bytes: usize, bytes_max: usize) {
        let doubled = self.bytes.capacity().saturating_mul(2).min(bytes_max);
        self.bytes.reserve_exact(bytes.max(doubled.saturating_sub(self.bytes.len())));
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

/// The room that a buffer has already, filled from its front.
pub struct OutputSpace<'o> {
    spare: &'o mut [MaybeUninit<u8>],
    /// How many of its bytes are written; ≤ its length.
    len: usize,
}

impl OutputSpace<'_> {
    /// Puts `bytes` next, or nothing if they do not fit.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let spare = self.spare.get_mut(self.len..)?.get_mut(..bytes.len())?;
        for (to, byte) in spare.iter_mut().zip(bytes) {
            to.write(*byte);
        }
        self.len += bytes.len();
        Some(())
    }

    /// Puts `start`, `value` and LF next, or nothing if they do not fit or the value is not plain:
    /// if it holds a byte below [`CONTROLS_END`].
    #[inline(always)] // In the one place where most values pass; the room stays in registers.
    pub(crate) fn put_plain_line<const N: usize>(
        &mut self,
        start: &[u8; N],
        value: &[u8],
    ) -> Option<()> {
        let (to_start, spare) = self.spare.get_mut(self.len..)?.split_first_chunk_mut()?;
        let (to_value, spare) = spare.split_at_mut_checked(value.len())?;
        let to_end = spare.first_mut()?;
        *to_start = start.map(MaybeUninit::new);
        to_end.write(b'\n');
        copy_plain(value, to_value).then(|| self.len += N + value.len() + 1)
    }
}

/// Appends what `fill` puts into the room that `output` has, unless it gives up.
#[inline]
pub(crate) fn fill_vec(
    output: &mut Vec<u8>,
    fill: impl FnOnce(&mut OutputSpace<'_>) -> Option<()>,
) -> Option<()> {
    let mut room = OutputSpace { spare: output.spare_capacity_mut(), len: 0 };
    fill(&mut room)?;
    let len = room.len;
    // SAFETY: the next `len` bytes are within the capacity, and written.
    unsafe { output.set_len(output.len() + len) };
    Some(())
}

/// The same for the buffer of another crate.
#[cfg(feature = "bytes")]
#[inline]
pub(crate) fn fill_bytes_mut(
    output: &mut bytes::BytesMut,
    fill: impl FnOnce(&mut OutputSpace<'_>) -> Option<()>,
) -> Option<()> {
    let mut room = OutputSpace { spare: output.spare_capacity_mut(), len: 0 };
    fill(&mut room)?;
    let len = room.len;
    // SAFETY: the next `len` bytes are within the capacity, and written.
    unsafe { output.set_len(output.len() + len) };
    Some(())
}

/// Copies `value` to as much room and looks at it on the way. True if all of it is copied and plain.
#[inline(always)] // A call would be much of what a short one takes.
fn copy_plain(value: &[u8], room: &mut [MaybeUninit<u8>]) -> bool {
    match value.len() {
        0..4 => {
            let copied = room.iter_mut().zip(value).map(|(to, byte)| *to.write(*byte));
            copied.fold(true, |is_plain, byte| is_plain & (byte >= CONTROLS_END))
        }
        4..8 => copy_plain_ends::<4>(value, room),
        8..16 => copy_plain_ends::<8>(value, room),
        16..64 => copy_plain_chunks::<16>(value, room),
        _ => copy_plain_chunks::<64>(value, room),
    }
}

/// Copies `N` to `2 * N` bytes: the first and the last `N` of them, which may overlap.
#[inline]
fn copy_plain_ends<const N: usize>(value: &[u8], room: &mut [MaybeUninit<u8>]) -> bool {
    let Some((first, to)) = value.first_chunk().zip(room.first_chunk_mut()) else { return false };
    *to = first.map(MaybeUninit::new);
    let Some((last, to)) = value.last_chunk().zip(room.last_chunk_mut()) else { return false };
    *to = last.map(MaybeUninit::new);
    controls(word::<N>(first)) | controls(word::<N>(last)) == 0
}

/// Copies `N` bytes or more, `N` at a time; the last of them may in part have been copied before.
#[inline(never)]
fn copy_plain_chunks<const N: usize>(value: &[u8], room: &mut [MaybeUninit<u8>]) -> bool {
    let ((chunks, _), (rooms, _)) = (value.as_chunks::<N>(), room.as_chunks_mut());
    for (chunk, to) in chunks.iter().zip(rooms) {
        if !copy_plain_chunk(chunk, to) {
            return false;
        }
    }
    let last = value.last_chunk::<N>().zip(room.last_chunk_mut());
    last.is_some_and(|(chunk, to)| copy_plain_chunk(chunk, to))
}

/// Copies a multiple of sixteen bytes, of which the compiler makes vectors.
#[inline(always)]
fn copy_plain_chunk<const N: usize>(chunk: &[u8; N], to: &mut [MaybeUninit<u8>; N]) -> bool {
    let chunk = *chunk;
    *to = chunk.map(MaybeUninit::new);
    let mut least = [u8::MAX; 16];
    for sixteen in chunk.as_chunks::<16>().0 {
        least.iter_mut().zip(sixteen).for_each(|(least, byte)| *least = (*least).min(*byte));
    }
    least.iter().fold(true, |is_plain, byte| is_plain & (*byte >= CONTROLS_END))
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

/// Sets the high bit of the lowest byte that is a control. Above that one it may be mistaken.
fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * u64::from(CONTROLS_END)) & !word & HIGHS
}

/// Up to eight bytes as a word, filled up with what is no control.
#[inline]
fn word<const N: usize>(bytes: &[u8; N]) -> u64 {
    let mut word = [u8::MAX; 8];
    word.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    u64::from_le_bytes(word)
}

/// Below it are CR, LF and NUL, and nothing else that is often written.
const CONTROLS_END: u8 = b'\r' + 1;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use core::mem;

    /// What is appended to `before` if there is room for `room_bytes` more.
    fn put_line(before: &[u8], room_bytes: usize, value: &[u8]) -> Option<Vec<u8>> {
        let mut output = before.to_vec();
        output.reserve_exact(room_bytes);
        let filled = fill_vec(&mut output, |room| {
            // An allocator may give more than was asked for.
            room.spare = &mut mem::take(&mut room.spare)[..room_bytes];
            room.put_plain_line(b"start", value)
        });
        assert!(filled.is_some() || output == before);
        filled.map(|()| output)
    }

    /// Every length and alignment of what is read and of what is written.
    #[test]
    fn a_plain_line_is_copied_whatever_its_length_and_alignment() {
        let text: Vec<u8> = (0x0E..=0xFF).collect();
        for len in (0..70).chain(120..140).chain(190..200) {
            for (start, before) in (0..16).flat_map(|start| (0..16).map(move |at| (start, at))) {
                let (value, before) = (&text[start..start + len], &text[..before]);
                let expected = [before, b"start", value, b"\n"].concat();
                assert_eq!(put_line(before, len + 6, value), Some(expected), "{len}");
                assert_eq!(put_line(before, len + 5, value), None, "{len}");
            }
        }
    }

    #[test]
    fn a_byte_that_is_not_plain_is_seen_wherever_it_lies() {
        for len in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 130] {
            for (at, byte) in (0..len).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut value = vec![b'x'; len];
                value[at] = byte;
                let is_put = put_line(b"", len + 6, &value).is_some();
                assert_eq!(is_put, byte > b'\r', "{byte} at {at} of {len}");
            }
        }
    }

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

    /// At the same place of two words, or of two vectors.
    #[test]
    fn two_bytes_beyond_ascii_do_not_make_up_for_each_other() {
        for (stride, at) in
            [8, 16].into_iter().flat_map(|stride| (0..16).map(move |at| (stride, at)))
        {
            for end in at + stride + 1..50 {
                let mut bytes = vec![b'x'; 50];
                bytes[at] = 0x80;
                bytes[at + stride] = 0x80;
                bytes[end] = b'\n';
                assert_scanned(&bytes);
                assert_scanned(&bytes[..end]);
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
            let decoded = gathered.as_text().decode(&mut replaced, 0);
            assert_eq!(decoded.map(str::as_bytes), Some(wire));
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
        assert_eq!(buffer.as_text().decode(&mut String::new(), 4), Some("x\u{FFFD}"));
    }

    #[test]
    fn broken_text_is_replaced_in_no_more_room_than_it_takes() {
        for bytes in
            [&b"\xFF"[..], b"a\xFFb", b"\xE2\x82", b"\xE2\x82\xE2\x82\xAC\xFE", b"\xF0\x9Fxy"]
        {
            let (text, expected) = (Text::split(bytes).0, String::from_utf8_lossy(bytes));
            let mut replaced = String::from("what an earlier one left");
            assert_eq!(text.decode(&mut replaced, expected.len()), Some(&*expected));
            let mut replaced = String::new();
            assert_eq!(text.decode(&mut replaced, expected.len()), Some(&*expected));
            assert_eq!(replaced.capacity(), expected.len());
            assert_eq!(text.decode(&mut replaced, expected.len() - 1), None);
        }
    }

    #[test]
    fn a_buffer_doubles_up_to_its_limit_and_passes_it_by_what_it_must() {
        let mut buffer = TextBuffer::EMPTY;
        for (bytes, capacity) in [(3, 3), (1, 6), (4, 10), (2, 10), (1, 11), (20, 31)] {
            if !buffer.has_room(bytes) {
                buffer.grow(bytes, 10);
            }
            buffer.push(Text::split(&vec![b'x'; bytes]).0);
            assert_eq!(buffer.capacity(), capacity, "{bytes} more");
        }
    }
}
