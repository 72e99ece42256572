//! The limits of what a peer may send.

/// What a peer may ask for, checked when a header arrives, before its payload does.
///
/// ```
/// # use ws_frame::Limits;
/// const LIMITS: Limits = Limits::new().message_bytes_max(64 << 10).whole_bytes_max(1 << 10);
/// assert_eq!(LIMITS.fragments_max, Limits::default().fragments_max);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

impl Limits {
    /// 16 MiB in 65,536 fragments and an empty one that ends them, which is what the Autobahn test
    /// suite asks of an endpoint, and nothing kept to make it whole.
    pub const fn new() -> Self {
        Self { message_bytes_max: 16 << 20, fragments_max: (1 << 16) + 1, whole_bytes_max: 0 }
    }

    /// The same limits with another [`message_bytes_max`](Self#structfield.message_bytes_max).
    #[must_use]
    pub const fn message_bytes_max(self, message_bytes_max: u64) -> Self {
        Self { message_bytes_max, ..self }
    }

    /// The same limits with another [`fragments_max`](Self#structfield.fragments_max).
    #[must_use]
    pub const fn fragments_max(self, fragments_max: u32) -> Self {
        Self { fragments_max, ..self }
    }

    /// The same limits with another [`whole_bytes_max`](Self#structfield.whole_bytes_max).
    #[must_use]
    pub const fn whole_bytes_max(self, whole_bytes_max: u64) -> Self {
        Self { whole_bytes_max, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
