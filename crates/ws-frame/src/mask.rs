//! The mask of a client's payload: exclusive-or with a key of four bytes, over and over.
//!
//! It hides nothing; it keeps a page's script from choosing the bytes on the wire
//! ([RFC 6455 §5.3], [§10.3]). Masking twice with one key is no masking. Since every byte passes
//! here anyway, this is where a text is seen to be ASCII, which spares it a second pass: that, and
//! vectors that not every processor has, is what `unsafe` is for in this file.
//!
//! [RFC 6455 §5.3]: https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//! [§10.3]: https://www.rfc-editor.org/rfc/rfc6455#section-10.3
#![allow(unsafe_code)]

use crate::utf8::{self, Utf8};
use crate::{Event, Kind, ProtocolError};

/// A mask, and how far it has been applied.
///
/// ```
/// # use ws_frame::Mask;
/// let mut masked = *b"\x7f\x9f\x4d\x51\x58";
/// let mut mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
/// mask.apply(&mut masked[..3]);
/// mask.apply(&mut masked[3..]);
/// assert_eq!(&masked, b"Hello");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    /// The key, its lowest byte for the next byte of payload.
    key: u32,
}

impl Mask {
    /// The mask of this key, at the beginning of a payload.
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    /// Masks or unmasks the next `bytes` of a payload, in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        // The mask of a payload that has none.
        if self.key != 0 {
            let _seen = unmask(bytes, self.key);
            self.key = rotated(self.key, bytes.len());
        }
    }

    /// Unmasks a message that is all there.
    ///
    /// # Errors
    ///
    /// It is a text, and not UTF-8.
    #[inline]
    pub(crate) fn apply_to_whole(
        self,
        kind: Kind,
        payload: &mut [u8],
    ) -> Result<Event<'_>, ProtocolError> {
        // What a server sends has no mask, and nothing is asked of it when it is binary.
        if kind == Kind::Binary && self.key == 0 {
            return Ok(Event::Binary(payload));
        }
        let seen = unmask(payload, self.key);
        if kind == Kind::Binary {
            return Ok(Event::Binary(payload));
        }
        if is_ascii(seen) {
            // SAFETY: each byte was seen, and none has its top bit set: ASCII, which is UTF-8.
            return Ok(Event::Text(unsafe { str::from_utf8_unchecked(payload) }));
        }
        utf8::check_whole(payload).map(Event::Text)
    }

    /// Unmasks the next piece of a text of which `utf8` has seen what came before.
    ///
    /// # Errors
    ///
    /// The text cannot become UTF-8.
    pub(crate) fn apply_to_text(
        &mut self,
        piece: &mut [u8],
        utf8: &mut Utf8,
    ) -> Result<(), ProtocolError> {
        let seen = unmask(piece, self.key);
        self.key = rotated(self.key, piece.len());
        if is_ascii(seen) && utf8.is_whole() { Ok(()) } else { utf8.feed(piece) }
    }
}

/// Applies `key` to `bytes`: a word at each end, which may overlap, and the words between.
///
/// Returns the disjunction of what came out, byte for byte.
#[inline(always)] // In the one place where most messages pass; a call is a tenth of a small one.
fn unmask(bytes: &mut [u8], key: u32) -> u64 {
    let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return unmask_few(bytes, key);
    };
    let first = u64::from_le_bytes(*first) ^ doubled(key);
    let last = u64::from_le_bytes(*last) ^ doubled(rotated(key, bytes.len()));
    let seen = match bytes.len() {
        0..=16 => first,
        17..=FEW_BYTES_MAX => unmask_words(bytes, doubled(key)),
        _ => unmask_many_words(bytes, doubled(key)),
    };
    // The words above may have gone over these bytes already. They are not to be unmasked twice.
    if let Some(chunk) = bytes.first_chunk_mut() {
        *chunk = first.to_le_bytes();
    }
    if let Some(chunk) = bytes.last_chunk_mut() {
        *chunk = last.to_le_bytes();
    }
    seen | last
}

/// The same for enough words that it pays to ask which vectors this processor has.
#[inline(never)]
fn unmask_many_words(bytes: &mut [u8], key: u64) -> u64 {
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just asked whether it has what this is compiled for.
        return unsafe { unmask_words_with_avx2(bytes, key) };
    }
    unmask_words(bytes, key)
}

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
fn unmask_words_with_avx2(bytes: &mut [u8], key: u64) -> u64 {
    unmask_words(bytes, key)
}

/// Applies `key` to every whole word of `bytes`, of which the compiler makes vectors.
#[inline(always)]
fn unmask_words(bytes: &mut [u8], key: u64) -> u64 {
    let (words, _) = bytes.as_chunks_mut();
    let mut seen = 0;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes) ^ key;
        *bytes = word.to_le_bytes();
        seen |= word;
    }
    seen
}

/// Applies `key` to less than a word.
#[inline]
fn unmask_few(bytes: &mut [u8], key: u32) -> u64 {
    let mut seen = 0;
    for (byte, key) in bytes.iter_mut().zip(doubled(key).to_le_bytes()) {
        *byte ^= key;
        seen |= *byte;
    }
    seen.into()
}

/// The key from `offset` bytes further on.
fn rotated(key: u32, offset: usize) -> u32 {
    key.rotate_right(u32::try_from(offset % 4 * 8).unwrap_or_default())
}

fn doubled(key: u32) -> u64 {
    let key = u64::from(key);
    key << 32 | key
}

/// Whether bytes of which this is the disjunction are all ASCII.
const fn is_ascii(seen: u64) -> bool {
    seen & TOP_BITS == 0
}

/// Up to here a call costs more than wider vectors save.
const FEW_BYTES_MAX: usize = 128;

const TOP_BITS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// One byte at a time: what all of this must come to.
    fn naive(bytes: &[u8], key: [u8; 4]) -> Vec<u8> {
        bytes.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    fn whole_text(key: [u8; 4], text: &mut [u8]) -> Result<&str, ProtocolError> {
        match Mask::new(key).apply_to_whole(Kind::Text, text)? {
            Event::Text(text) => Ok(text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_length_alignment_and_cut_masks_like_one_byte_at_a_time() {
        let plain: Vec<u8> = (0..=255).collect();
        for start in 0..16 {
            for end in (start..start + 70).chain(start + 125..start + 140) {
                for cut in start..=end {
                    let mut masked = plain.clone();
                    let mut mask = Mask::new(KEY);
                    mask.apply(&mut masked[start..cut]);
                    mask.apply(&mut masked[cut..end]);
                    let expected =
                        [&plain[..start], &naive(&plain[start..end], KEY), &plain[end..]];
                    assert_eq!(masked, expected.concat(), "{start}..{cut}..{end}");
                }
            }
        }
    }

    #[test]
    fn a_byte_beyond_ascii_is_seen_wherever_it_lies() {
        for key in [KEY, [0; 4], [0x80; 4], [0xFF, 0, 0x80, 0x7F]] {
            for start in 0..16 {
                // Around each length at which another way is taken, and around whole vectors.
                for len in (0..70).chain(125..140).chain([160, 255, 256]) {
                    let ascii = naive(&b"0123456789".repeat(26)[..len], key);
                    let mut buffer = [&[0xFF].repeat(start)[..], &ascii, &[0xFF; 16]].concat();
                    let text = &mut buffer[start..start + len];
                    let expected = naive(text, key);
                    assert_eq!(whole_text(key, text).unwrap().as_bytes(), expected);
                    for at in 0..len {
                        buffer[start..start + len].copy_from_slice(&ascii);
                        buffer[start + at] ^= 0x80;
                        let refused = whole_text(key, &mut buffer[start..start + len]);
                        assert_eq!(refused, Err(ProtocolError::TextNotUtf8), "byte {at} of {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_text_beyond_ascii_is_read_at_every_length_and_phase() {
        let text = "a¢€🐎".repeat(12);
        for (end, _) in text.char_indices() {
            let mut masked = naive(&text.as_bytes()[..end], KEY);
            assert_eq!(whole_text(KEY, &mut masked), Ok(&text[..end]));
            for cut in 0..=end {
                let mut masked = naive(&text.as_bytes()[..end], KEY);
                let (mut mask, mut utf8) = (Mask::new(KEY), Utf8::new());
                let (front, back) = masked.split_at_mut(cut);
                assert_eq!(mask.apply_to_text(front, &mut utf8), Ok(()));
                assert_eq!(utf8.is_whole(), text.is_char_boundary(cut));
                assert_eq!(mask.apply_to_text(back, &mut utf8), Ok(()));
                assert_eq!((utf8.is_whole(), &masked[..]), (true, &text.as_bytes()[..end]));
            }
        }
    }

    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
}
