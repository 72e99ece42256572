//! The mask of a client's payload: exclusive-or with a key of four bytes, over and over.
//!
//! It hides nothing; it keeps a page's script from choosing the bytes on the wire
//! ([RFC 6455 §5.3], [§10.3]). Masking twice with one key is no masking.
//!
//! [RFC 6455 §5.3]: https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//! [§10.3]: https://www.rfc-editor.org/rfc/rfc6455#section-10.3

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
    /// The key, rotated so that its first byte is for the next byte of payload.
    key: [u8; 4],
}

impl Mask {
    /// The mask of this key, at the beginning of a payload.
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Masks or unmasks the next `bytes` of a payload, in place.
    #[inline]
    pub fn apply(&mut self, bytes: &mut [u8]) {
        // The mask of a payload that has none.
        if self.key == [0; 4] {
            return;
        }
        let [a, b, c, d] = self.key;
        let key = [a, b, c, d, a, b, c, d];
        self.key = match bytes.len() % 4 {
            1 => [b, c, d, a],
            2 => [c, d, a, b],
            3 => [d, a, b, c],
            _ => self.key,
        };

        let (words, tail) = bytes.as_chunks_mut();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(key)).to_ne_bytes();
        }
        for (byte, key) in tail.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_length_alignment_and_cut_masks_like_one_byte_at_a_time() {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        let plain: Vec<u8> = (0..=255).collect();
        for start in 0..16 {
            for end in start..start + 70 {
                for cut in start..=end {
                    let mut masked = plain.clone();
                    let mut mask = Mask::new(key);
                    mask.apply(&mut masked[start..cut]);
                    mask.apply(&mut masked[cut..end]);
                    for (at, (masked, plain)) in masked.iter().zip(&plain).enumerate() {
                        let inside = (start..end).contains(&at);
                        let key = if inside { key[(at - start) % 4] } else { 0 };
                        assert_eq!(*masked, plain ^ key, "byte {at} of {start}..{cut}..{end}");
                    }
                }
            }
        }
    }
}
