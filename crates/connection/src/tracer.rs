//! Deliveries of messages whose trace is recorded, for somebody who makes spans of them.

use crate::Transport;
use std::fmt;
use tidewire_broker::{Message, Position, TraceParent};

/// Takes note of each delivery of a message whose trace is recorded. It is called in the middle of a connection's turn, so it
/// must not wait.
pub trait DeliveryTracer: fmt::Debug + Send + Sync {
    /// The bytes of a message have been handed to the kernel for one more connection.
    fn delivered(&self, delivery: &TracedDelivery<'_>);
}

/// One message for one connection.
#[derive(Clone, Copy, Debug)]
pub struct TracedDelivery<'a> {
    /// What is delivered.
    pub message: &'a Message,
    /// The span that has published it.
    pub trace: TraceParent,
    /// Its place in the log.
    pub position: Position,
    /// How it reaches its client.
    pub transport: Transport,
    /// Whether it was published before its client came.
    pub is_replayed: bool,
}
