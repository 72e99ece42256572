//! What is measured: which loads, on how many connections, for how long and how often.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How fast messages are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// This many messages a second, each at its time.
    Rate(u64),
    /// As fast as they are delivered: [`WINDOW`] messages are under way, never more.
    Saturation,
}

/// The size of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) loads: Vec<Load>,
    pub(crate) connections: u64,
    /// Of a message's payload.
    pub(crate) bytes: usize,
    /// How long a measurement publishes; that of the lowest rate, whose sample is the smallest, longer.
    pub(crate) seconds: u64,
    pub(crate) rounds: u64,
}

impl Load {
    /// The loads of the record, from slow to fast.
    pub(crate) const ALL: [Self; 4] =
        [UNCOALESCED, Self::Rate(1_000), Self::Rate(2_500), Self::Saturation];

    /// Reads what the command line calls it.
    ///
    /// # Errors
    ///
    /// It is neither a number above 0 nor `saturation`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(rate @ 1..) => Ok(Self::Rate(rate)),
            _ if text == "saturation" => Ok(Self::Saturation),
            _ => Err("a load is a number of publishes a second, or `saturation`".to_owned()),
        }
    }

    /// How many messages are published in `time`, if that is known beforehand.
    pub(crate) fn messages(self, time: Duration) -> Option<u64> {
        match self {
            Self::Rate(rate) => Some(rate * time.as_millis() as u64 / 1_000),
            Self::Saturation => None,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate @ ..1_000) => write!(f, "{rate} publishes/s"),
            Self::Rate(rate) => write!(f, "{},{:03} publishes/s", rate / 1_000, rate % 1_000),
            Self::Saturation => f.write_str("saturation"),
        }
    }
}

impl Plan {
    /// How long one measurement publishes.
    pub(crate) fn time(&self, load: Load) -> Duration {
        let factor = if load == UNCOALESCED { 5.0 / 3.0 } else { 1.0 };
        Duration::from_secs(self.seconds).mul_f64(factor)
    }
}

/// The load at which every delivery is a `send` of its own.
pub(crate) const UNCOALESCED: Load = Load::Rate(100);

/// Messages under way at saturation: 135 KB a connection, enough for two full writes of any subject.
pub(crate) const WINDOW: u64 = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_reads_as_it_is_written() {
        assert_eq!(Load::parse("2500"), Ok(Load::Rate(2_500)));
        assert_eq!(Load::parse("saturation"), Ok(Load::Saturation));
        assert!(Load::parse("0").is_err() && Load::parse("fast").is_err());
        assert_eq!(Load::Rate(2_500).to_string(), "2,500 publishes/s");
    }
}
