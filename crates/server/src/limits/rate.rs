//! How often something may be done: `100/s`, `600/m`.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt, num::NonZeroU32, str::FromStr};

/// A number in a period. As many may come at once; then they have to wait until enough time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Second,
    Minute,
    Hour,
}

/// A setting that is a [`Rate`], or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(pub Option<Rate>);

impl Rate {
    /// That many in a second.
    pub(crate) const fn each_second(count: NonZeroU32) -> Self {
        Self { count, period: Period::Second }
    }

    /// That many in a minute.
    pub(crate) const fn each_minute(count: NonZeroU32) -> Self {
        Self { count, period: Period::Minute }
    }

    /// What one of them takes of the time, in nanoseconds; at least 1.
    pub(super) fn interval_ns(self) -> u64 {
        (self.period_ns() / u64::from(self.count.get())).max(1)
    }

    /// The time in which all of them become available again, in nanoseconds.
    pub(super) fn period_ns(self) -> u64 {
        match self.period {
            Period::Second => 1_000_000_000,
            Period::Minute => 60_000_000_000,
            Period::Hour => 3_600_000_000_000,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let none = || format!("{text:?} is not {RATE}");
        let (count, period) = text.split_once('/').ok_or_else(none)?;
        let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|_| is_number).ok_or_else(none)?;
        let period = match period {
            "s" => Period::Second,
            "m" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(none()),
        };
        Ok(Self { count, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            Period::Second => 's',
            Period::Minute => 'm',
            Period::Hour => 'h',
        };
        write!(formatter, "{}/{period}", self.count)
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == OFF { Ok(Self(None)) } else { text.parse().map(|rate| Self(Some(rate))) }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => rate.fmt(formatter),
            None => formatter.write_str(OFF),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

const OFF: &str = "off";
const RATE: &str = "a rate such as 100/s, 600/m or 1000/h, or off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_period_or_off() {
        for text in ["1/s", "600/m", "4294967295/h", "off"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
        for text in ["", "1", "0/s", "+1/s", "1/d", "1 / s", "1/S", "-1/s", "4294967296/s", "on"] {
            let error = text.parse::<RateLimit>().unwrap_err();
            assert!(error.contains("100/s, 600/m or 1000/h, or off"), "{text}: {error}");
        }
    }
}
