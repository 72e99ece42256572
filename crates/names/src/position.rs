//! Where a message stands in the one order, and that as text: `k3f9a-1042`, the epoch in base 36 and the
//! offset in decimal.
//!
//! To a client it is opaque; here it has exactly one spelling, so that text can be compared.

use crate::digits::{read_digits, write_digits};
use std::{fmt, str::FromStr};

/// A place in the one log of a broker: everything up to and including `offset` lies before it.
///
/// Offsets begin at 1; offset 0 is the place before the first message. Positions of different epochs
/// have no order, so the type has none.
///
/// ```
/// use tidewire_names::Position;
///
/// let position: Position = "k3f9a-1042".parse()?;
/// assert_eq!(position.offset, 1042);
/// assert_eq!(position.to_string(), "k3f9a-1042");
/// # Ok::<(), tidewire_names::InvalidPosition>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Changes whenever the order cannot be continued, as when a memory broker restarts.
    pub epoch: u64,
    /// How many messages the broker had ordered, in all channels, up to here. Never repeats within an
    /// epoch.
    pub offset: u64,
}

/// The text is not a position of ours; it may be another server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected one as the server gave it, such as `k3f9a-1042`")]
pub struct InvalidPosition;

impl Position {
    /// Appends the text: at most [`Position::TEXT_BYTES_MAX`] bytes of `[0-9a-z-]`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        write_digits::<36>(self.epoch, out);
        out.push(b'-');
        write_digits::<10>(self.offset, out);
    }

    /// What the longest position takes: 13 digits, the dash, 20 digits.
    pub const TEXT_BYTES_MAX: usize = 34;
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(Self::TEXT_BYTES_MAX);
        self.write_to(&mut text);
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, offset) = text.split_once('-').ok_or(InvalidPosition)?;
        let (epoch, offset) = (read_digits(epoch, 36), read_digits(offset, 10));
        let (epoch, offset) = epoch.zip(offset).ok_or(InvalidPosition)?;
        Ok(Self { epoch, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPELLINGS: [(u64, u64, &str); 5] = [
        (0, 0, "0-0"),
        (35, 10, "z-10"),
        (36, 9, "10-9"),
        (33_752_062, 1042, "k3f9a-1042"),
        (u64::MAX, u64::MAX, "3w5e11264sgsf-18446744073709551615"),
    ];

    #[test]
    fn a_position_has_one_spelling() {
        for (epoch, offset, text) in SPELLINGS {
            let position = Position { epoch, offset };
            assert_eq!(position.to_string(), text);
            assert_eq!(text.parse(), Ok(position));
        }
    }

    #[test]
    fn writing_appends() {
        let mut out = b"id: ".to_vec();
        Position { epoch: 36, offset: 7 }.write_to(&mut out);
        assert_eq!(out, b"id: 10-7");
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            "-",
            "a-",
            "-1",
            "a",
            "a1",
            "01-1",
            "a-01",
            "00-1",
            "+1-1",
            "a-+1",
            "A-1",
            "a-1-2",
            "a--1",
            " a-1",
            "a-1 ",
            "a-1\n",
            "a-1f",
            "a_1",
            "é-1",
            "a-١",
            "now",
            "3w5e11264sgsg-0",
            "0-18446744073709551616",
            "zzzzzzzzzzzzzzzzzzzz-1",
        ] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text:?}");
        }
    }

    #[test]
    fn random_positions_survive_the_round_trip() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..20_000 {
            let (epoch, offset) = (random() >> (random() % 64), random() >> (random() % 64));
            let position = Position { epoch, offset };
            let text = position.to_string();
            assert!(text.len() <= Position::TEXT_BYTES_MAX);
            assert_eq!(text.parse(), Ok(position), "{text}");
        }
    }
}
