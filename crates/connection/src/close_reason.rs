//! How a connection ended: apart from what is said about it, as metrics count by it.

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed it, or vanished.
    Left,
    /// The server said goodbye.
    Dismissed,
    /// The client broke the protocol, or sent more of a message than the server could hold.
    Refused,
    /// The client answered no ping.
    Silent,
    /// The client took no bytes: for too long, or while too much waited for it.
    Stalled,
    /// Retention overtook the client, in a channel whose options then send it away.
    Overtaken,
    /// What the client was granted has expired.
    Expired,
    /// What the client was granted no longer covers anything that it follows, and it cannot subscribe.
    Revoked,
    /// The client, which could do nothing before, has not authenticated in time, or failed to.
    Unauthenticated,
    /// An operator has ended it.
    Disconnected,
    /// The key by which the client was known is in force no more.
    Withdrawn,
}

impl CloseReason {
    /// Every reason there is.
    pub const ALL: [Self; 11] = [
        Self::Left,
        Self::Dismissed,
        Self::Refused,
        Self::Silent,
        Self::Stalled,
        Self::Overtaken,
        Self::Expired,
        Self::Revoked,
        Self::Unauthenticated,
        Self::Disconnected,
        Self::Withdrawn,
    ];

    /// The text by which metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Dismissed => "dismissed",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Stalled => "stalled",
            Self::Overtaken => "overtaken",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unauthenticated => "unauthenticated",
            Self::Disconnected => "disconnected",
            Self::Withdrawn => "withdrawn",
        }
    }
}
