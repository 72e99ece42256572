//! Finds the address of a client, directly or through proxies.
//!
//! A server sees the address of its peer. Where that is a proxy, the proxy says who its own peer is: in a header of each
//! request, or in a few bytes at the start of the connection. Everybody can send such words, so they count only from the
//! proxies that an operator lists ([`TrustedProxies`]).
//!
//! This crate knows nothing of sockets, of HTTP libraries or of time: it takes texts and bytes.

mod address;
mod forwarded;
mod network;
mod node;
mod proxies;
pub mod proxy_protocol;
mod x_forwarded_for;

pub use address::ClientAddress;
pub use network::{Network, NetworkError};
pub use proxies::{ForwardingHeader, TrustedProxies};

/// The examples of the crate's front page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
