//! How a connection ends, and what the server says about it.

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
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The server shuts down.
    ShuttingDown,
    /// Retention has removed messages that the client had not been delivered, and its channel then sends it away.
    TooSlow,
    /// There is no memory for what the client sends; the text says of what kind.
    NoRoom(&'a str),
    /// What the client wants will never be done, and it gets no answers; the text says why.
    Rejected(&'a str),
}

impl Ending<'_> {
    pub(crate) fn close_reason(self) -> CloseReason {
        match self {
            Self::ShuttingDown => CloseReason::Dismissed,
            Self::TooSlow => CloseReason::Overtaken,
            Self::NoRoom(_) | Self::Rejected(_) => CloseReason::Refused,
        }
    }
}
