//! The limits of what a peer may send.

/// What a peer may ask for, checked when a header arrives, before its payload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, over all its fragments, and once inflated.
    pub message_bytes_max: u64,
    /// The most frames a message may come in: the bound on the work of empty ones.
    /// 0 counts as 1: a message in one frame is never too many.
    pub fragments_max: u32,
    /// The longest message in one frame that is not returned before it is whole.
    ///
    /// Most messages are small and arrive in one read. With this they never come in pieces, and one that is cut between
    /// two reads costs next to nothing. The caller's buffer needs room for this many bytes and a header of 14 more.
    /// Invalid UTF-8 in such a message is refused once the message is whole.
    ///
    /// With 0 all that has arrived is returned: the least has to be kept, and invalid UTF-8 is refused at its first byte.
    pub whole_bytes_max: u64,
}

impl Default for Limits {
    /// 16 MiB in 65,536 fragments and an empty one that ends them, which is what the Autobahn test
    /// suite asks of an endpoint, and nothing kept to make it whole.
    fn default() -> Self {
        Self { message_bytes_max: 16 << 20, fragments_max: (1 << 16) + 1, whole_bytes_max: 0 }
    }
}
