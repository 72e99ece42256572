//! Text as it lies on the wire: where its first line ends, and whether it is ASCII up to there.
//!
//! Every byte of every message is looked at once, here: when it is read, and when it is written
//! into an [`OutputSpace`]. That is why this file is apart, and the one with `unsafe`: it loads SSE2 vectors
//! where the target has them and AVX2 vectors with the feature `simd`, does not look again at text that it has just seen to be ASCII, and
//! says how far it has filled a buffer. [`scan_words`] is the search without.

#![allow(unsafe_code)]

use alloc::{string::String, vec::Vec};
use core::mem::{self, MaybeUninit};
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

    /// [Decodes](Self::decode) into an allocation of its own, with room for `others` more.
    #[inline]
    pub(crate) fn own(self, others: usize, bytes_max: usize) -> Option<String> {
        let Some(text) = self.as_str() else { return replace_owned(self.bytes, bytes_max) };
        let mut string = String::with_capacity(text.len() + others);
        string.push_str(text);
        Some(string)
    }
}

/// The same for text in an allocation of its own.
#[cold]
fn replace_owned(bytes: &[u8], bytes_max: usize) -> Option<String> {
    let mut replaced = String::new();
    replace(bytes, &mut replaced, bytes_max)?;
    Some(replaced)
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

    /// The text in this allocation, or in one that fits if it is less than half full. Broken text
    /// is replaced; `None` if that makes more than `bytes_max` of it.
    pub(crate) fn take_string(&mut self, others: usize, bytes_max: usize) -> Option<String> {
        let text = self.as_text();
        let len = text.bytes.len();
        if self.bytes.capacity() / 2 > len + others || text.as_str().is_none() {
            return text.own(others, bytes_max);
        }
        let Self { bytes, .. } = mem::replace(self, Self::EMPTY);
        // SAFETY: these bytes have just been found to be UTF-8.
        Some(unsafe { String::from_utf8_unchecked(bytes) })
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

/// The same in the rest of a line that is long already: with AVX2, if the processor has it.
///
/// `memchr` finds the end as fast, but does not say whether all is ASCII, and a second pass for that costs
/// as much as the first.
#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
#[inline(never)]
fn scan_long(bytes: &[u8]) -> Option<(usize, bool)> {
    if !std::is_x86_feature_detected!("avx2") {
        return None;
    }
    // SAFETY: the processor has AVX2, as was just asked.
    let (chunks, seen) = unsafe { scan_wide(bytes) };
    let len = chunks * WIDE_BYTES;
    let (rest, is_ascii) = scan_words(bytes.get(len..)?);
    Some((len + rest, seen && is_ascii))
}

/// How many chunks of [`WIDE_BYTES`] have no end in them, from the front, and whether those are ASCII.
#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
#[target_feature(enable = "avx2")]
fn scan_wide(bytes: &[u8]) -> (usize, bool) {
    use core::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8, _mm256_setzero_si256,
    };
    let [cr, lf] = [0x0D, 0x0A].map(|byte| _mm256_set1_epi8(byte));
    let mut seen = _mm256_setzero_si256();
    let mut count = 0;
    for chunk in bytes.as_chunks::<WIDE_BYTES>().0 {
        let (vectors, _) = chunk.as_chunks::<32>();
        let (mut all, mut ends) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for vector in vectors {
            // SAFETY: the 32 bytes that are read are those of `vector`.
            let vector: __m256i = unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
            let is_end =
                _mm256_or_si256(_mm256_cmpeq_epi8(vector, cr), _mm256_cmpeq_epi8(vector, lf));
            (all, ends) = (_mm256_or_si256(all, vector), _mm256_or_si256(ends, is_end));
        }
        if _mm256_movemask_epi8(ends) != 0 {
            break;
        }
        seen = _mm256_or_si256(seen, all);
        count += 1;
    }
    (count, _mm256_movemask_epi8(seen) == 0)
}

/// What the wide search looks at in one step.
#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
const WIDE_BYTES: usize = 128;

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
        #[cfg(feature = "simd")]
        if index == LONG_CHUNKS
            && let Some((len, is_ascii)) = bytes.get(16 * (index + 1)..).and_then(scan_long)
        {
            return (16 * (index + 1) + len, is_ascii && _mm_movemask_epi8(seen) == 0);
        }
    }
    if rest.is_empty() {
        return (bytes.len(), _mm_movemask_epi8(seen) == 0);
    }
    let (vector, ends) = load(last);
    let before = ends.wrapping_sub(1) & !ends;
    let high = _mm_movemask_epi8(seen) | (_mm_movemask_epi8(vector) & before);
    (bytes.len() - 16 + trailing_zeros(ends).min(16), high == 0)
}

/// After that many vectors without an end a line is long: asking for the processor's features pays then.
#[cfg(all(feature = "simd", target_arch = "x86_64", target_feature = "sse2"))]
const LONG_CHUNKS: usize = 31;

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
mod tests;
