//! WebSocket framing (RFC 6455): in-place decoding and encoding without a socket.
#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(test, allow(clippy::as_conversions))]

extern crate alloc;
#[cfg(feature = "simd")]
extern crate std;

mod close;
mod close_code;
#[cfg(feature = "tokio")]
mod codec;
mod decode;
#[cfg(feature = "deflate")]
pub mod deflate;
mod encode;
mod error;
mod event;
#[cfg(feature = "handshake")]
mod handshake;
mod header;
mod length;
mod limits;
mod mask;
mod message;
mod output;
mod role;
mod utf8;

pub use close::Close;
pub use close_code::CloseCode;
#[cfg(feature = "tokio")]
pub use codec::{CodecError, Message, MessageCodec};
pub use decode::{Decoder, UNFINISHED_BYTES_MAX};
pub use encode::{
    encode_binary, encode_close, encode_head, encode_piece, encode_ping, encode_pong, encode_text,
};
pub use error::{EncodeError, ProtocolError};
pub use event::{Event, Kind, Part, Piece};
#[cfg(feature = "handshake")]
pub use handshake::{
    HandshakeError, HandshakeKey, Offer, ResponseError, VERSION, check_request, check_response,
    check_version, choose_subprotocol,
};
pub use length::PayloadLen;
pub use limits::Limits;
pub use mask::Mask;
pub use output::Output;
pub use role::Role;
