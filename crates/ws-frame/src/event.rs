//! What a decoder makes of the bytes: messages, pieces of messages, and control frames.

use crate::Close;

/// Something the peer said, borrowed from the buffer it arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message that was whole, in one frame and in the buffer.
    Text(&'a str),
    /// A binary message that was whole, in one frame and in the buffer.
    Binary(&'a [u8]),
    /// A part of a message that came in several frames, or of which only so much has arrived; of a
    /// compressed message also all of it.
    Piece(Piece<'a>),
    /// A ping, to be answered by a pong with the same payload of at most 125 bytes.
    Ping(&'a [u8]),
    /// A pong, whether or not a ping had asked for it.
    Pong(&'a [u8]),
    /// A close, with or without saying why. Nothing is accepted after it.
    Close(Option<Close<'a>>),
}

/// A part of a message; put end to end the parts are the message.
///
/// The parts of a text are checked as they pass, across every cut: end to end they are UTF-8, and
/// each alone need not be. Those of a compressed text are checked when they are inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What the whole message is.
    pub kind: Kind,
    /// Where in the message this is; from a decoder [`Part::Whole`] only if it is compressed.
    pub part: Part,
    /// Whether the message is compressed, which takes an agreement: see
    /// [`Decoder::allow_compressed`](crate::Decoder::allow_compressed).
    pub compressed: bool,
    /// The bytes, possibly none.
    pub payload: &'a [u8],
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// Where in its message something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// At the beginning, with more to come.
    First,
    /// Between the first and the last.
    Middle,
    /// At the end, after others.
    Last,
}

impl Part {
    /// Whether a message begins here.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Whole | Self::First)
    }

    /// Whether a message ends here.
    pub const fn ends(self) -> bool {
        matches!(self, Self::Whole | Self::Last)
    }
}
