//! Why a grant gives no permit.

use crate::{ChannelName, Pattern};
use std::fmt;

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
    /// The grant has expired.
    #[error("the caller's grant has expired; get a new one, and resume from the last position")]
    Expired,
    /// The grant is for what is published from now on.
    #[error(
        "reading messages from before this request is not allowed; the caller's grant does not include \
        history. It may begin with `now`, or after a position that it has"
    )]
    History,
    /// The permissions of the grant do not reach so far.
    #[error("{action} {pattern} is not allowed; the caller's grant does not cover it")]
    NotCovered {
        /// What was asked for.
        action: Action,
        /// With which channel or pattern.
        pattern: Pattern,
    },
}

/// What a grant allows or does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To publish a message.
    Publish,
    /// To read messages.
    Subscribe,
    /// To list members.
    ListMembers,
    /// To be listed as a member.
    Join,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publish => "publishing to",
            Self::Subscribe => "reading",
            Self::ListMembers => "listing the members of",
            Self::Join => "joining",
        })
    }
}
