//! Taking the socket of a request away from actix, so that an idle subscriber costs little.
//!
//! actix's HTTP/1 dispatcher keeps two 8 KiB buffers as long as a response lasts, which for a
//! subscription is hours. Here a handler answers with a [`Handoff`] instead: routing, middleware
//! and extractors work as ever, the dispatcher writes the response head, and then the socket goes
//! to a closure of ours and everything actix held for the connection is freed.
//!
//! ```text
//!           handler answers           body polled              head flushed
//!  Serving ────────────────▶ Held ───────────────▶ Held+armed ─────────────▶ Taken
//!     ▲                       │                        │                       │ dispatcher
//!     └───────────────────────┴────────────────────────┘                       ▼ is gone
//!                response dropped: the closure never runs                closure(socket)
//! ```
//!
//! While *held* nothing is read, so no byte lands where it cannot be fetched back from; bytes the
//! dispatcher read earlier are handed over beside the socket. *Flushed* means that every byte of
//! the head, and of all responses before it, was accepted by the socket. The flush is then
//! answered with an error, on which the dispatcher ends in the same poll, running no request that
//! was pipelined behind.
//!
//! Requests are passed to the dispatcher one at a time, each once the handler of the one before has answered: what a
//! client sends without taking the answers stays in its socket, and ends with the connection after `stall`.
//!
//! A connection reads, and goes on with a large answer, when it has a turn (`crate::request_turns`).
//!
//! What this asks of the rest of the server:
//!
//! - A taken connection is no longer counted by actix, neither against its connection limit nor
//!   in a graceful stop, which drops the worker's tasks: count and drain them before.
//! - No middleware may replace or transform the body on these routes. One that encodes it
//!   (`Compress`) would promise in the head what the closure's bytes then do not keep.
//! - Keep nothing of the request in the closure: a header value or an `HttpRequest` holds on to
//!   the buffer it was read into.

mod accepting;
mod close;
mod early;
mod handoff;
mod handshake;
mod holding;
mod http2;
mod input_buffer;
mod long_head;
mod mismatch;
mod proxied;
mod service;
mod socket;
mod target;
mod timeouts;

pub use early::{EarlyAnswers, RefusalBody};
pub use handoff::{ClientDisconnect, EARLY_BYTES_MAX, Framing, Handoff, HandoffError};
pub use service::{Leaving, Listener, listen};
pub use timeouts::HttpTimeouts;

#[cfg(test)]
mod tests;
