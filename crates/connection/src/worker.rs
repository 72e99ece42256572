//! What the connections of one worker thread share.

use crate::{Batch, Limits, Time, WorkerMetrics};
#[cfg(feature = "traces")]
use crate::{DeliveryTracer, TracedDelivery, Transport};
use std::{mem, sync::Arc};
use tidewire_broker::{Broker, Gathered, Lane};
#[cfg(feature = "traces")]
use tidewire_broker::{Item, Message};

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
    /// What makes spans of deliveries, if something does.
    #[cfg(feature = "traces")]
    pub tracer: Option<Arc<dyn DeliveryTracer>>,
    /// Whether a message of the batch has a trace.
    #[cfg(feature = "traces")]
    pub(crate) has_traces: bool,
    pub(crate) gathered: Gathered,
}

impl Worker {
    /// A worker without connections.
    pub fn new(broker: Broker, lane: Lane, limits: Limits) -> Self {
        let (batch, gathered) = (Batch::default(), Gathered::default());
        let metrics = Arc::default();
        Self {
            broker,
            lane,
            limits,
            turn_bytes_max: usize::MAX,
            batch,
            metrics,
            #[cfg(feature = "traces")]
            tracer: None,
            #[cfg(feature = "traces")]
            has_traces: false,
            gathered,
        }
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

#[cfg(feature = "traces")]
impl Worker {
    /// Notes that a message has been delivered, if its trace is recorded.
    pub fn trace_delivery(&self, message: &Message, transport: Transport, is_replayed: bool) {
        if let (Some(tracer), Some(trace)) = (&self.tracer, message.trace()) {
            let position = self.broker.position(message.offset());
            tracer.delivered(&TracedDelivery { message, trace, position, transport, is_replayed });
        }
    }

    /// Notes that the first items of the batch have been delivered once more.
    pub(crate) fn trace_items(&self, count: usize, transport: Transport, is_replayed: bool) {
        if !self.has_traces {
            return;
        }
        for item in self.gathered.items().iter().take(count) {
            if let Item::Message(message) = item {
                self.trace_delivery(message, transport, is_replayed);
            }
        }
    }

    /// Looks whether what has been gathered has traces: once, for all connections that write it.
    pub(crate) fn note_traces(&mut self) {
        let has_trace = |item: &Item| match item {
            Item::Message(message) => message.trace().is_some(),
            Item::Gap(_) => false,
        };
        self.has_traces = self.tracer.is_some() && self.gathered.items().iter().any(has_trace);
    }
}
