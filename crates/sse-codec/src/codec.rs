//! The adapter for tokio: owned items and written blocks through `tokio_util`'s codecs.
//!
//! Apart since it is the one place that allocates for each event, and the one that needs std.

extern crate std;

use crate::{Block, EncodeError, LimitError, Limits, OwnedItem, Parser};
use bytes::{Buf as _, BytesMut};
use core::{error::Error, fmt};
use std::io;
use tokio_util::codec::{Decoder, Encoder};

/// Reads [`OwnedItem`]s from any `AsyncRead`, and writes [`Block`]s to any `AsyncWrite`.
///
/// Dropping the future of a read or a write loses nothing: what has arrived of an unfinished event
/// stays in the codec.
///
/// An item is a copy, so it has up to `data_bytes_max + 2 * field_bytes_max` bytes of its own beside
/// those that [`Limits`] allow the parser.
///
/// An event that the stream's end leaves unfinished is [discarded], and then the codec is ready for
/// the next stream, with the last event id that it has seen. A connection that breaks is not an end
/// to tokio's codecs: before a codec is moved from there to a new stream, call
/// [`restart`](Self::restart).
///
/// [discarded]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
///
/// # Example
///
/// The tokens of a language model, from the byte stream of any HTTP client such as what
/// `reqwest::Response::bytes_stream` returns:
///
/// ```
/// use futures_util::TryStreamExt as _;
/// use sse_codec::{EventCodec, Limits, OwnedItem};
/// use tokio_util::{codec::FramedRead, io::StreamReader};
///
/// # use std::io;
/// # async fn read() -> Result<String, sse_codec::CodecError> {
/// # let bytes_stream = futures_util::stream::iter([Ok::<_, io::Error>(&b"data: Sea\n\nda"[..]), Ok(b"ta:  shells\n\n")]);
/// let body = StreamReader::new(bytes_stream.map_err(io::Error::other));
/// let mut items = FramedRead::new(body, EventCodec::new(Limits::default()));
/// let mut answer = String::new();
/// while let Some(item) = items.try_next().await? {
///     if let OwnedItem::Event(event) = item {
///         answer.push_str(&event.data);
///     }
/// }
/// # Ok(answer)
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # assert_eq!(runtime.block_on(read()).unwrap(), "Sea shells");
/// ```
#[derive(Debug, Default)]
pub struct EventCodec {
    parser: Parser,
}

impl EventCodec {
    /// A codec at the start of a stream.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { parser: Parser::with_limits(limits) }
    }

    /// What a client sends as `Last-Event-ID` when it reconnects; empty before the first id.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Gets ready for a new stream: forgets what was unfinished or refused, keeps the last event id.
    pub fn restart(&mut self) {
        self.parser.restart();
    }
}

impl Decoder for EventCodec {
    type Item = OwnedItem;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<OwnedItem>, CodecError> {
        let mut input = &source[..];
        let item = self.parser.parse(&mut input)?.map(|item| item.into_owned());
        let taken = source.len() - input.len();
        source.advance(taken);
        Ok(item)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<OwnedItem>, CodecError> {
        let item = self.decode(source)?;
        if item.is_none() {
            // This stream has no more to say; what comes next is another one.
            self.restart();
        }
        Ok(item)
    }
}

impl Encoder<Block<'_>> for EventCodec {
    type Error = CodecError;

    fn encode(&mut self, block: Block<'_>, output: &mut BytesMut) -> Result<(), CodecError> {
        Ok(block.encode(output)?)
    }
}

/// Why a stream of items, or a sink of blocks, ended early.
#[derive(Debug)]
pub enum CodecError {
    /// The transport failed.
    Io(io::Error),
    /// The peer sent a value over its limit.
    Limit(LimitError),
    /// The caller's block cannot be written. Nothing of it was, and the next one can be.
    Encode(EncodeError),
}

impl fmt::Display for CodecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(formatter),
            Self::Limit(error) => error.fmt(formatter),
            Self::Encode(error) => error.fmt(formatter),
        }
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Limit(_) | Self::Encode(_) => None,
        }
    }
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LimitError> for CodecError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
