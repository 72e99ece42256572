//! What the connections of one worker have done, counted by its thread and read by any.
//!
//! Only the worker's thread writes. So a count is a plain load, addition and store, without a locked instruction,
//! and no two workers share a cache line. What many connections have in common, such as the age of the messages in
//! one batch, is counted once for all of them ([`crate::Worker::count_deliveries`]).

mod counter;

pub use counter::{Counter, Distribution, Histogram};

use crate::{CloseReason, Transport};
use std::array;
use tidewire_broker::Item;
use tidewire_protocol::ErrorCode;

/// The counts of one worker.
///
/// Aligned to two cache lines, as processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerMetrics {
    /// Messages handed to the kernel, or put into the answer to a long-poll.
    pub deliveries: TransportCounts,
    /// Bytes of streams and WebSockets handed to the kernel, and of answers to long-polls.
    pub sent_bytes: TransportCounts,
    /// Milliseconds from a message's time to the hand-over of its bytes. Replays do not count.
    pub latency_ms: Histogram<LatencyBounds>,
    /// Offsets of the log between the place that a reader has reached with a write and the head.
    pub lag: Histogram<LagBounds>,
    /// Gap notices for messages that retention has removed.
    pub expired_gaps: Counter,
    /// Gap notices for positions that this log does not have.
    pub unknown_gaps: Counter,
    /// What is followed now.
    pub subscriptions: Counter,
    /// Messages that publishers have brought into the log.
    pub published: Counter,
    /// Those that were refused.
    pub publish_refusals: ErrorCounts,
    /// Commands and requests on connections that were refused.
    pub refusals: ErrorCounts,
    /// Connections that have ended.
    pub ended: EndedCounts,
}

impl WorkerMetrics {
    /// Counts a publish by what became of it.
    pub fn count_publish(&self, refused: Option<ErrorCode>) {
        match refused {
            None => self.published.add(1),
            Some(code) => self.publish_refusals.add(code, 1),
        }
    }

    /// Counts that `items` were handed over `times` times by a transport at `now_ms`; returns how many messages are among
    /// them.
    pub(crate) fn count_items(
        &self,
        items: &[Item],
        transport: Transport,
        times: u64,
        now_ms: u64,
    ) -> u64 {
        let deliveries = self.deliveries.of(transport);
        let age_ms = |time_ms: u64| now_ms.saturating_sub(time_ms);
        if let (Some(Item::Message(first)), Some(Item::Message(last))) =
            (items.first(), items.last())
            && first.time_ms() == last.time_ms()
        {
            // Messages are in the order of their times, so all have this one.
            let messages = message_count(items);
            self.latency_ms.record(age_ms(first.time_ms()), messages * times);
            deliveries.add(messages * times);
            return messages;
        }
        let mut messages = 0;
        for item in items {
            if let Item::Message(message) = item {
                self.latency_ms.record(age_ms(message.time_ms()), times);
                messages += 1;
            }
        }
        deliveries.add(messages * times);
        messages
    }
}

/// Whether deliveries are counted. They are, except in a build with which `cargo xtask bench fanout --without-metrics`
/// measures what that costs.
pub(crate) const COUNTS_DELIVERIES: bool = option_env!("TIDEWIRE_UNCOUNTED").is_none();

/// How many of `items` are messages.
pub(crate) fn message_count(items: &[Item]) -> u64 {
    let is_message = |item: &&Item| matches!(item, Item::Message(_));
    u64::try_from(items.iter().filter(is_message).count()).unwrap_or(u64::MAX)
}

/// A count for each transport.
#[derive(Debug, Default)]
pub struct TransportCounts {
    sse: Counter,
    stream: Counter,
    websocket: Counter,
    poll: Counter,
}

impl TransportCounts {
    /// The count of one.
    pub fn of(&self, transport: Transport) -> &Counter {
        match transport {
            Transport::Sse => &self.sse,
            Transport::Stream => &self.stream,
            Transport::WebSocket => &self.websocket,
            Transport::Poll => &self.poll,
        }
    }
}

/// A count for each error code.
#[derive(Debug)]
pub struct ErrorCounts([Counter; ErrorCode::ALL.len()]);

impl ErrorCounts {
    /// Counts some more errors with this code.
    pub fn add(&self, code: ErrorCode, count: u64) {
        self.counter(code).into_iter().for_each(|counter| counter.add(count));
    }

    /// How many there were.
    pub fn get(&self, code: ErrorCode) -> u64 {
        self.counter(code).map_or(0, Counter::get)
    }

    fn counter(&self, code: ErrorCode) -> Option<&Counter> {
        ErrorCode::ALL
            .into_iter()
            .zip(&self.0)
            .find_map(|(it, counter)| (it == code).then_some(counter))
    }
}

impl Default for ErrorCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| Counter::default()))
    }
}

/// A count for each way in which a connection ends.
#[derive(Debug)]
pub struct EndedCounts {
    reasons: [Counter; CloseReason::ALL.len()],
    /// Those without a reason: the client went before its socket was taken, or the worker ended.
    pub aborted: Counter,
    /// Those that a fault has ended.
    pub panicked: Counter,
}

impl EndedCounts {
    pub(crate) fn add(&self, reason: Option<CloseReason>) {
        match reason.and_then(|reason| self.counter(reason)) {
            Some(counter) => counter.add(1),
            None => self.aborted.add(1),
        }
    }

    /// How many have ended for this reason.
    pub fn get(&self, reason: CloseReason) -> u64 {
        self.counter(reason).map_or(0, Counter::get)
    }

    fn counter(&self, reason: CloseReason) -> Option<&Counter> {
        let mut counters = CloseReason::ALL.into_iter().zip(&self.reasons);
        counters.find_map(|(it, counter)| (it == reason).then_some(counter))
    }
}

impl Default for EndedCounts {
    fn default() -> Self {
        let reasons = array::from_fn(|_| Counter::default());
        Self { reasons, aborted: Counter::default(), panicked: Counter::default() }
    }
}

/// Upper bounds of [`WorkerMetrics::latency_ms`].
#[derive(Debug)]
pub struct LatencyBounds;

impl counter::Bounds for LatencyBounds {
    /// A message's time has a resolution of a millisecond, so there is nothing below it.
    const BOUNDS: &'static [u64] =
        &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];
}

/// Upper bounds of [`WorkerMetrics::lag`].
#[derive(Debug)]
pub struct LagBounds;

impl counter::Bounds for LagBounds {
    const BOUNDS: &'static [u64] = &[0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_broker::{Broker, Content, Draft, Gathered, Grant, Limits, Reader, Start};

    /// What a reader finds that begins with the earliest of messages published at `times_ms`.
    fn gathered(times_ms: &[u64]) -> Gathered {
        let (broker, grant) = (Broker::new(7, Limits::default()), Grant::open());
        for now_ms in times_ms {
            let permit = grant.permit(&"a".parse().unwrap()).unwrap();
            broker.append(permit, Draft::new(Content::Text("x".into())), *now_ms).unwrap();
        }
        let permit = grant.permit_subscribe(&"a".parse().unwrap()).unwrap();
        let earliest = Start::Earliest(grant.permit_history().unwrap());
        let (mut reader, mut gathered) = (Reader::default(), Gathered::default());
        reader.follow(&broker, &[permit], earliest);
        reader.gather(&broker, broker.head(), 64 << 10, &mut gathered);
        gathered
    }

    #[test]
    fn each_message_of_a_batch_counts_with_its_own_age_for_each_reader() {
        let metrics = WorkerMetrics::default();
        let items = gathered(&[1_000, 1_000, 1_004, 1_090]);
        assert_eq!(metrics.count_items(items.items(), Transport::Sse, 3, 1_100), 4);
        assert_eq!(metrics.deliveries.of(Transport::Sse).get(), 12);
        let others = [Transport::Stream, Transport::WebSocket, Transport::Poll];
        assert!(others.iter().all(|other| metrics.deliveries.of(*other).get() == 0));
        let latency = metrics.latency_ms.read();
        assert_eq!((latency.count(), latency.sum), (12, 3 * (100 + 100 + 96 + 10)));
        let filled: Vec<_> = latency.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(Some(10), 3), (Some(100), 9)]);
    }

    #[test]
    fn messages_of_one_time_count_as_if_each_was_looked_at() {
        let metrics = WorkerMetrics::default();
        assert_eq!(metrics.count_items(gathered(&[500; 5]).items(), Transport::Poll, 2, 700), 5);
        let latency = metrics.latency_ms.read();
        assert_eq!((latency.count(), latency.sum), (10, 2_000));
        assert_eq!(metrics.deliveries.of(Transport::Poll).get(), 10);
    }

    #[test]
    fn a_clock_that_was_set_back_counts_as_no_delay() {
        let metrics = WorkerMetrics::default();
        metrics.count_items(gathered(&[500]).items(), Transport::Sse, 1, 400);
        assert_eq!(metrics.latency_ms.read().buckets().next(), Some((Some(1), 1)));
    }

    #[test]
    fn every_error_and_every_reason_has_its_own_count() {
        let metrics = WorkerMetrics::default();
        for (count, code) in (1..).zip(ErrorCode::ALL) {
            metrics.refusals.add(code, count);
            assert_eq!(metrics.refusals.get(code), count, "{code}");
        }
        for reason in CloseReason::ALL {
            metrics.ended.add(Some(reason));
        }
        metrics.ended.add(None);
        assert!(CloseReason::ALL.into_iter().all(|reason| metrics.ended.get(reason) == 1));
        assert_eq!(metrics.ended.aborted.get(), 1);
    }
}
