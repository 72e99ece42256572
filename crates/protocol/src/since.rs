//! Where a reader asks to begin: `now`, `earliest`, a position, a time such as `@1763790000123`, or a
//! while ago such as `5m`.

use crate::{Bookmark, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr, time::Duration};

/// The place in the log from which a reader wants messages, or up to which.
///
/// ```
/// use std::time::Duration;
/// use tidewire_protocol::Since;
///
/// assert_eq!("5m".parse(), Ok(Since::Ago(Duration::from_secs(300))));
/// assert_eq!("now".parse(), Ok(Since::Now));
/// assert_eq!("@1763790000123".parse(), Ok(Since::Time(1_763_790_000_123)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Since {
    /// Only what is published from here on.
    Now,
    /// Everything that is retained.
    Earliest,
    /// Everything after this position, or from where a page ended.
    After(Bookmark),
    /// Everything published at this time or later: milliseconds since the Unix epoch.
    Time(u64),
    /// Everything published since that long ago; whole milliseconds.
    Ago(Duration),
}

/// The text says no place in the log. It may be another server's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a position or a time: allowed are `now`, `earliest`, a position as the server gave it \
     (`k3f9a-1042`), a duration (`250ms`, `90s`, `5m`, `2h`, `1d`) and a time in milliseconds since \
     1970 (`@1763790000123`)"
)]
pub struct InvalidSince;

/// The text is not a whole number and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration: expected a whole number and a unit, such as `250ms`, `90s`, `5m`, `2h`, `1d`"
)]
pub struct InvalidDuration;

/// Reads a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
///
/// Anything else: a fraction, a sign, a space, no unit, or more than 2^64 milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let number_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(number_len).ok_or(InvalidDuration)?;
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidDuration)?;
    let number: u64 = number.parse().map_err(|_| InvalidDuration)?;
    number.checked_mul(*unit_ms).map(Duration::from_millis).ok_or(InvalidDuration)
}

impl Since {
    /// Everything after a position, or from where a page ended.
    pub fn after(place: impl Into<Bookmark>) -> Self {
        Self::After(place.into())
    }
}

impl From<Bookmark> for Since {
    fn from(bookmark: Bookmark) -> Self {
        Self::After(bookmark)
    }
}

impl FromStr for Since {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, InvalidSince> {
        match text {
            "now" => Ok(Self::Now),
            "earliest" => Ok(Self::Earliest),
            _ => match text.strip_prefix(TIME_PREFIX) {
                Some(time) => parse_time(time).map(Self::Time),
                None => (text.parse().map(Self::After))
                    .or_else(|_| parse_duration(text).map(Self::Ago))
                    .map_err(|_| InvalidSince),
            },
        }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.pad("now"),
            Self::Earliest => f.pad("earliest"),
            Self::After(bookmark) => bookmark.fmt(f),
            Self::Time(time_ms) => write!(f, "{TIME_PREFIX}{time_ms}"),
            Self::Ago(ago) => write_duration(*ago, f),
        }
    }
}

impl Serialize for Since {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::parse(deserializer)
    }
}

/// Reads milliseconds. The standard library's parser would also take a plus sign.
fn parse_time(text: &str) -> Result<u64, InvalidSince> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(InvalidSince)
}

/// Writes the largest unit that leaves no fraction.
fn write_duration(duration: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let ms = duration.as_millis();
    let fits = |unit_ms: u64| ms > 0 && ms.is_multiple_of(unit_ms.into());
    let (unit, unit_ms) = UNITS.iter().find(|(_, ms)| fits(*ms)).unwrap_or(&("ms", 1));
    write!(f, "{}{unit}", ms / u128::from(*unit_ms))
}

const TIME_PREFIX: char = '@';

/// Largest first, each in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    const SEVEN: Position = Position { epoch: 36, offset: 7 };

    #[test]
    fn every_form_reads_and_writes() {
        for (text, since) in [
            ("now", Since::Now),
            ("earliest", Since::Earliest),
            ("10-7", Since::after(SEVEN)),
            ("10-7~9", Since::After(Bookmark { after: SEVEN, state: Some(9) })),
            ("@0", Since::Time(0)),
            ("@1763790000123", Since::Time(1_763_790_000_123)),
            ("@18446744073709551615", Since::Time(u64::MAX)),
            ("250ms", Since::Ago(Duration::from_millis(250))),
            ("90s", Since::Ago(Duration::from_secs(90))),
            ("5m", Since::Ago(Duration::from_secs(300))),
            ("2h", Since::Ago(Duration::from_secs(7200))),
            ("1d", Since::Ago(Duration::from_secs(86_400))),
            ("0ms", Since::Ago(Duration::ZERO)),
        ] {
            assert_eq!(text.parse(), Ok(since), "{text}");
            assert_eq!(since.to_string(), text);
            assert_eq!(serde_json::to_string(&since).unwrap(), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Since>(&format!("\"{text}\"")).unwrap(), since);
        }
        assert_eq!("120s".parse::<Since>().unwrap().to_string(), "2m");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        for text in
            ["", "Now", "5", "m", "5 m", "-5m", "+5m", "1.5h", "5M", "5mm", "5m ", "5é", "10-7~7"]
        {
            assert_eq!(text.parse::<Since>(), Err(InvalidSince), "{text:?}");
        }
        for text in ["@", "@+5", "@-5", "@5ms", "@@5", "@ 5", "@18446744073709551616", "@10-7"] {
            assert_eq!(text.parse::<Since>(), Err(InvalidSince), "{text:?}");
        }
        assert_eq!(
            InvalidSince.to_string(),
            "not a position or a time: allowed are `now`, `earliest`, a position as the server \
            gave it \
             (`k3f9a-1042`), a duration (`250ms`, `90s`, `5m`, `2h`, `1d`) and a time in \
             milliseconds since 1970 (`@1763790000123`)"
        );
    }

    #[test]
    fn a_duration_that_overflows_is_refused() {
        assert_eq!(parse_duration("18446744073709551615ms"), Ok(Duration::from_millis(u64::MAX)));
        for text in ["18446744073709551616ms", "18446744073709551615s", "213503982335d"] {
            assert_eq!(parse_duration(text), Err(InvalidDuration), "{text}");
        }
    }
}
