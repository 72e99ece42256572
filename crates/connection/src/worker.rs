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
    /// The bytes that a connection may gather for one write of this turn, unless its limits say fewer. The worker loop
    /// gives small turns where many connections wait.
    pub turn_bytes_max: usize,
    /// What the connection polled last has to write.
    pub batch: Batch,
    pub(crate) gathered: Gathered,
}

impl Worker {
    /// A worker without connections.
    pub fn new(broker: Broker, lane: Lane, limits: Limits) -> Self {
        let (batch, gathered) = (Batch::default(), Gathered::default());
        Self { broker, lane, limits, turn_bytes_max: usize::MAX, batch, gathered }
    }

    /// Bytes of one write.
    pub(crate) fn gather_bytes_max(&self) -> usize {
        self.limits.gather_bytes_max.min(self.turn_bytes_max)
    }
}
