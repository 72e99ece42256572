//! Who may read the metrics.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monitoring {
    /// Programs on the machine of the server, unless a proxy sends them.
    #[default]
    Local,
    /// Everybody who reaches the server.
    Open,
    /// Nobody.
    Off,
}

impl FromStr for Monitoring {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "open" => Ok(Self::Open),
            "off" => Ok(Self::Off),
            _ => Err(format!("{text:?} is not local, open or off")),
        }
    }
}

impl<'de> Deserialize<'de> for Monitoring {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Monitoring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Local => "local",
            Self::Open => "open",
            Self::Off => "off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_as_it_is_written_and_another_names_those_there_are() {
        for value in [Monitoring::Local, Monitoring::Open, Monitoring::Off] {
            assert_eq!(value.to_string().parse(), Ok(value));
        }
        let error = "public".parse::<Monitoring>().unwrap_err();
        assert_eq!(error, "\"public\" is not local, open or off");
    }
}
