//! Whether the engine stores messages: it is asked to store one, in a channel that nobody reads.
//!
//! However many ask, one test message is on its way at a time, and its outcome counts for a second.

use crate::admission::Admission;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tidewire_broker::{AppendError, Engine, SystemChannel};
use tidewire_connection::ShuttingDown;
use tokio::time::timeout;

/// Asks an engine; cloning gives another handle.
#[derive(Clone)]
pub(crate) struct EngineProbe {
    engine: Arc<dyn Engine>,
    admission: Admission,
    state: Arc<Mutex<State>>,
    wait: Duration,
}

#[derive(Default)]
struct State {
    /// The last outcome, and when it came.
    last: Option<(Instant, Outcome)>,
    /// The test message that is on its way, since when.
    under_way: Option<(Instant, UnderWay)>,
}

type UnderWay = Shared<BoxFuture<'static, Outcome>>;

type Outcome = Result<(), NotStored>;

/// Why the engine has not stored a test message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotStored {
    #[error("the engine did not store a test message: {0}")]
    Refused(#[from] AppendError),
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    #[error("the engine has not stored a test message within {} s; the disk may hang", waited.as_secs())]
    Late { waited: Duration },
}

impl EngineProbe {
    pub(crate) fn new(engine: Arc<dyn Engine>, admission: Admission) -> Self {
        Self { engine, admission, state: Arc::default(), wait: WAIT }
    }

    /// Whether a message was stored within the last second, or is now.
    ///
    /// # Errors
    ///
    /// It was not, or not in time.
    pub(crate) async fn check(&self, now_ms: u64) -> Outcome {
        let under_way = match self.begin(now_ms) {
            Ok(under_way) => under_way,
            Err(outcome) => return outcome,
        };
        // It stays on its way if the wait is over: a disk that hangs is asked once.
        let waited = self.wait;
        let outcome = timeout(waited, under_way).await.map_err(|_| NotStored::Late { waited })?;
        let mut state = self.state();
        state.under_way = None;
        state.last = Some((Instant::now(), outcome));
        outcome
    }

    /// The test message to wait for, or `Err` with an outcome that is recent enough.
    fn begin(&self, now_ms: u64) -> Result<UnderWay, Outcome> {
        let mut state = self.state();
        if let Some((at, outcome)) = state.last
            && at.elapsed() < KEPT
        {
            return Err(outcome);
        }
        if let Some((since, under_way)) = &state.under_way {
            // Of one that was stored while nobody waited it is not known when that was.
            let is_old = since.elapsed() > KEPT && under_way.clone().now_or_never().is_some();
            if !is_old {
                return Ok(under_way.clone());
            }
        }
        let under_way = self.publish(now_ms);
        state.under_way = Some((Instant::now(), under_way.clone()));
        Ok(under_way)
    }

    fn publish(&self, now_ms: u64) -> UnderWay {
        let message = SystemChannel::Probe.publish("{}".into());
        let handed_over = self
            .admission
            .publish(|| message.map(|(permit, draft)| self.engine.publish(permit, draft, now_ms)));
        async move {
            match handed_over? {
                Some(publishing) => Ok(publishing.await.map(drop)?),
                None => Ok(()),
            }
        }
        .boxed()
        .shared()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EngineProbe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EngineProbe").field("wait", &self.wait).finish_non_exhaustive()
    }
}

/// Most load balancers give up on a probe after some seconds.
const WAIT: Duration = Duration::from_secs(2);

/// How long an outcome counts.
const KEPT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tidewire_broker::{Broker, Draft, EngineError, Limits, MemoryEngine, Permit, Publishing};

    /// An engine whose answer the test chooses; it counts what it is asked.
    struct Scripted {
        asked: AtomicUsize,
        answer: fn() -> Publishing,
    }

    impl Engine for Scripted {
        fn publish(&self, permit: Permit, _: Draft, _: u64) -> Publishing {
            assert_eq!(permit.channel().as_str(), "$sys.probe");
            self.asked.fetch_add(1, Ordering::Relaxed);
            (self.answer)()
        }
    }

    fn probe(answer: fn() -> Publishing) -> (EngineProbe, Arc<Scripted>) {
        let engine = Arc::new(Scripted { asked: AtomicUsize::new(0), answer });
        let probe = EngineProbe::new(engine.clone(), Admission::new(1));
        (EngineProbe { wait: Duration::from_millis(20), ..probe }, engine)
    }

    #[actix_web::test]
    async fn a_message_goes_through_the_engine() {
        let broker = Broker::new(7, Limits::default());
        let engine = Arc::new(MemoryEngine::new(broker.clone()));
        let probe = EngineProbe::new(engine, Admission::new(1));
        assert_eq!(probe.check(5).await, Ok(()));
        assert_eq!(broker.head(), 1);
    }

    #[actix_web::test]
    async fn many_that_ask_within_a_second_share_one_message() {
        let (probe, engine) = probe(|| Publishing::Done(Err(EngineError::StorageFull.into())));
        let outcomes = join_all((0..50).map(|_| probe.check(1))).await;
        let refused = NotStored::Refused(EngineError::StorageFull.into());
        assert!(outcomes.iter().all(|outcome| *outcome == Err(refused)), "{outcomes:?}");
        assert_eq!(engine.asked.load(Ordering::Relaxed), 1);
    }

    #[actix_web::test]
    async fn an_engine_that_hangs_is_asked_once_and_is_late_each_time() {
        let (probe, engine) = probe(|| Publishing::Waiting(Box::pin(std::future::pending())));
        for _ in 0..3 {
            let late = NotStored::Late { waited: Duration::from_millis(20) };
            assert_eq!(probe.check(1).await, Err(late));
        }
        assert_eq!(engine.asked.load(Ordering::Relaxed), 1);
    }

    #[actix_web::test]
    async fn an_outcome_that_is_old_is_asked_for_again() {
        let (probe, engine) = probe(|| Publishing::Done(Err(EngineError::Unavailable.into())));
        probe.check(1).await.unwrap_err();
        let old = Instant::now().checked_sub(KEPT * 2).unwrap();
        probe.state().last.as_mut().unwrap().0 = old;
        probe.check(1).await.unwrap_err();
        assert_eq!(engine.asked.load(Ordering::Relaxed), 2);
    }
}
