//! One client connection of Tidewire, for every protocol, as a pure state machine.
//!
//! A [`Connection`] takes bytes, news and time, and returns bytes and publishes. It knows no socket, no runtime and no
//! token. A driver owns those, and whenever one of them changes it calls
//!
//! 1. [`Connection::handle_input`] with what arrived, then [`Connection::poll_publish`] until empty, and
//!    [`Connection::handle_authenticated`] if [`Connection::poll_credential`] has one;
//! 2. [`Connection::handle_time`] first of all in each turn, and when [`Connection::wake_at_ms`] has
//!    come;
//! 3. [`Connection::poll_transmit`], write [`Worker::batch`], [`Connection::handle_transmitted`],
//!    until there is nothing to transmit, [`Connection::may_transmit`] says that there will not be, or
//!    the socket takes no more; publishes may have waited behind what was written, so
//!    [`Connection::poll_publish`] again, if [`Connection::has_publishes`];
//! 4. [`Connection::park`], and waits; or, once [`Connection::close_reason`] says so,
//!    [`Connection::leave`].
//!
//! If what the client may do changes in between, [`Connection::handle_granted`], and then a turn: it may end subscriptions.
//!
//! A [`Dialect`] is the client's protocol: it reads commands from bytes, and writes replies and messages. Requests with
//! one answer, over HTTP too, are [`Page`], [`PresencePage`] and [`LongPoll`].
//!
//! Nothing is queued for a subscriber except a half-sent item: everything else is in the log.
#![cfg_attr(test, allow(clippy::as_conversions))]

mod credential;
mod limits;
mod refusal;
mod time;

mod gap_notice;
mod message_view;
mod subscription;

mod close_reason;
mod metrics;

mod batch;
mod encoding;
#[cfg(feature = "traces")]
mod tracer;
mod transport;
mod worker;

mod requests;

mod dialect;
mod ending;

mod connection;

mod dialects;

pub use batch::Batch;
pub use close_reason::CloseReason;
pub use connection::{Connection, Opening};
pub use credential::{CREDENTIAL_BYTES_MAX, Credential, CredentialTooLong, PendingCredential};
pub use dialect::{Command, Dialect, Input, Opened, PendingPublish, Profile, Reply};
pub use dialects::{Framing, Heartbeat, Wire, write_error_event};
pub use encoding::{Encoding, WriteMessage};
pub use ending::Ending;
pub use gap_notice::{GapNotice, GapStart};
pub use limits::Limits;
pub use metrics::{
    Counter, Distribution, EndedCounts, ErrorCounts, Histogram, LagBounds, LatencyBounds,
    TransportCounts, WorkerMetrics,
};
pub use refusal::{Refusal, ShuttingDown};
pub use requests::{
    Format, INFO_BYTES_MAX, Identity, InvalidIdentity, InvalidLabel, InvalidPageLimit,
    InvalidPublish, InvalidSpan, LongPoll, NoPresence, Page, PageReading, PageRequest,
    PresencePage, Span, parse_event, parse_key, parse_label, parse_page_limit, prepare_publish,
};
pub use subscription::{Finding, RequestedStart, Subscription};
#[cfg(feature = "traces")]
pub use tidewire_broker::TraceParent;
pub use time::Time;
#[cfg(feature = "traces")]
pub use tracer::{DeliveryTracer, TracedDelivery};
pub use transport::Transport;
pub use worker::Worker;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
