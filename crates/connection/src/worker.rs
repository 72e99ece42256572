//! What the connections of one worker thread share.

use crate::{Batch, Limits, Time, WorkerMetrics};
use std::{mem, sync::Arc};
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
    /// What its connections have done.
    pub metrics: Arc<WorkerMetrics>,
    pub(crate) gathered: Gathered,
}

impl Worker {
    /// A worker without connections.
    pub fn new(broker: Broker, lane: Lane, limits: Limits) -> Self {
        let (batch, gathered) = (Batch::default(), Gathered::default());
        let metrics = Arc::default();
        Self { broker, lane, limits, turn_bytes_max: usize::MAX, batch, metrics, gathered }
    }

    /// Counts the deliveries of the batch that no call has counted yet, at the time at which they were made.
    ///
    /// Connections that write the same batch only note that they have, so that this is done once for all of them. It has
    /// to be called before other connections are, and before the worker waits; [`crate::Connection::poll_transmit`] calls it
    /// before it fills the batch again.
    pub fn count_deliveries(&mut self, time: Time) {
        let times = mem::take(&mut self.batch.transmissions);
        if times == 0 {
            return;
        }
        let Self { broker, batch, metrics, gathered, .. } = self;
        let Some(transport) = batch.transport else { return };
        let bytes = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        metrics.sent_bytes.of(transport).add(bytes.wrapping_mul(times));
        if metrics.count_items(gathered.items(), transport, times, time.wall_ms) > 0 {
            metrics.lag.record(broker.head().saturating_sub(gathered.reached()), times);
        }
    }

    /// Bytes of one write.
    pub(crate) fn gather_bytes_max(&self) -> usize {
        self.limits.gather_bytes_max.min(self.turn_bytes_max)
    }
}
