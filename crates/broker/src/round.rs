//! A round of telling: the roster's changes on their way into the log, and what becomes of those
//! that fail. Apart from the roster, as a round lasts while an engine works, and holds no lock.

use crate::{AppendError, Broker, Change};
use std::{mem, vec};

/// One round. Ask for a batch, publish each of its changes, say which have failed, and again, until
/// there is no batch. What has failed, and may yet go well, waits in the roster for a later round.
///
/// Rounds follow each other: a connection's changes then keep their order.
///
/// ```
/// use tidewire_broker::{Broker, Grant, Limits, Options, Round, Rules};
///
/// let rules = Rules::all(Options { presence: true, ..Options::default() });
/// let broker = Broker::new(7, Limits { rules, ..Limits::default() });
/// let (lobby, connection) = ("lobby".parse().unwrap(), "c1".parse().unwrap());
/// let permit = Grant::open().permit_join(&lobby).unwrap();
/// broker.roster().join(&permit, &connection, r#"{"connection":"c1"}"#.into()).unwrap();
///
/// let mut round = Round::begin(broker.clone());
/// while let Some(batch) = round.poll_batch(1_000) {
///     let outcomes = batch.into_iter().map(|change| {
///         let (permit, draft) = change.publish();
///         (change, broker.append(permit, draft, 1_000))
///     });
///     round.handle_failed(outcomes.filter_map(|(change, outcome)| Some((change, outcome.err()?))));
/// }
/// assert_eq!((round.worst(), broker.head()), (None, 1));
/// ```
#[derive(Debug)]
pub struct Round {
    broker: Broker,
    changes: vec::IntoIter<Change>,
    worst: Option<AppendError>,
}

/// What becomes of a change that could not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// No other will fare better now.
    All,
    /// Others may, and this one later on.
    ThisOne,
    /// It never will be.
    Never,
}

impl Round {
    /// Takes all that the broker's roster has to tell.
    pub fn begin(broker: Broker) -> Self {
        let changes = broker.roster().take_changes().into_iter();
        Self { broker, changes, worst: None }
    }

    /// The next changes, at most `changes_max`, to be published at once; `None` ends the round.
    pub fn poll_batch(&mut self, changes_max: usize) -> Option<Vec<Change>> {
        let batch: Vec<Change> = self.changes.by_ref().take(changes_max).collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes in which changes of the batch were refused, and why.
    pub fn handle_failed(&mut self, failed: impl IntoIterator<Item = (Change, AppendError)>) {
        let roster = self.broker.roster();
        let mut is_over = false;
        for (change, error) in failed {
            let failure = judge(error);
            is_over |= failure == Failure::All;
            if failure != Failure::Never {
                roster.put_back([change]);
            }
            if failure == Failure::All || !is_over {
                self.worst = Some(error);
            }
        }
        if is_over {
            roster.put_back(mem::take(&mut self.changes));
        }
    }

    /// Why something could not be told, if anything could not.
    pub fn worst(&self) -> Option<AppendError> {
        self.worst
    }
}

fn judge(error: AppendError) -> Failure {
    match error {
        AppendError::Overloaded | AppendError::StorageFull | AppendError::Unavailable => {
            Failure::All
        }
        AppendError::TooManyKeys { .. }
        | AppendError::StateFull { .. }
        | AppendError::TooManyIds { .. } => Failure::ThisOne,
        AppendError::TooLarge { .. }
        | AppendError::KeyMissing
        | AppendError::NotAllowed { .. }
        | AppendError::IdTaken => Failure::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, Limits, Options, Rules};

    fn broker(members: usize) -> Broker {
        let rules = Rules::all(Options { presence: true, ..Options::default() });
        let broker = Broker::new(1, Limits { rules, ..Limits::default() });
        for member in 0..members {
            let connection = format!("c{member}").parse().unwrap();
            let permit = Grant::open().permit_join(&"a".parse().unwrap()).unwrap();
            broker.roster().join(&permit, &connection, "1".into()).unwrap();
        }
        broker
    }

    /// Runs a round of which every change fails with `error`, and counts them.
    fn fail(broker: &Broker, error: AppendError) -> usize {
        let (mut round, mut asked) = (Round::begin(broker.clone()), 0);
        while let Some(batch) = round.poll_batch(2) {
            asked += batch.len();
            round.handle_failed(batch.into_iter().map(|change| (change, error)));
        }
        assert_eq!(round.worst(), Some(error));
        asked
    }

    #[test]
    fn a_store_that_is_away_ends_the_round_and_all_of_it_waits() {
        let broker = broker(5);
        assert_eq!(fail(&broker, AppendError::Unavailable), 2);
        assert_eq!(broker.roster().take_changes().len(), 5);
    }

    #[test]
    fn a_store_that_is_away_is_worse_than_one_without_room_in_the_same_batch() {
        let broker = broker(2);
        let mut round = Round::begin(broker);
        let errors = [AppendError::Unavailable, AppendError::TooManyKeys { keys_max: 1 }];
        let failed = round.poll_batch(2).unwrap().into_iter().zip(errors);
        round.handle_failed(failed);
        assert_eq!(round.worst(), Some(AppendError::Unavailable));
    }

    #[test]
    fn one_that_finds_no_room_holds_up_nobody() {
        let broker = broker(5);
        assert_eq!(fail(&broker, AppendError::TooManyKeys { keys_max: 1 }), 5);
        assert_eq!(broker.roster().take_changes().len(), 5);
    }

    #[test]
    fn what_can_never_be_told_waits_no_longer() {
        let broker = broker(5);
        assert_eq!(fail(&broker, AppendError::TooLarge { bytes: 9, bytes_max: 1 }), 5);
        assert_eq!(broker.roster().take_changes().len(), 0);
    }
}
