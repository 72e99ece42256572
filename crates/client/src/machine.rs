//! The client without its sockets, clock and randomness: one connection for any number of subscriptions, as a state machine.
//!
//! [`Link`] decides what to open, what to send and what each subscriber is given. The driver of this crate runs it over real
//! connections; a simulation runs it over others, beside the server's own state machines.

mod cursor;
mod item;
mod link;
mod member;
mod wires;

pub use item::{Failure, Item, TokenRefusal};
pub use link::{Action, Link, LinkOptions, Opening, PageRequest, PublishOutcome};
pub use member::{MemberId, Step};
pub use wires::Kind;
