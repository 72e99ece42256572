//! A flush of the presence buffer: its changes on their way into the log, and what becomes of those
//! that fail. Apart from the buffer, as a flush lasts while an engine works, and holds no lock.

use crate::{AppendError, Broker, PresenceChange};
use std::{mem, vec};

/// One flush. Ask for a batch, publish each of its changes, say which have failed, and again, until
/// there is no batch. What has failed, and may yet go well, waits in the buffer for a later flush.
///
/// Flushes follow each other: a connection's changes then keep their order.
///
/// ```
/// use tidewire_broker::{Broker, Grant, Limits, Options, PresenceFlush, Rules};
///
/// let rules = Rules::all(Options { presence: true, ..Options::default() });
/// let broker = Broker::new(7, Limits { rules, ..Limits::default() });
/// let (lobby, connection) = ("lobby".parse().unwrap(), "c1".parse().unwrap());
/// let permit = Grant::open().permit_join(&lobby).unwrap();
/// broker.presence_buffer().join(&permit, &connection, r#"{"connection":"c1"}"#.into()).unwrap();
///
/// let mut flush = PresenceFlush::begin(broker.clone());
/// while let Some(batch) = flush.poll_batch(1_000) {
///     let outcomes = batch.into_iter().map(|change| {
///         let (permit, draft) = change.publish();
///         (change, broker.append(permit, draft, 1_000))
///     });
///     flush.handle_failed(outcomes.filter_map(|(change, outcome)| Some((change, outcome.err()?))));
/// }
/// assert_eq!((flush.worst(), broker.head()), (None, 1));
/// ```
#[derive(Debug)]
pub struct PresenceFlush {
    broker: Broker,
    changes: vec::IntoIter<PresenceChange>,
    worst: Option<AppendError>,
}

/// What becomes of a change that could not be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// No other can succeed now.
    All,
    /// Others may, and this one later on.
    ThisOne,
    /// It never will be.
    Never,
}

impl PresenceFlush {
    /// Takes all that the broker's buffer holds.
    pub fn begin(broker: Broker) -> Self {
        let changes = broker.presence_buffer().take_changes().into_iter();
        Self { broker, changes, worst: None }
    }

    /// The next changes, at most `changes_max`, to be published at once; `None` ends the flush.
    pub fn poll_batch(&mut self, changes_max: usize) -> Option<Vec<PresenceChange>> {
        let batch: Vec<PresenceChange> = self.changes.by_ref().take(changes_max).collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes in which changes of the batch were refused, and why.
    pub fn handle_failed(
        &mut self,
        failed: impl IntoIterator<Item = (PresenceChange, AppendError)>,
    ) {
        let buffer = self.broker.presence_buffer();
        let mut is_over = false;
        for (change, error) in failed {
            let failure = classify(error);
            is_over |= failure == Failure::All;
            if failure != Failure::Never {
                buffer.put_back([change]);
            }
            if failure == Failure::All || !is_over {
                self.worst = Some(error);
            }
        }
        if is_over {
            buffer.put_back(mem::take(&mut self.changes));
        }
    }

    /// Why something could not be published, if anything could not.
    pub fn worst(&self) -> Option<AppendError> {
        self.worst
    }
}

fn classify(error: AppendError) -> Failure {
    match error {
        AppendError::Engine(_) => Failure::All,
        AppendError::Quota(_) => Failure::ThisOne,
        AppendError::Draft(_) | AppendError::NotAllowed { .. } => Failure::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DraftError, EngineError, Grant, Limits, Options, QuotaError, Rules};

    fn broker(members: usize) -> Broker {
        let rules = Rules::all(Options { presence: true, ..Options::default() });
        let broker = Broker::new(1, Limits { rules, ..Limits::default() });
        for member in 0..members {
            let connection = format!("c{member}").parse().unwrap();
            let permit = Grant::open().permit_join(&"a".parse().unwrap()).unwrap();
            broker.presence_buffer().join(&permit, &connection, "1".into()).unwrap();
        }
        broker
    }

    /// Runs a flush of which every change fails with `error`, and counts them.
    fn fail(broker: &Broker, error: AppendError) -> usize {
        let (mut flush, mut asked) = (PresenceFlush::begin(broker.clone()), 0);
        while let Some(batch) = flush.poll_batch(2) {
            asked += batch.len();
            flush.handle_failed(batch.into_iter().map(|change| (change, error)));
        }
        assert_eq!(flush.worst(), Some(error));
        asked
    }

    #[test]
    fn a_store_that_is_away_ends_the_round_and_all_of_it_waits() {
        let broker = broker(5);
        assert_eq!(fail(&broker, AppendError::Engine(EngineError::Unavailable)), 2);
        assert_eq!(broker.presence_buffer().take_changes().len(), 5);
    }

    #[test]
    fn a_store_that_is_away_is_worse_than_one_without_room_in_the_same_batch() {
        let broker = broker(2);
        let mut flush = PresenceFlush::begin(broker);
        let errors = [
            AppendError::Engine(EngineError::Unavailable),
            AppendError::Quota(QuotaError::TooManyKeys { keys_max: 1 }),
        ];
        let failed = flush.poll_batch(2).unwrap().into_iter().zip(errors);
        flush.handle_failed(failed);
        assert_eq!(flush.worst(), Some(AppendError::Engine(EngineError::Unavailable)));
    }

    #[test]
    fn one_without_room_delays_no_other() {
        let broker = broker(5);
        assert_eq!(fail(&broker, AppendError::Quota(QuotaError::TooManyKeys { keys_max: 1 })), 5);
        assert_eq!(broker.presence_buffer().take_changes().len(), 5);
    }

    #[test]
    fn what_can_never_be_published_waits_no_longer() {
        let broker = broker(5);
        assert_eq!(
            fail(&broker, AppendError::Draft(DraftError::TooLarge { bytes: 9, bytes_max: 1 })),
            5
        );
        assert_eq!(broker.presence_buffer().take_changes().len(), 0);
    }
}
