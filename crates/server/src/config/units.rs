//! Values as people write them, most with a unit: `20s`, `16MiB`.
//!
//! Each says what it has to be, with an example, where it is not.

use serde::{Deserialize, Deserializer, de};
use std::{fmt, marker::PhantomData, str::FromStr, time::Duration};
use tidewire_protocol::{Since, parse_duration};

/// A length of time, such as `20s`, `250ms` or `1h`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// `count` seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// `count` milliseconds.
    pub const fn milliseconds(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// The time.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// As people write it, as everywhere: what changes at a reload is shown so.
macro_rules! debug_as_display {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    )*};
}

debug_as_display!(Span Bytes);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self).map_err(|error| format!("{text:?} is {error}"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromText::new("a duration such as 20s, 250ms or 1h"))
    }
}

impl From<Span> for u64 {
    fn from(span: Span) -> Self {
        span.millis()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where a reader begins is spelled as the time since then.
        Since::Ago(self.0).fmt(formatter)
    }
}

/// How many of something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Count(usize);

impl fmt::Debug for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<Count> for usize {
    fn from(count: Count) -> Self {
        count.0
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not {COUNT}"))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromText::new(COUNT))
    }
}

const COUNT: &str = "a whole number such as 1000";

/// A number of bytes, plain or with a unit: `65536`, `64KiB`, `16MiB`, `1GiB`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bytes(usize);

impl Bytes {
    /// The number.
    pub const fn count(self) -> usize {
        self.0
    }
}

impl From<usize> for Bytes {
    fn from(count: usize) -> Self {
        Self(count)
    }
}

impl From<Bytes> for usize {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |factor: usize| self.0 > 0 && self.0.is_multiple_of(factor);
        let (unit, factor) = UNITS.iter().find(|(_, factor)| fits(*factor)).unwrap_or(&("", 1));
        write!(formatter, "{}{unit}", self.0 / factor)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(digits_end);
        let factor = match unit.trim() {
            "" | "B" => Some(1),
            unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor),
        };
        let count = digits.parse::<usize>().ok();
        count
            .zip(factor)
            .and_then(|(count, factor)| count.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not {BYTES}"))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromText::new(BYTES))
    }
}

/// Largest first.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

const BYTES: &str = "a number of bytes such as 65536, 64KiB, 16MiB or 1GiB";

/// When a store on disk is made to hold what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before a publish is answered; those that wait share one sync.
    #[default]
    Always,
    /// So often; what was answered since the last time can be lost with the machine.
    Every(Span),
    /// When the system sees fit.
    Never,
}

impl FromStr for Fsync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, parse_duration(text)) {
            ("always", _) => Ok(Self::Always),
            ("never", _) => Ok(Self::Never),
            (_, Ok(time)) if !time.is_zero() => Ok(Self::Every(Span(time))),
            _ => Err(format!("{text:?} is not {FSYNC}")),
        }
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => formatter.write_str("always"),
            Self::Every(span) => span.fmt(formatter),
            Self::Never => formatter.write_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for Fsync {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromText::new(FSYNC))
    }
}

const FSYNC: &str = "always, never, or a duration above zero such as 100ms";

/// Reads a value from its text; a bare number counts as its own text.
struct FromText<T> {
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T> FromText<T> {
    fn new(expected: &'static str) -> Self {
        Self { expected, value: PhantomData }
    }
}

impl<T: FromStr<Err = String>> de::Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_plain_or_in_binary_units() {
        for (text, count) in [("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("1 MiB", 1 << 20)] {
            assert_eq!(text.parse::<Bytes>().unwrap().count(), count, "{text}");
        }
        for text in ["0", "1", "1023", "1KiB", "1025KiB", "16MiB", "3GiB"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        for bad in ["", "-1", "1.5MiB", "1MB", "MiB", "99999999999999999999"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_a_number_and_a_unit() {
        assert_eq!("20s".parse::<Span>().unwrap().millis(), 20_000);
        assert_eq!("90m".parse::<Span>().unwrap().to_string(), "90m");
        assert_eq!(Span::milliseconds(7_200_000).to_string(), "2h");
        assert!("20".parse::<Span>().is_err());
    }

    #[test]
    fn a_store_is_synced_always_never_or_every_so_often() {
        for text in ["always", "never", "100ms"] {
            assert_eq!(text.parse::<Fsync>().unwrap().to_string(), text);
        }
        for bad in ["", "sometimes", "0s", "100"] {
            assert!(bad.parse::<Fsync>().unwrap_err().contains("100ms"), "{bad}");
        }
    }
}
