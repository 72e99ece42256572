//! WebSockets (RFC 6455): frames in place and without a socket, and a `WebSocket` over tokio or `std`.
#![cfg_attr(all(feature = "deflate", feature = "tokio"), doc = include_str!("../README.md"))]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::as_conversions))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(
    feature = "blocking",
    feature = "codec",
    feature = "http",
    feature = "simd",
    feature = "tokio"
))]
extern crate std;

#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
mod agreed;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "blocking")]
pub mod blocking;
mod close;
mod close_code;
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "bytes")]
mod connection;
mod decode;
#[cfg(feature = "deflate")]
pub mod deflate;
mod encode;
mod encoder;
mod error;
mod event;
#[cfg(feature = "handshake")]
mod handshake;
mod header;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "bytes")]
mod incoming;
mod length;
mod limits;
mod mask;
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
mod masks;
mod message;
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
mod open_error;
#[cfg(any(feature = "blocking", feature = "tokio"))]
mod opening;
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
mod options;
#[cfg(feature = "bytes")]
mod outgoing;
mod output;
#[cfg(feature = "bytes")]
mod owned;
mod role;
#[cfg(any(feature = "blocking", feature = "tokio"))]
mod socket_error;
#[cfg(feature = "tokio")]
pub mod tokio;
mod utf8;
#[cfg(feature = "bytes")]
mod utf8_bytes;

#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
pub use agreed::Agreed;
#[doc = include_str!("../docs/from_tungstenite.md")]
#[cfg(all(doc, feature = "blocking", feature = "codec", feature = "deflate", feature = "tokio"))]
pub mod moving_from_tungstenite {}

pub use close::Close;
pub use close_code::CloseCode;
#[cfg(feature = "codec")]
pub use codec::{CodecError, MessageCodec};
#[cfg(feature = "bytes")]
pub use connection::Connection;
pub use decode::{Decoder, UNFINISHED_BYTES_MAX};
pub use encode::{
    encode_binary, encode_close, encode_compressed_head, encode_head, encode_piece, encode_ping,
    encode_pong, encode_text,
};
pub use encoder::{Encoder, Masked, Masks, Plain, Side};
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
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
pub use masks::OsMasks;
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
pub use open_error::{OpenError, UrlError};
#[cfg(any(feature = "blocking", feature = "tokio"))]
pub use opening::Request;
#[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
pub use options::Options;
#[cfg(feature = "bytes")]
pub use outgoing::SendError;
pub use output::{Output, OutputFull, SliceOutput};
#[cfg(feature = "bytes")]
pub use owned::{Message, OwnedClose, OwnedEvent};
pub use role::Role;
#[cfg(any(feature = "blocking", feature = "tokio"))]
pub use socket_error::Error;
#[cfg(feature = "bytes")]
pub use utf8_bytes::Utf8Bytes;
