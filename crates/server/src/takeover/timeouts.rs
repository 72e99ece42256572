//! How long a connection may keep its socket waiting before it is taken.

use std::time::Duration;

/// How long a connection may keep actix waiting; zero is for ever.
///
/// None of these touch a taken connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// For a TLS handshake, from the moment at which the connection was accepted.
    pub handshake: Duration,
    /// For a connection's first request head, answered with 408 when exceeded.
    pub request_head: Duration,
    /// Between a response and the next request; zero closes after each response.
    pub keep_alive: Duration,
    /// Between one byte of an answer and the next: the time without a request, a request, its body
    /// and its handler included.
    pub answer: Duration,
    /// For the client to take some of an answer while it waits in the socket.
    pub stall: Duration,
    /// For the rest of a request body nobody wants, and for the close itself.
    pub disconnect: Duration,
}

impl Default for HttpTimeouts {
    /// As actix-web has them, 5 s, 5 s and 1 s; for an answer a minute and a half, one of it in the socket; and 10 s for
    /// the handshake, which takes two or three times to the client and back.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            answer: Duration::from_secs(90),
            stall: Duration::from_secs(60),
            disconnect: Duration::from_secs(1),
        }
    }
}
