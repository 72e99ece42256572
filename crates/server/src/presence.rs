//! Publishes joins and leaves to the channels of presence, once an interval.
//!
//! The one publisher of those channels: a flush at a time, so that a connection's changes keep their order.

use crate::{admission::Admission, clock::wall_ms};
use std::{sync::Arc, thread, time::Duration};
use tidewire_broker::{AppendError, Broker, Engine, PresenceChange, PresenceFlush};
use tokio::{task::yield_now, time::MissedTickBehavior};

/// Carries the buffer's changes into the log.
pub(crate) struct PresencePublisher {
    broker: Broker,
    engine: Arc<dyn Engine>,
    /// A warning was logged that not all can be published.
    has_warned: bool,
    /// How many joins the buffer had refused when it was asked last.
    refused: u64,
}

impl PresencePublisher {
    pub(crate) fn new(broker: Broker, engine: Arc<dyn Engine>) -> Self {
        Self { broker, engine, has_warned: false, refused: 0 }
    }

    /// Publishes what has changed, once an interval, until the shutdown begins; one last
    /// [`PresencePublisher::flush`] publishes who leaves then.
    pub(crate) async fn run(mut self, interval: Duration, admission: Admission) -> Self {
        let mut tick = tokio::time::interval(interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Never cut off in the middle of a flush: what it holds would be lost.
            tokio::select! {
                _ = tick.tick() => self.flush().await,
                () = admission.shutdown_begun() => return self,
            }
        }
    }

    /// Publishes what has changed. What cannot be published waits for the next flush.
    pub(crate) async fn flush(&mut self) {
        let mut flush = PresenceFlush::begin(self.broker.clone());
        while let Some(batch) = flush.poll_batch(BATCH_CHANGES) {
            flush.handle_failed(self.publish_batch(batch).await);
            let_others_run().await;
        }
        self.report(flush.worst());
    }

    /// Publishes some changes at once, so that one sync of a store may serve all of them, and
    /// returns those that failed.
    async fn publish_batch(
        &self,
        batch: Vec<PresenceChange>,
    ) -> Vec<(PresenceChange, AppendError)> {
        let mut publishings = Vec::with_capacity(batch.len());
        for (at, change) in batch.into_iter().enumerate() {
            if at > 0 && at.is_multiple_of(SLICE_CHANGES) {
                let_others_run().await;
            }
            let (permit, draft) = change.publish();
            publishings.push((change, self.engine.publish(permit, draft, wall_ms())));
        }
        let mut failed = Vec::new();
        for (change, publishing) in publishings {
            if let Err(error) = publishing.await {
                failed.push((change, error));
            }
        }
        failed
    }

    /// Logs once that not all can be published, and once that all can be again.
    fn report(&mut self, worst: Option<AppendError>) {
        let refused = self.broker.presence_buffer().refused();
        let is_refusing = std::mem::replace(&mut self.refused, refused) != refused;
        match worst {
            Some(error) if !self.has_warned => {
                tracing::warn!(%error, "some joins and leaves cannot be published now; they are tried again");
            }
            None if is_refusing && !self.has_warned => {
                tracing::warn!(
                    refused,
                    "the presence buffer is full; some joins are not published"
                );
            }
            None if !is_refusing && self.has_warned => {
                tracing::info!("all joins and leaves are published again");
            }
            _ => {}
        }
        self.has_warned = worst.is_some() || is_refusing;
    }
}

/// Leaves the processor to workers, which may have what is live, and the thread to its other tasks.
async fn let_others_run() {
    thread::yield_now();
    yield_now().await;
}

/// Changes under way at once: a sync of a store is well used by them.
const BATCH_CHANGES: usize = 1_024;

/// Changes published without a pause: a quarter of a millisecond of work where the log is in memory.
const SLICE_CHANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        sync::Mutex,
        task::{Context, Waker},
    };
    use tidewire_broker::{
        Draft, EngineError, Grant, Limits, Options, Permit, Position, Publishing, QuotaError, Rules,
    };

    /// An engine that answers as the test says, and else as a memory engine would.
    #[derive(Default)]
    struct ScriptedEngine {
        published: Mutex<Vec<String>>,
        mood: Mutex<Option<AppendError>>,
    }

    impl Engine for ScriptedEngine {
        fn publish(&self, permit: Permit, draft: Draft, _: u64) -> Publishing {
            let key = draft.key.as_ref().unwrap().as_str();
            self.published.lock().unwrap().push(format!("{} {key}", permit.channel()));
            let mood = *self.mood.lock().unwrap();
            let answer = mood.map_or(Ok(Position { epoch: 1, offset: 1 }), Err);
            Publishing::Waiting(Box::pin(async move {
                yield_now().await;
                answer
            }))
        }
    }

    fn publisher() -> (PresencePublisher, Arc<ScriptedEngine>) {
        let rules = Rules::all(Options { presence: true, ..Options::default() });
        let broker = Broker::new(1, Limits { rules, ..Limits::default() });
        let engine = Arc::new(ScriptedEngine::default());
        (PresencePublisher::new(broker, engine.clone()), engine)
    }

    fn join(publisher: &PresencePublisher, connection: &str) {
        let permit = Grant::open().permit_join(&"a".parse().unwrap()).unwrap();
        let connection = connection.parse().unwrap();
        publisher.broker.presence_buffer().join(&permit, &connection, "1".into()).unwrap();
    }

    #[tokio::test]
    async fn what_fails_is_published_again_until_it_succeeds() {
        let (mut publisher, engine) = publisher();
        join(&publisher, "c1");
        for mood in [
            AppendError::Engine(EngineError::Unavailable),
            AppendError::Quota(QuotaError::TooManyKeys { keys_max: 1 }),
        ] {
            *engine.mood.lock().unwrap() = Some(mood);
            publisher.flush().await;
            assert!(publisher.has_warned);
        }
        *engine.mood.lock().unwrap() = None;
        publisher.flush().await;
        assert_eq!(*engine.published.lock().unwrap(), ["$presence.a c1"; 3]);
        publisher.flush().await;
        assert_eq!((engine.published.lock().unwrap().len(), publisher.has_warned), (3, false));
    }

    #[tokio::test]
    async fn others_run_after_every_few_changes() {
        let (mut publisher, engine) = publisher();
        (0..3_000).for_each(|n| join(&publisher, &format!("c{n}")));
        let (mut pauses, mut published) = (0, 0);
        let mut flush = pin!(publisher.flush());
        while flush.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            let before = std::mem::replace(&mut published, engine.published.lock().unwrap().len());
            assert!(published - before <= 32, "{} at a time", published - before);
            pauses += 1;
        }
        assert!(published == 3_000 && pauses >= 3_000 / 32);
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_asked_for_one_batch_a_round_and_nothing_is_lost() {
        let (mut publisher, engine) = publisher();
        (0..3_000).for_each(|n| join(&publisher, &format!("c{n}")));
        *engine.mood.lock().unwrap() = Some(AppendError::Engine(EngineError::Unavailable));
        publisher.flush().await;
        assert_eq!(engine.published.lock().unwrap().len(), BATCH_CHANGES);
        *engine.mood.lock().unwrap() = None;
        publisher.flush().await;
        assert_eq!(engine.published.lock().unwrap().len(), BATCH_CHANGES + 3_000);
    }
}
