//! Tells the channels of presence who has come and who has gone, once an interval.
//!
//! The one publisher of those channels: a round at a time, so that a connection's changes keep their order.

use crate::{clock::wall_ms, gate::Gate};
use std::{sync::Arc, time::Duration};
use tidewire_broker::{AppendError, Broker, Change, Engine, Round};
use tokio::{task::yield_now, time::MissedTickBehavior};

/// What carries the roster's changes into the log.
pub(crate) struct Teller {
    broker: Broker,
    engine: Arc<dyn Engine>,
    /// Somebody has been warned that not all can be told.
    has_warned: bool,
    /// How many joins the roster had refused when it was asked last.
    refused: u64,
}

impl Teller {
    pub(crate) fn new(broker: Broker, engine: Arc<dyn Engine>) -> Self {
        Self { broker, engine, has_warned: false, refused: 0 }
    }

    /// Tells what has changed, once an interval, until it is time to leave; whoever leaves then is
    /// told of by one last [`Teller::tell`].
    pub(crate) async fn run(mut self, interval: Duration, gate: Gate) -> Self {
        let mut tick = tokio::time::interval(interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Never cut off in the middle of a round: what it holds would be lost.
            tokio::select! {
                _ = tick.tick() => self.tell().await,
                () = gate.left() => return self,
            }
        }
    }

    /// Tells what has changed. What cannot be told waits for the next round.
    pub(crate) async fn tell(&mut self) {
        let mut round = Round::begin(self.broker.clone());
        while let Some(batch) = round.poll_batch(BATCH_CHANGES) {
            round.handle_failed(self.tell_batch(batch).await);
            yield_now().await;
        }
        self.report(round.worst());
    }

    /// Publishes some changes at once, so that one sync of a store may serve all of them, and
    /// returns those that failed.
    async fn tell_batch(&self, batch: Vec<Change>) -> Vec<(Change, AppendError)> {
        let publish = |change: Change| {
            let (permit, draft) = change.publish();
            (change, self.engine.publish(permit, draft, wall_ms()))
        };
        let publishings: Vec<_> = batch.into_iter().map(publish).collect();
        let mut failed = Vec::new();
        for (change, publishing) in publishings {
            if let Err(error) = publishing.await {
                failed.push((change, error));
            }
        }
        failed
    }

    /// Says once that not all can be told, and once that all can be again.
    fn report(&mut self, worst: Option<AppendError>) {
        let refused = self.broker.roster().refused();
        let is_refusing = std::mem::replace(&mut self.refused, refused) != refused;
        match worst {
            Some(error) if !self.has_warned => {
                tracing::warn!(%error, "not everybody who comes or goes can be told of");
            }
            None if is_refusing && !self.has_warned => {
                tracing::warn!(refused, "more come at once than can be told of");
            }
            None if !is_refusing && self.has_warned => {
                tracing::info!("everybody who comes or goes is told of again");
            }
            _ => {}
        }
        self.has_warned = worst.is_some() || is_refusing;
    }
}

/// Changes under way at once: a few milliseconds of work, and a sync of a store well used.
const BATCH_CHANGES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tidewire_broker::{Draft, Grant, Limits, Options, Permit, Position, Publishing, Rules};

    /// An engine that answers as it is told, and else as a memory engine would.
    #[derive(Default)]
    struct Moody {
        told: Mutex<Vec<String>>,
        mood: Mutex<Option<AppendError>>,
    }

    impl Engine for Moody {
        fn publish(&self, permit: Permit, draft: Draft, _: u64) -> Publishing {
            let key = draft.key.as_ref().unwrap().as_str();
            self.told.lock().unwrap().push(format!("{} {key}", permit.channel()));
            let mood = *self.mood.lock().unwrap();
            let answer = mood.map_or(Ok(Position { epoch: 1, offset: 1 }), Err);
            Publishing::Waiting(Box::pin(async move {
                yield_now().await;
                answer
            }))
        }
    }

    fn teller() -> (Teller, Arc<Moody>) {
        let rules = Rules::all(Options { presence: true, ..Options::default() });
        let broker = Broker::new(1, Limits { rules, ..Limits::default() });
        let engine = Arc::new(Moody::default());
        (Teller::new(broker, engine.clone()), engine)
    }

    fn join(teller: &Teller, connection: &str) {
        let permit = Grant::open().permit_join(&"a".parse().unwrap()).unwrap();
        let connection = connection.parse().unwrap();
        teller.broker.roster().join(&permit, &connection, "1".into()).unwrap();
    }

    #[tokio::test]
    async fn what_fails_is_told_again_until_it_is_told() {
        let (mut teller, engine) = teller();
        join(&teller, "c1");
        for mood in [AppendError::Unavailable, AppendError::TooManyKeys { keys_max: 1 }] {
            *engine.mood.lock().unwrap() = Some(mood);
            teller.tell().await;
            assert!(teller.has_warned);
        }
        *engine.mood.lock().unwrap() = None;
        teller.tell().await;
        assert_eq!(*engine.told.lock().unwrap(), ["$presence.a c1"; 3]);
        teller.tell().await;
        assert_eq!((engine.told.lock().unwrap().len(), teller.has_warned), (3, false));
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_asked_for_one_batch_a_round_and_nothing_is_lost() {
        let (mut teller, engine) = teller();
        (0..3_000).for_each(|n| join(&teller, &format!("c{n}")));
        *engine.mood.lock().unwrap() = Some(AppendError::Unavailable);
        teller.tell().await;
        assert_eq!(engine.told.lock().unwrap().len(), BATCH_CHANGES);
        *engine.mood.lock().unwrap() = None;
        teller.tell().await;
        assert_eq!(engine.told.lock().unwrap().len(), BATCH_CHANGES + 3_000);
    }
}
