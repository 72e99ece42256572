//! The payload length of a frame: one, three or nine bytes on the wire.
//!
//! Seven bits of a frame's second byte hold a length up to 125, or say how wide the integer after
//! them is. [RFC 6455 §5.2] wants the shortest form, so every length has exactly one spelling.
//!
//! [RFC 6455 §5.2]: https://www.rfc-editor.org/rfc/rfc6455#section-5.2

use crate::{Output, ProtocolError};

/// A payload length in bytes, always below 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLen(u64);

impl PayloadLen {
    /// A length of `bytes`; `None` from 2^63 on.
    pub const fn new(bytes: u64) -> Option<Self> {
        if bytes < LEN_END { Some(Self(bytes)) } else { None }
    }

    /// The length of a payload that is at hand.
    pub fn of(payload: &[u8]) -> Self {
        // No slice is longer than `isize::MAX`, so this converts and stays below the end.
        Self(u64::try_from(payload.len()).unwrap_or_default())
    }

    /// The length in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads the length at the front of `input`: a frame, less its first byte.
    ///
    /// Returns the length and the bytes that spelled it, or `None` when `input` ends too early.
    /// Nothing is kept between calls, so try again from the same byte once more has arrived.
    ///
    /// # Errors
    ///
    /// The peer set the top bit, or chose a longer form than the length needs.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((first, rest)) = input.split_first() else { return Ok(None) };
        let (len, width) = match first & !MASK_BIT {
            U16_FOLLOWS => (rest.first_chunk().map(|be| u16::from_be_bytes(*be).into()), 3),
            U64_FOLLOWS => (rest.first_chunk().map(|be| u64::from_be_bytes(*be)), 9),
            short => (Some(short.into()), 1),
        };
        match len {
            None => Ok(None),
            Some(LEN_END..) => Err(ProtocolError::LengthTooLarge),
            Some(len) if Self(len).width() < width => Err(ProtocolError::LengthNotMinimal),
            Some(len) => Ok(Some((Self(len), width))),
        }
    }

    /// Takes a frame of this payload off the front of `input`, if all of it is there.
    #[inline]
    pub(crate) fn take_payload<'a>(
        self,
        input: &mut &'a mut [u8],
        header_bytes: usize,
    ) -> Option<&'a mut [u8]> {
        let frame_bytes = usize::try_from(self.0).ok()?.checked_add(header_bytes)?;
        input.split_off_mut(..frame_bytes)?.get_mut(header_bytes..)
    }

    /// Appends the length to `output`, leaving the mask bit clear.
    pub fn encode(self, output: &mut impl Output) {
        let [a, b, c, d, e, f, high, low] = self.0.to_be_bytes();
        match self.width() {
            1 => output.append(&[low]),
            3 => output.append(&[U16_FOLLOWS, high, low]),
            _ => output.append(&[U64_FOLLOWS, a, b, c, d, e, f, high, low]),
        }
    }

    /// How many bytes the shortest form takes.
    const fn width(self) -> usize {
        match self.0 {
            0..=125 => 1,
            126..=0xFFFF => 3,
            _ => 9,
        }
    }
}

const LEN_END: u64 = 1 << 63;
pub(crate) const MASK_BIT: u8 = 0x80;
const U16_FOLLOWS: u8 = 126;
const U64_FOLLOWS: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Both sides of every length at which the width changes, spelled out as on the wire.
    const EDGES: [(u64, &[u8]); 6] = [
        (0, &[0]),
        (125, &[125]),
        (126, &[126, 0, 126]),
        (0xFFFF, &[126, 0xFF, 0xFF]),
        (0x1_0000, &[127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (u64::MAX >> 1, &[127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    ];

    #[test]
    fn every_width_reads_and_writes_at_its_edges() {
        for (len, wire) in EDGES {
            let mut output = Vec::new();
            PayloadLen(len).encode(&mut output);
            assert_eq!(output, wire);
            assert_eq!(PayloadLen::decode(wire), Ok(Some((PayloadLen(len), wire.len()))));
        }
    }

    #[test]
    fn a_length_cut_anywhere_asks_for_more() {
        for (_, wire) in EDGES {
            for end in 0..wire.len() {
                assert_eq!(PayloadLen::decode(&wire[..end]), Ok(None), "{end} of {wire:?}");
            }
        }
    }

    #[test]
    fn the_mask_bit_is_not_part_of_the_length() {
        assert_eq!(PayloadLen::decode(&[0x80 | 5]), Ok(Some((PayloadLen(5), 1))));
    }

    #[test]
    fn a_longer_form_than_needed_is_refused() {
        for wire in [&[126, 0, 125][..], &[127, 0, 0, 0, 0, 0, 0, 255, 255]] {
            assert_eq!(PayloadLen::decode(wire), Err(ProtocolError::LengthNotMinimal));
        }
    }

    #[test]
    fn a_length_with_the_top_bit_set_is_refused() {
        let wire = [127, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(PayloadLen::decode(&wire), Err(ProtocolError::LengthTooLarge));
    }
}
