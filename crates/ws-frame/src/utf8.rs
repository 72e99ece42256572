//! Checks that a text is UTF-8 while it arrives in pieces that may end inside a code point.
//!
//! The standard library checks the bulk; only the few bytes around a cut are checked here, by the
//! table of [RFC 3629 §4]. A byte that no text can have at its place is refused at once.
//!
//! [RFC 3629 §4]: https://www.rfc-editor.org/rfc/rfc3629#section-4

use core::ops::RangeInclusive;

use crate::ProtocolError;

/// Checks a text that is all there.
///
/// # Errors
///
/// It is not UTF-8.
pub(crate) fn check_whole(text: &[u8]) -> Result<&str, ProtocolError> {
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(text);
    #[cfg(not(feature = "simd"))]
    let text = str::from_utf8(text);
    text.map_err(|_| ProtocolError::TextNotUtf8)
}

/// The end of the text so far: how the code point it cuts must go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Utf8 {
    /// Bytes the code point still lacks; 0 between two code points.
    missing: u8,
    /// The least the next of them may be.
    low: u8,
    /// The greatest the next of them may be.
    high: u8,
}

impl Utf8 {
    /// The beginning of a text, and the end of a whole one.
    pub(crate) const fn new() -> Self {
        Self::lacking(0, CONTINUATION)
    }

    /// Whether the text so far does not end inside a code point.
    pub(crate) const fn is_whole(self) -> bool {
        self.missing == 0
    }

    /// Takes the next `bytes` of the text.
    ///
    /// # Errors
    ///
    /// Whatever may follow, the text is not UTF-8.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), ProtocolError> {
        while !self.is_whole() {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            self.step(byte)?;
            bytes = rest;
        }
        match str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) => {
                let mut rest = bytes.iter().skip(error.valid_up_to());
                rest.try_for_each(|byte| self.step(*byte))
            }
        }
    }

    /// Takes one byte.
    fn step(&mut self, byte: u8) -> Result<(), ProtocolError> {
        *self = match (self.missing, byte) {
            (0, 0x00..=0x7F) => Self::new(),
            (0, 0xC2..=0xDF) => Self::lacking(1, CONTINUATION),
            (0, 0xE0) => Self::lacking(2, 0xA0..=0xBF),
            (0, 0xED) => Self::lacking(2, 0x80..=0x9F),
            (0, 0xE1..=0xEF) => Self::lacking(2, CONTINUATION),
            (0, 0xF0) => Self::lacking(3, 0x90..=0xBF),
            (0, 0xF4) => Self::lacking(3, 0x80..=0x8F),
            (0, 0xF1..=0xF3) => Self::lacking(3, CONTINUATION),
            (1.., _) if (self.low..=self.high).contains(&byte) => {
                Self::lacking(self.missing.saturating_sub(1), CONTINUATION)
            }
            _ => return Err(ProtocolError::TextNotUtf8),
        };
        Ok(())
    }

    const fn lacking(missing: u8, next: RangeInclusive<u8>) -> Self {
        Self { missing, low: *next.start(), high: *next.end() }
    }
}

const CONTINUATION: RangeInclusive<u8> = 0x80..=0xBF;

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides of every edge of the table.
    const EDGES: [u8; 22] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
        0xED, 0xEE, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5,
    ];

    /// What the standard library says of a text that goes on: `None` if it cannot become UTF-8.
    fn verdict(text: &[u8]) -> Option<bool> {
        match str::from_utf8(text) {
            Ok(_) => Some(true),
            Err(error) => error.error_len().is_none().then_some(false),
        }
    }

    #[test]
    fn every_cut_of_every_sequence_is_judged_like_the_whole() {
        for a in EDGES {
            for b in EDGES {
                for c in EDGES {
                    for d in EDGES {
                        let text = [b'a', a, b, c, d];
                        for cut in 0..=text.len() {
                            let mut utf8 = Utf8::new();
                            let fed = utf8
                                .feed(&text[..cut])
                                .and_then(|()| utf8.feed(&text[cut..]))
                                .map(|()| utf8.is_whole());
                            assert_eq!(fed.ok(), verdict(&text), "{text:x?} cut at {cut}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_byte_that_cannot_be_there_is_refused_at_once() {
        for a in 0..=255 {
            for b in 0..=255 {
                let mut utf8 = Utf8::new();
                let fed = [a, b].iter().try_for_each(|byte| utf8.feed(&[*byte]));
                assert_eq!(fed.map(|()| utf8.is_whole()).ok(), verdict(&[a, b]), "{a:x} {b:x}");
            }
        }
    }
}
