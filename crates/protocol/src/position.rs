//! A position as text: `k3f9a-1042`, the epoch in base 36 and the offset in decimal.
//!
//! To a client it is opaque; here it has exactly one spelling, so that text can be compared.

use crate::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Where a message stands in the one log of a broker.
///
/// Offsets are ordered within an epoch only, so positions as such are not.
///
/// ```
/// use tidewire_protocol::Position;
///
/// let position: Position = "k3f9a-1042".parse()?;
/// assert_eq!(position.offset, 1042);
/// assert_eq!(position.to_string(), "k3f9a-1042");
/// # Ok::<(), tidewire_protocol::InvalidPosition>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Changes whenever the order could not be continued.
    pub epoch: u64,
    /// Never repeats within an epoch.
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
        Ok(Self { epoch: read_digits(epoch, 36)?, offset: read_digits(offset, 10)? })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::parse(deserializer)
    }
}

/// Appends `value` in the given radix, at most 36, without leading zeros.
pub(crate) fn write_digits<const RADIX: u64>(mut value: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        let [digit, ..] = (value % RADIX).to_le_bytes();
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        value /= RADIX;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Reads what [`write_digits`] writes, and no other spelling: the standard library's parser would
/// also take a plus sign, leading zeros and uppercase.
pub(crate) fn read_digits(text: &str, radix: u32) -> Result<u64, InvalidPosition> {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    let ours = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'));
    if leading_zero || !ours {
        return Err(InvalidPosition);
    }
    u64::from_str_radix(text, radix).map_err(|_| InvalidPosition)
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

    #[test]
    fn json_holds_a_position_as_a_string() {
        let position = Position { epoch: 36, offset: 7 };
        assert_eq!(serde_json::to_string(&position).unwrap(), r#""10-7""#);
        assert_eq!(serde_json::from_str::<Position>(r#""10-7""#).unwrap(), position);
        assert_eq!(
            serde_json::from_str::<Position>(r#""nope""#).unwrap_err().to_string(),
            "not a position: expected one as the server gave it, such as `k3f9a-1042`"
        );
        serde_json::from_str::<Position>("7").unwrap_err();
    }
}
