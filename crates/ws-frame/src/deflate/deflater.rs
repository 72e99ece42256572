//! The deflater: whole messages in, payloads of compressed ones out.

use alloc::vec::Vec;

use flate2::{Compress, Compression, FlushCompress};

use super::{Context, Direction, TAIL, to_usize};

/// What compresses messages, one at a time.
///
/// It takes 371 KiB with the largest window and 245 KiB with the smallest, so have one a thread, not
/// one a connection. With a [`Context::Fresh`] it can serve every connection whose agreement it
/// [fits](Direction::fits): each message stands for itself, so a broadcast is compressed once and
/// goes to them all, whether or not contexts may be taken over there.
///
/// With a [`Context::TakenOver`] it belongs to one connection, and every compressed message of that
/// connection must come from it, in order: one from elsewhere would change what the peer remembers,
/// and the next would inflate to something else.
///
/// ```
/// # use ws_frame::deflate::{Deflater, Direction, Inflater, Level};
/// # use ws_frame::{Kind, Part, Piece, encode_piece};
/// let mut deflater = Deflater::new(Direction::default(), Level::DEFAULT);
/// let mut payload = Vec::new();
/// deflater.deflate(b"Hello", &mut payload);
/// assert_eq!(payload, b"\xF2\x48\xCD\xC9\xC9\x07\0");
///
/// let mut frame = Vec::new();
/// let message = Piece { kind: Kind::Text, part: Part::Whole, compressed: true, payload: &payload };
/// encode_piece(message, None, &mut frame);
/// assert_eq!(frame, b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\0");
/// ```
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
    context: Context,
}

impl Deflater {
    /// A deflater that compresses in this direction: at a server at most the agreement's
    /// [`server`](super::Agreement::server) way.
    pub fn new(direction: Direction, level: Level) -> Self {
        let level = Compression::new(level.0.into());
        let window_bits = direction.window_bits.bits();
        let stream = Compress::new_with_window_bits(level, false, window_bits);
        Self { stream, context: direction.context }
    }

    /// Appends to `output` the payload that says `message`.
    ///
    /// It goes out marked as [`compressed`](crate::Piece::compressed), whole or cut into fragments
    /// anywhere ([RFC 7692 §7.2.1]).
    ///
    /// [RFC 7692 §7.2.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1
    pub fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        if message.is_empty() {
            // The library does not flush nothing twice. The spelling is that of RFC 7692 §7.2.3.6.
            output.push(EMPTY);
            return;
        }
        let mut rest = message;
        loop {
            output.reserve(ROOM_BYTES_MIN);
            let taken_before = self.stream.total_in();
            #[expect(clippy::expect_used, reason = "it fails for null pointers and ended streams")]
            self.stream.compress_vec(rest, output, FlushCompress::Sync).expect("a stream in use");
            let taken = to_usize(self.stream.total_in().saturating_sub(taken_before));
            rest = rest.get(taken..).unwrap_or_default();
            // With room to spare there is nothing left to flush.
            if output.len() < output.capacity() {
                break;
            }
        }
        debug_assert!(rest.is_empty() && output.ends_with(&TAIL));
        output.truncate(output.len().saturating_sub(TAIL.len()));
        if self.context == Context::Fresh {
            self.stream.reset();
        }
    }
}

/// How much time to spend on compressing well: 1 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// The least time.
    pub const FASTEST: Self = Self(1);
    /// What zlib takes by default.
    pub const DEFAULT: Self = Self(6);
    /// The smallest messages.
    pub const SMALLEST: Self = Self(9);

    /// This level, or `None` unless it is 1 to 9.
    pub const fn new(level: u8) -> Option<Self> {
        if Self::FASTEST.0 <= level && level <= Self::SMALLEST.0 { Some(Self(level)) } else { None }
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A stored block of no bytes, less the tail.
const EMPTY: u8 = 0;

/// The least room to compress into. What a flush appends has to fit, lest it be appended again.
const ROOM_BYTES_MIN: usize = 256;
