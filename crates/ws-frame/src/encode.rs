//! The encoders: each appends one frame to the caller's buffer.
//!
//! A server sends with the mask key `None`. A client takes four fresh bytes from a strong source
//! of randomness for every frame ([RFC 6455 §5.3]); where they come from is the caller's business.
//!
//! [RFC 6455 §5.3]: https://www.rfc-editor.org/rfc/rfc6455#section-5.3

use crate::header::{CONTROL_BYTES_MAX, HEADER_BYTES_MAX, Header, Opcode};
use crate::{Close, EncodeError, Kind, Mask, Output, Part, PayloadLen, Piece};

/// Appends a text message.
///
/// ```
/// let mut output = Vec::new();
/// ws_frame::encode_text("Hello", None, &mut output);
/// assert_eq!(output, b"\x81\x05Hello");
/// ```
#[inline]
pub fn encode_text(text: &str, mask_key: Option<[u8; 4]>, output: &mut impl Output) {
    encode_whole(Opcode::Text, text.as_bytes(), mask_key, output);
}

/// Appends a binary message.
#[inline]
pub fn encode_binary(payload: &[u8], mask_key: Option<[u8; 4]>, output: &mut impl Output) {
    encode_whole(Opcode::Binary, payload, mask_key, output);
}

/// Appends one fragment of a message, or a whole one that is compressed.
///
/// The fragments of a text are together UTF-8 and may be cut anywhere. Between them other frames
/// may go out, but none of another message.
///
/// ```
/// # use ws_frame::{Kind, Part, Piece, encode_piece};
/// let mut output = Vec::new();
/// let first = Piece { kind: Kind::Text, part: Part::First, compressed: false, payload: b"Hel" };
/// encode_piece(first, None, &mut output);
/// encode_piece(Piece { part: Part::Last, payload: b"lo", ..first }, None, &mut output);
/// assert_eq!(output, b"\x01\x03Hel\x80\x02lo");
/// ```
pub fn encode_piece(piece: Piece<'_>, mask_key: Option<[u8; 4]>, output: &mut impl Output) {
    let Piece { kind, part, compressed, payload } = piece;
    let compressed = compressed && part.begins();
    let len = PayloadLen::of(payload);
    let header = Header { opcode: opcode(kind, part), fin: part.ends(), compressed, mask_key, len };
    encode_frame(header, payload, output);
}

/// Appends the head of a message or fragment, whose payload the caller sends after it.
///
/// With a mask key the caller masks that payload too, by a [`Mask`] of the same key.
///
/// ```
/// # use ws_frame::{Kind, Part, PayloadLen, encode_head};
/// let mut head = Vec::new();
/// encode_head(Kind::Binary, Part::Whole, PayloadLen::of(&[0; 300]), None, &mut head);
/// assert_eq!(head, [0x82, 126, 1, 44]);
/// ```
#[inline]
pub fn encode_head(
    kind: Kind,
    part: Part,
    len: PayloadLen,
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) {
    let opcode = opcode(kind, part);
    Header { opcode, fin: part.ends(), compressed: false, mask_key, len }.encode(output);
}

/// Appends the head of a message that is compressed, or of a fragment of one: [`encode_head`] for
/// payloads that a deflater of the feature `deflate` has made, or one of the caller's.
///
/// ```
/// # use ws_frame::{Kind, Part, PayloadLen, encode_compressed_head};
/// let mut head = Vec::new();
/// encode_compressed_head(Kind::Text, Part::Whole, PayloadLen::of(&[0; 7]), None, &mut head);
/// assert_eq!(head, b"\xC1\x07");
/// ```
#[inline]
pub fn encode_compressed_head(
    kind: Kind,
    part: Part,
    len: PayloadLen,
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) {
    // Only the first frame of a message says that it is compressed (RFC 7692 §6).
    let (opcode, compressed) = (opcode(kind, part), part.begins());
    Header { opcode, fin: part.ends(), compressed, mask_key, len }.encode(output);
}

/// Appends a ping.
///
/// # Errors
///
/// The payload is longer than 125 bytes. Nothing is appended then.
pub fn encode_ping(
    payload: &[u8],
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) -> Result<(), EncodeError> {
    encode_control(Opcode::Ping, payload, mask_key, output)
}

/// Appends a pong, which answers a ping with that ping's payload.
///
/// # Errors
///
/// The payload is longer than 125 bytes, which that of a ping never is. Nothing is appended then.
pub fn encode_pong(
    payload: &[u8],
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) -> Result<(), EncodeError> {
    encode_control(Opcode::Pong, payload, mask_key, output)
}

/// Appends a close, after which nothing may be sent. It also answers one.
///
/// # Errors
///
/// The reason is longer than 123 bytes. Nothing is appended then.
///
/// ```
/// # use ws_frame::{Close, CloseCode, encode_close};
/// let mut output = Vec::new();
/// let close = Close { code: CloseCode::GOING_AWAY, reason: "bye" };
/// encode_close(Some(close), None, &mut output)?;
/// assert_eq!(output, b"\x88\x05\x03\xe9bye");
/// # Ok::<(), ws_frame::EncodeError>(())
/// ```
pub fn encode_close(
    close: Option<Close<'_>>,
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) -> Result<(), EncodeError> {
    let Some(Close { code, reason }) = close else {
        return encode_control(Opcode::Close, &[], mask_key, output);
    };
    let mut payload = [0; CONTROL_BYTES_MAX_USIZE];
    let (code_bytes, reason_bytes) = (code.number().to_be_bytes(), reason.as_bytes());
    let len = code_bytes.len().saturating_add(reason_bytes.len());
    let Some((front, back)) = payload.get_mut(..len).and_then(<[u8]>::split_first_chunk_mut) else {
        return Err(EncodeError::ControlTooLong);
    };
    *front = code_bytes;
    back.copy_from_slice(reason_bytes);
    encode_control(Opcode::Close, payload.get(..len).unwrap_or_default(), mask_key, output)
}

fn encode_control(
    opcode: Opcode,
    payload: &[u8],
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) -> Result<(), EncodeError> {
    if payload.len() > CONTROL_BYTES_MAX.into() {
        return Err(EncodeError::ControlTooLong);
    }
    encode_whole(opcode, payload, mask_key, output);
    Ok(())
}

#[inline]
fn encode_whole(
    opcode: Opcode,
    payload: &[u8],
    mask_key: Option<[u8; 4]>,
    output: &mut impl Output,
) {
    let len = PayloadLen::of(payload);
    let header = Header { opcode, fin: true, compressed: false, mask_key, len };
    encode_frame(header, payload, output);
}

#[inline]
fn encode_frame(header: Header, payload: &[u8], output: &mut impl Output) {
    output.make_room(HEADER_BYTES_MAX.saturating_add(payload.len()));
    header.encode(output);
    let payload_start = output.written().len();
    output.append(payload);
    if let Some(key) = header.mask_key {
        Mask::new(key).apply(output.written().get_mut(payload_start..).unwrap_or_default());
    }
}

/// The longest payload of a control frame, as the length of an array.
const CONTROL_BYTES_MAX_USIZE: usize = 125;

/// The opcode says what a message is where it begins; after that, only that it goes on.
const fn opcode(kind: Kind, part: Part) -> Opcode {
    match kind {
        _ if !part.begins() => Opcode::Continuation,
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    }
}
