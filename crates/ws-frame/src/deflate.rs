//! Compressed messages: `permessage-deflate` ([RFC 7692]), behind the feature `deflate`.
//!
//! A [`Config`] comes to an [`Agreement`] with the peer by one header of the handshake; an
//! [`Inflater`] reads the compressed messages a [`Decoder`](crate::Decoder) hands out; a
//! [`Deflater`] makes some to be sent.
//!
//! # Example
//!
//! A server answers the handshake, then receives a compressed message and sends it back:
//!
//! ```
//! use ws_frame::deflate::{Config, Deflater, Inflater, Level};
//! use ws_frame::{Decoder, Event, Limits, Part, Piece, Role, encode_piece};
//!
//! let offers = ["permessage-deflate; client_max_window_bits"];
//! let Some(agreement) = Config::default().accept(offers) else { return Ok(()) };
//! assert_eq!(
//!     agreement.to_string(),
//!     "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
//! );
//!
//! let (mut decoder, limits) = (Decoder::new(Role::Server).allow_compressed(), Limits::default());
//! let mut inflater = Inflater::new(agreement.client());
//! let mut deflater = Deflater::new(agreement.server(), Level::DEFAULT);
//! let (mut message, mut output) = (Vec::new(), Vec::new());
//!
//! let mut buffer = *b"\xC1\x87\0\0\0\0\xF2\x48\xCD\xC9\xC9\x07\0";
//! let mut input = &mut buffer[..];
//! while let Some(event) = decoder.decode(&mut input, &limits)? {
//!     let Event::Piece(piece) = event else { continue };
//!     inflater.inflate(piece, &limits, &mut message)?;
//!     if piece.part.ends() {
//!         let mut payload = Vec::new();
//!         deflater.deflate(&message, &mut payload);
//!         let answer = Piece { part: Part::Whole, compressed: true, payload: &payload, ..piece };
//!         encode_piece(answer, None, &mut output);
//!         message.clear();
//!     }
//! }
//! assert_eq!(output, b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\0");
//! # Ok::<(), ws_frame::ProtocolError>(())
//! ```
//!
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692

mod agreement;
mod deflater;
mod extensions;
mod inflater;
mod parameters;

pub use agreement::{Agreement, Config, NegotiationError};
pub use deflater::{Deflater, Level};
pub use inflater::Inflater;

/// How one side compresses what it sends.
///
/// The default is a fresh context and the largest window, which anybody can read who was not
/// promised less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Direction {
    /// Whether a message may refer to the ones before it.
    pub context: Context,
    /// How far back a message may refer.
    pub window_bits: WindowBits,
}

impl Direction {
    /// Whether messages compressed this way keep within what was agreed on.
    ///
    /// ```
    /// # use ws_frame::deflate::{Config, Direction, WindowBits};
    /// let offer = "permessage-deflate; server_max_window_bits=10";
    /// let agreement = Config::default().accept([offer]).ok_or("no agreement")?;
    /// assert!(!Direction::default().fits(agreement.server()));
    /// let near = Direction { window_bits: WindowBits::MIN, ..Direction::default() };
    /// assert!(near.fits(agreement.server()));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn fits(self, agreed: Self) -> bool {
        let context_fits = self.context == Context::Fresh || agreed.context == Context::TakenOver;
        context_fits && self.window_bits <= agreed.window_bits
    }
}

/// Whether a message is compressed with the ones before it in mind ([RFC 7692 §7.1.1]).
///
/// [RFC 7692 §7.1.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Context {
    /// Each message stands for itself, so neither side keeps anything between two of them.
    #[default]
    Fresh,
    /// Messages refer to earlier ones: smaller, and both sides keep their state as long as the
    /// connection lasts.
    TakenOver,
}

/// How far back compressed data may refer: 2^9 to 2^15 bytes, by the exponent.
///
/// The protocol also knows 2^8, which the library behind this cannot compress with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 512 bytes.
    pub const MIN: Self = Self(9);
    /// 32 KiB, as far as the format goes.
    pub const MAX: Self = Self(15);

    /// The window of 2^`bits` bytes, or `None` unless `bits` is 9 to 15.
    pub const fn new(bits: u8) -> Option<Self> {
        if Self::MIN.0 <= bits && bits <= Self::MAX.0 { Some(Self(bits)) } else { None }
    }

    /// The exponent.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

/// A count of bytes the library took or made, which the length of a slice bounds.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What the sender cuts off a flushed message, and the receiver puts back ([RFC 7692 §7.2.1]).
///
/// [RFC 7692 §7.2.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
