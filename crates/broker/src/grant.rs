//! What somebody may do, and the proof that a publish was allowed.

use crate::ChannelName;

/// What a connection or request is allowed to do.
///
/// Tokens, when they come, narrow it; without them everyone holds [`Grant::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    by: Publisher,
}

/// By which way a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publisher {
    /// A request of its own.
    Request,
    /// A subscriber's connection.
    Connection,
    /// The server itself.
    System,
}

impl Grant {
    /// Everything but writing to the system's channels, for a request of its own.
    pub const fn open() -> Self {
        Self { by: Publisher::Request }
    }

    /// The same for a subscriber's connection: some channels take no messages from those.
    pub const fn of_connection(self) -> Self {
        Self { by: Publisher::Connection }
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
        Ok(Permit { channel: channel.clone(), by: self.by })
    }
}

/// Proof, as a value, that a publish to its channel was authorised. A [`Grant`] makes one, and for
/// the system's own channels the system.
#[derive(Clone, Debug)]
pub struct Permit {
    channel: ChannelName,
    by: Publisher,
}

impl Permit {
    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// What the server itself writes, to whichever channel.
    pub(crate) fn of_system(channel: ChannelName) -> Self {
        Self { channel, by: Publisher::System }
    }

    pub(crate) fn by(&self) -> Publisher {
        self.by
    }
}

/// The grant does not reach this far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("publishing to {channel} is not allowed; channels that begin with $ are the system's")]
pub struct Forbidden {
    /// The channel that was asked for.
    pub channel: ChannelName,
}
