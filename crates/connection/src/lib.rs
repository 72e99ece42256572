//! One client connection of Tidewire, for every wire, as a pure state machine.
//!
//! A [`Connection`] takes in bytes, news and time, and hands out bytes and publishes. It knows no
//! socket, no runtime and no token: a driver owns those and calls, whenever any of them moves,
//!
//! 1. [`Connection::handle_input`] with what arrived, then [`Connection::poll_publish`] until empty;
//! 2. [`Connection::handle_time`] first of all in each turn, and when [`Connection::wake_at_ms`] has
//!    come;
//! 3. [`Connection::poll_transmit`], write [`Worker::batch`], [`Connection::handle_transmitted`],
//!    until there is nothing to transmit, [`Connection::may_transmit`] says that there will not be, or
//!    the socket takes no more; publishes may have waited behind what was written, so
//!    [`Connection::poll_publish`] again, if [`Connection::has_publishes`];
//! 4. [`Connection::park`], and waits; or, once [`Connection::parting`] says so,
//!    [`Connection::leave`].
//!
//! Nothing is queued for a subscriber but what it has been half sent: all else is in the log.
#![cfg_attr(test, allow(clippy::as_conversions))]

mod limits;
mod start;
mod time;

mod encoding;
mod wire;

mod batch;
mod worker;

mod attendance;
mod connection;
mod refusal;
mod request;
mod socket;
mod transmit;
mod unanswered;

mod held;

mod answer;
mod history;
mod long_poll;
mod presence;

pub use answer::Page;
pub use attendance::{INFO_BYTES_MAX, Identity};
pub use batch::Batch;
pub use connection::{Connection, Opening, Parting};
pub use history::{PageReading, PageRequest, Span};
pub use limits::Limits;
pub use long_poll::LongPoll;
pub use presence::PresencePage;
pub use refusal::Refusal;
pub use request::{event, key, label, limit, prepare};
pub use socket::Publish;
pub use start::{Place, Subscription, in_words};
pub use time::Time;
pub use wire::{Dialect, Format, Framing, Heartbeat, Wire};
pub use worker::Worker;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
