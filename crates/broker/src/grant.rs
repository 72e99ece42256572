//! What somebody may do, and the proof that a publish or a join was allowed.

use crate::{ChannelName, IdAccount};

/// What a connection or request is allowed to do.
///
/// Tokens, when they come, narrow it; without them a caller holds [`Grant::open`], or
/// [`Grant::reading`] if it may change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    by: Publisher,
    is_reading_only: bool,
    account: Option<IdAccount>,
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
        Self { by: Publisher::Request, is_reading_only: false, account: None }
    }

    /// Reading, and nothing that others could notice: no publish, no join.
    pub const fn reading() -> Self {
        Self { by: Publisher::Request, is_reading_only: true, account: None }
    }

    /// The same for a subscriber's connection: some channels take no messages from those.
    pub fn of_connection(self) -> Self {
        Self { by: Publisher::Connection, ..self }
    }

    /// The same with the account on which the ids of its messages go; without one only all ids together are bounded.
    pub fn on_account(self, account: Option<IdAccount>) -> Self {
        Self { account, ..self }
    }

    /// Allows one publish to `channel`.
    ///
    /// # Errors
    ///
    /// The channel is one of the system's, or the grant is for reading only.
    pub fn permit(&self, channel: &ChannelName) -> Result<Permit, Forbidden> {
        if channel.is_system() {
            return Err(Forbidden::SystemChannel { channel: channel.clone() });
        }
        if self.is_reading_only {
            return Err(Forbidden::Publishing { channel: channel.clone() });
        }
        Ok(Permit { channel: channel.clone(), by: self.by, account: self.account.clone() })
    }

    /// Allows a connection to be listed among the members of `channel`.
    ///
    /// # Errors
    ///
    /// The grant is for reading only.
    pub fn permit_join(&self, channel: &ChannelName) -> Result<JoinPermit, Forbidden> {
        if self.is_reading_only {
            return Err(Forbidden::Joining { channel: channel.clone() });
        }
        Ok(JoinPermit { channel: channel.clone() })
    }
}

/// Proof, as a value, that a publish to its channel was authorised. A [`Grant`] makes one, and for
/// the system's own channels the system.
#[derive(Clone, Debug)]
pub struct Permit {
    channel: ChannelName,
    by: Publisher,
    account: Option<IdAccount>,
}

impl Permit {
    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// What the server itself writes, to whichever channel.
    pub(crate) fn of_system(channel: ChannelName) -> Self {
        Self { channel, by: Publisher::System, account: None }
    }

    /// On whose account the id of the message goes, if it has one.
    pub fn account(&self) -> Option<&IdAccount> {
        self.account.as_ref()
    }

    pub(crate) fn by(&self) -> Publisher {
        self.by
    }
}

/// Proof, as a value, that a connection may be listed among the members of its channel. A [`Grant`]
/// makes one.
#[derive(Clone, Debug)]
pub struct JoinPermit {
    channel: ChannelName,
}

impl JoinPermit {
    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }
}

/// The grant does not reach this far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Only the system publishes there.
    #[error(
        "publishing to {channel} is not allowed; channels that begin with $ belong to the \
        system"
    )]
    SystemChannel {
        /// The channel that was asked for.
        channel: ChannelName,
    },
    /// The grant is for reading.
    #[error("publishing to {channel} is not allowed; the caller may only read")]
    Publishing {
        /// The channel that was asked for.
        channel: ChannelName,
    },
    /// The grant is for reading.
    #[error("joining {channel} is not allowed; the caller may only read")]
    Joining {
        /// The channel that was asked for.
        channel: ChannelName,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_to_read_permits_neither_a_publish_nor_a_join() {
        let channel: ChannelName = "a".parse().unwrap();
        for grant in [Grant::reading(), Grant::reading().of_connection()] {
            let publish = grant.permit(&channel).unwrap_err();
            assert_eq!(publish, Forbidden::Publishing { channel: channel.clone() });
            let join = grant.permit_join(&channel).unwrap_err();
            assert_eq!(join, Forbidden::Joining { channel: channel.clone() });
        }
        assert_eq!(Grant::open().permit_join(&channel).unwrap().channel(), &channel);
    }
}
