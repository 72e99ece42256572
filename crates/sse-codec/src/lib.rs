//! Server-Sent Events: an encoder and an incremental parser for the WHATWG [event stream].
//!
//! [`Block`] appends to a buffer of yours; [`Parser`] takes bytes as they arrive, cut anywhere, and
//! lends what it can from them. Neither knows of HTTP, of sockets or of the time.
//!
//! [event stream]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "simd")]
extern crate std;

#[cfg(feature = "body")]
pub mod body;
mod encode;
mod output;
mod parse;
#[cfg(feature = "client")]
pub mod source;
#[cfg(feature = "stream")]
mod stream;
mod text;

pub use encode::{Block, EncodeError};
pub use output::Output;
pub use parse::{Event, Field, Item, LimitError, Limits, OwnedEvent, OwnedItem, Parser};
#[cfg(feature = "stream")]
pub use stream::{EventStream, EventStreamError, EventsExt, ItemStream};

#[cfg(any(doc, doctest))]
#[doc = include_str!("../MOVING.md")]
pub mod moving {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
