//! The engine port: what orders and stores messages.
//!
//! A memory engine answers at once; a durable or distributed one answers when its store has.

use crate::{AppendError, Broker, Draft, Permit, Position};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// Orders messages and brings them into the broker that readers read.
pub trait Engine: Send + Sync {
    /// Publishes a message. Once this resolves, the message is in the log.
    fn publish(&self, permit: Permit, draft: Draft, now_ms: u64) -> Publishing;
}

/// A publish on its way.
pub enum Publishing {
    /// Answered already.
    Done(Result<Position, AppendError>),
    /// To be answered.
    Waiting(Pin<Box<dyn Future<Output = Result<Position, AppendError>> + Send>>),
}

impl Future for Publishing {
    type Output = Result<Position, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(result) => Poll::Ready(*result),
            Self::Waiting(future) => future.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for Publishing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => formatter.debug_tuple("Done").field(result).finish(),
            Self::Waiting(_) => formatter.write_str("Waiting"),
        }
    }
}

/// The engine `memory`: the broker's own sequencer, and nothing survives a restart.
#[derive(Clone, Debug)]
pub struct MemoryEngine {
    broker: Broker,
}

impl MemoryEngine {
    /// An engine that appends to `broker`.
    pub fn new(broker: Broker) -> Self {
        Self { broker }
    }
}

impl Engine for MemoryEngine {
    fn publish(&self, permit: Permit, draft: Draft, now_ms: u64) -> Publishing {
        Publishing::Done(self.broker.append(permit, draft, now_ms))
    }
}
