//! The inflater: pieces of compressed messages in, the messages out, no longer than allowed.
//!
//! The limit is enforced while inflating, since a kilobyte may inflate to a megabyte.

use alloc::vec::Vec;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Context, Direction, TAIL, to_usize};
use crate::utf8::Utf8;
use crate::{Kind, Limits, PayloadLen, Piece, ProtocolError};

/// What reads the compressed messages of one peer.
///
/// It takes 46 KiB from the first compressed message on if contexts are taken over, else only while
/// a message is open. What the caller keeps is the output.
#[derive(Debug)]
pub struct Inflater {
    /// The library's state: there while a message is open, and after that if it is taken over.
    stream: Option<Decompress>,
    /// What the open message has come to so far, at most the limit; 0 between messages.
    message_bytes: u64,
    /// The end of the open message, if that is a text; whole between messages.
    utf8: Utf8,
    /// Whether the last compressed byte ended a final block, after which another stream begins.
    finished: bool,
    context: Context,
}

impl Inflater {
    /// The inflater of what is compressed in this direction: at a server, the agreement's
    /// [`client`](super::Agreement::client) way.
    ///
    /// It has room for every window, whatever was agreed on.
    pub const fn new(direction: Direction) -> Self {
        Self {
            stream: None,
            message_bytes: 0,
            utf8: Utf8::new(),
            finished: false,
            context: direction.context,
        }
    }

    /// Appends what the next piece holds to `output`, where a whole message has arrived when
    /// [`piece.part.ends()`](crate::Part::ends).
    ///
    /// Give it every [`Piece`] of the decoder, in order. One that is not compressed is appended as
    /// it is. Between two calls the caller may take from `output` whatever it likes; what is appended
    /// of a text is UTF-8 as far as it goes.
    ///
    /// After a final block another stream may begin, and refers to nothing before it
    /// ([RFC 7692 §7.2.3.4]).
    ///
    /// # Errors
    ///
    /// The message inflates to more than `message_bytes_max`, of which at most one byte more has been
    /// appended then; it is not deflated data, or visibly not to its end; it is a text and not UTF-8. The
    /// connection is over, and the inflater with it.
    ///
    /// Where contexts are taken over, a message that lacks its end may show only by the next.
    ///
    /// [RFC 7692 §7.2.3.4]: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.4
    pub fn inflate(
        &mut self,
        piece: Piece<'_>,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        if !piece.compressed {
            output.extend_from_slice(piece.payload);
            return Ok(());
        }
        self.feed(piece.payload, piece.kind, limits, output)?;
        if piece.part.ends() {
            self.end(piece.kind, limits, output)?;
        }
        Ok(())
    }

    /// Takes the end of a message, which its sender cut off ([RFC 7692 §7.2.2]).
    ///
    /// [RFC 7692 §7.2.2]: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2
    fn end(
        &mut self,
        kind: Kind,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        // After a final block there is nothing to continue.
        if !self.finished {
            self.feed(&TAIL, kind, limits, output)?;
        }
        if self.context == Context::Fresh {
            // A message cut short would swallow the block that ends the stream of a whole one.
            if !self.finished {
                self.feed(&FINAL_BLOCK, kind, limits, output)?;
            }
            if !self.finished {
                return Err(ProtocolError::CompressionInvalid);
            }
            self.stream = None;
        }
        if !self.utf8.is_whole() {
            return Err(ProtocolError::TextNotUtf8);
        }
        self.message_bytes = 0;
        self.finished = false;
        Ok(())
    }

    /// Inflates all of `input`.
    fn feed(
        &mut self,
        mut input: &[u8],
        kind: Kind,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let mut room = OutputSpace::after(output, input.len());
        let mut holds_more = false;
        while !input.is_empty() || holds_more {
            let left = to_usize(limits.message_bytes_max.saturating_sub(self.message_bytes));
            // One byte more than is allowed shows that a message is too long.
            let free = room.free(left.saturating_add(1));
            let (taken_before, made_before) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(input, free, FlushDecompress::Sync);
            let taken = to_usize(stream.total_in().saturating_sub(taken_before));
            let made = to_usize(stream.total_out().saturating_sub(made_before));
            input = input.get(taken..).unwrap_or_default();
            let made = room.fill(made);

            if kind == Kind::Text {
                self.utf8.feed(made.get(..left).unwrap_or(made))?;
            }
            if made.len() > left {
                return Err(ProtocolError::MessageTooLong);
            }
            self.message_bytes = self.message_bytes.saturating_add(PayloadLen::of(made).bytes());

            self.finished = false;
            match status.map_err(|_| ProtocolError::CompressionInvalid)? {
                Status::StreamEnd => {
                    stream.reset(false);
                    self.finished = true;
                }
                // Given input and room the library goes on or fails; were it not so, this would not end.
                Status::BufError if !input.is_empty() => {
                    return Err(ProtocolError::CompressionInvalid);
                }
                Status::Ok | Status::BufError => {}
            }
            holds_more = room.is_full() && !self.finished;
        }
        Ok(())
    }
}

/// Room after the caller's bytes. What is not filled is removed when this is dropped.
struct OutputSpace<'a> {
    output: &'a mut Vec<u8>,
    /// Where the room begins: at most the length of `output`.
    filled: usize,
    /// How much to make at once, unless less is allowed.
    bytes_likely: usize,
}

impl<'a> OutputSpace<'a> {
    /// No room yet. There will be enough for what `input_bytes` are likely to inflate to.
    fn after(output: &'a mut Vec<u8>, input_bytes: usize) -> Self {
        let bytes_likely = input_bytes.saturating_mul(ROOM_RATIO);
        let bytes_likely = bytes_likely.clamp(ROOM_BYTES_MIN, ROOM_BYTES_MAX);
        Self { filled: output.len(), output, bytes_likely }
    }

    /// The room that is left; if there is none, new room of at most `bytes_max`.
    fn free(&mut self, bytes_max: usize) -> &mut [u8] {
        if self.output.len() == self.filled {
            let bytes = self.bytes_likely.min(bytes_max);
            self.output.resize(self.filled.saturating_add(bytes), 0);
        }
        self.output.get_mut(self.filled..).unwrap_or_default()
    }

    /// Marks the first `bytes` of the room as filled, and returns them.
    fn fill(&mut self, bytes: usize) -> &[u8] {
        let start = self.filled;
        self.filled = start.saturating_add(bytes);
        self.output.get(start..self.filled).unwrap_or_default()
    }

    /// Whether all the room there was is filled.
    fn is_full(&self) -> bool {
        self.filled == self.output.len()
    }
}

impl Drop for OutputSpace<'_> {
    fn drop(&mut self) {
        self.output.truncate(self.filled);
    }
}

/// A final block without a byte in it: three bits, and seven that say it ends.
const FINAL_BLOCK: [u8; 2] = [0b011, 0];

/// How much text of the usual kind inflates.
const ROOM_RATIO: usize = 4;
/// The least to try at once, so that a short message takes one step.
const ROOM_BYTES_MIN: usize = 256;
/// The most to try at once, so that little is prepared in vain.
const ROOM_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    #[test]
    fn state_is_kept_between_messages_only_if_it_is_taken_over() {
        for (context, is_kept) in [(Context::Fresh, false), (Context::TakenOver, true)] {
            let mut inflater = Inflater::new(Direction { context, ..Direction::default() });
            let mut receive = |part, payload| {
                let piece = Piece { kind: Kind::Text, part, compressed: true, payload };
                inflater.inflate(piece, &Limits::default(), &mut Vec::new()).unwrap();
                inflater.stream.is_some()
            };
            assert!(receive(Part::First, &b"\xF2\x48\xCD"[..]));
            assert_eq!(receive(Part::Last, b"\xC9\xC9\x07\0"), is_kept);
        }
    }
}
