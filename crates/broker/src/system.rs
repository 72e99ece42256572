//! What the server publishes about itself: the channels `$sys.…`, and the messages that go there.

use crate::{ChannelName, Content, Draft, Permit};

/// A channel in which the server says something about itself. No grant permits publishing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemChannel {
    /// The server's figures, while somebody follows them.
    Stats,
    /// Test messages, which show whether the engine takes any. Nobody is meant to read them.
    Probe,
}

impl SystemChannel {
    /// Its name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stats => "$sys.stats",
            Self::Probe => "$sys.probe",
        }
    }

    /// Its name, which is a valid one.
    pub fn name(self) -> Option<ChannelName> {
        self.as_str().parse().ok()
    }

    /// A message with `json`, which supersedes the one before, and the permit to publish it.
    ///
    /// ```
    /// use tidewire_broker::{Broker, Limits, SystemChannel};
    ///
    /// let broker = Broker::new(7, Limits::default());
    /// for _ in 0..10 {
    ///     let (permit, draft) = SystemChannel::Probe.publish("{}".into()).unwrap();
    ///     broker.append(permit, draft, 1_000).unwrap();
    /// }
    /// assert_eq!((broker.head(), broker.stats().messages), (10, 1));
    /// ```
    pub fn publish(self, json: Box<str>) -> Option<(Permit, Draft)> {
        let key = KEY.parse().ok()?;
        let draft = Draft { key: Some(key), ..Draft::new(Content::Json(json)) };
        Some((Permit::of_system(self.name()?), draft))
    }
}

/// What the messages are about: this server, of which there is one.
const KEY: &str = "server";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forbidden, Grant, Rules, rules::SYSTEM_PATTERN};

    #[test]
    fn no_grant_publishes_there_and_no_wildcard_reads_there() {
        for channel in [SystemChannel::Stats, SystemChannel::Probe] {
            let name = channel.name().unwrap();
            let refused = Grant::open().permit(&name).unwrap_err();
            assert_eq!(refused, Forbidden::SystemChannel { channel: name.clone() });
            assert!(!">".parse::<crate::Pattern>().unwrap().matches(&name));
            assert!(SYSTEM_PATTERN.parse::<crate::Pattern>().unwrap().matches(&name));
        }
    }

    #[test]
    fn these_channels_are_compacted_whatever_others_are() {
        let options = Rules::default().of(&SystemChannel::Stats.name().unwrap());
        assert!(options.compaction.is_some() && !options.presence);
        assert_eq!(options.message_bytes_max, 64 << 10);
    }
}
