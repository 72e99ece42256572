//! What somebody may do, and the proof that a publish was allowed.

use crate::ChannelName;

/// What a connection or request is allowed to do.
///
/// Tokens, when they come, narrow it; without them everyone holds [`Grant::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    _private: (),
}

impl Grant {
    /// Everything but writing to the system's channels.
    pub const fn open() -> Self {
        Self { _private: () }
    }

    /// Allows one publish to `channel`.
    ///
    /// # Errors
    ///
    /// The channel is one of the system's.
    pub fn permit(&self, channel: &ChannelName) -> Result<Permit, Forbidden> {
        if channel.is_system() {
            return Err(Forbidden { channel: channel.clone() });
        }
        Ok(Permit { channel: channel.clone() })
    }
}

/// Proof, as a value, that a publish to its channel was authorised. A [`Grant`] makes one, and for
/// the system's own channels the system.
#[derive(Clone, Debug)]
pub struct Permit {
    channel: ChannelName,
}

impl Permit {
    /// Allows the system to publish to one of its own channels.
    pub(crate) fn of_system(channel: ChannelName) -> Self {
        debug_assert!(channel.is_system(), "{channel}");
        Self { channel }
    }

    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }
}

/// The grant does not reach this far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("publishing to {channel} is not allowed; channels that begin with $ are the system's")]
pub struct Forbidden {
    /// The channel that was asked for.
    pub channel: ChannelName,
}
