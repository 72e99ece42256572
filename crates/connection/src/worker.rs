//! What the connections of one worker thread share.

use crate::{Batch, Limits};
use tidewire_broker::{Broker, Gathered, Lane};

/// One worker's share of the broker, and the buffers that its connections use in turn.
#[derive(Debug)]
pub struct Worker {
    /// The log.
    pub broker: Broker,
    /// Where this worker's connections sleep.
    pub lane: Lane,
    /// The bounds of its connections.
    pub limits: Limits,
    /// What the connection polled last has to write.
    pub batch: Batch,
    pub(crate) gathered: Gathered,
}

impl Worker {
    /// A worker without connections.
    pub fn new(broker: Broker, lane: Lane, limits: Limits) -> Self {
        Self { broker, lane, limits, batch: Batch::default(), gathered: Gathered::default() }
    }
}
