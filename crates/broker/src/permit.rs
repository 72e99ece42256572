//! The proof, as a value, that a publish, a read or a join was allowed: each has a permit, and code that forgets to ask
//! for one does not compile.

use crate::{ChannelName, IdAccount, Pattern};

/// Proof, as a value, that a publish to its channel was authorised. A [`crate::Grant`] makes one, and for
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

    pub(crate) fn new(channel: ChannelName, by: Publisher, account: Option<IdAccount>) -> Self {
        Self { channel, by, account }
    }

    /// What the server itself writes, to whichever channel.
    pub(crate) fn of_system(channel: ChannelName) -> Self {
        Self::new(channel, Publisher::System, None)
    }

    /// On whose account the id of the message goes, if it has one.
    pub fn account(&self) -> Option<&IdAccount> {
        self.account.as_ref()
    }

    pub(crate) fn by(&self) -> Publisher {
        self.by
    }
}

/// Proof, as a value, that the messages of a channel or pattern may be read. A [`crate::Grant`] makes one,
/// and nobody else:
///
/// ```compile_fail,E0451
/// let pattern = "chat.a".parse::<tidewire_broker::Pattern>().unwrap();
/// let permit = tidewire_broker::SubscribePermit { pattern };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribePermit {
    pattern: Pattern,
}

impl SubscribePermit {
    /// What it is for.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// What a grant allows, what the server itself reads, and the list of members for which there is a permit.
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self { pattern }
    }
}

/// Proof, as a value, that messages may be read which were published before their reader came. A [`crate::Grant`] makes one;
/// every start in the past and every page of history has one.
///
/// ```compile_fail,E0423
/// let permit = tidewire_broker::HistoryPermit(());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPermit(());

impl HistoryPermit {
    /// What a grant allows, what the server itself reads, and what a list of members consists of.
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// Proof, as a value, that a caller may list the members of its channel. A [`crate::Grant`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresencePermit {
    channel: ChannelName,
}

impl PresencePermit {
    pub(crate) fn new(channel: ChannelName) -> Self {
        Self { channel }
    }

    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }
}

/// Proof, as a value, that a connection may be listed among the members of its channel. A
/// [`crate::Grant`] makes one.
#[derive(Clone, Debug)]
pub struct JoinPermit {
    channel: ChannelName,
}

impl JoinPermit {
    pub(crate) fn new(channel: ChannelName) -> Self {
        Self { channel }
    }

    /// The channel it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }
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
