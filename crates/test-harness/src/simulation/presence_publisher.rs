//! Publishes to the channels of presence who has joined and left, as the server's own publisher does,
//! but in steps: what a store has not answered is asked for again when the clock has moved on.

use super::{
    clock::time,
    engine_under_test::EngineUnderTest,
    history::History,
    membership::{Membership, PREFIX},
    model_outcome::Source,
    presence::{ExpectedMembers, Presence},
    session::Session,
    settings::Settings,
    tally::Tally,
    trace::Trace,
};
use fastrand::Rng;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{
    AppendError, Compaction, EngineError, PresenceChange, PresenceFlush, Publishing, QuotaError,
};

/// Publishes joins and leaves, at most one round at a time.
#[derive(Debug, Default)]
pub(crate) struct PresencePublisher {
    underway: Option<Underway>,
    due_ms: u64,
    /// What found no room in the last round.
    pub(crate) refused: BTreeSet<Membership>,
}

/// A round that has begun.
#[derive(Debug)]
struct Underway {
    round: PresenceFlush,
    /// The members when it began.
    expected: ExpectedMembers,
    batch: Vec<(PresenceChange, Publishing)>,
    failed: Vec<(PresenceChange, AppendError)>,
    refused: BTreeSet<Membership>,
    /// Those that were refused because the channel was full.
    crowded: BTreeSet<Membership>,
}

/// What the publisher has at hand in a step.
pub(crate) struct PublisherContext<'a> {
    pub(crate) now_ms: u64,
    pub(crate) settings: &'a Settings,
    pub(crate) engine: &'a EngineUnderTest,
    pub(crate) presence: &'a Presence,
    pub(crate) sessions: &'a BTreeMap<u64, Session>,
    pub(crate) history: &'a mut History,
    pub(crate) rng: &'a mut Rng,
    pub(crate) tally: &'a mut Tally,
    pub(crate) trace: &'a mut Trace,
}

impl PresencePublisher {
    /// One whose first round is due at `now_ms`.
    pub(crate) fn due_at(now_ms: u64) -> Self {
        Self { due_ms: now_ms, ..Self::default() }
    }

    /// Goes on with the round under way, or begins one that is due.
    pub(crate) fn flush(&mut self, context: &mut PublisherContext<'_>) -> Result<(), String> {
        if !context.settings.broker.rules.has_presence() {
            return Ok(());
        }
        if self.underway.is_none() && self.due_ms <= context.now_ms {
            let round = PresenceFlush::begin(context.engine.broker.clone());
            let expected = context.presence.expected(context.sessions);
            self.due_ms = context.now_ms + context.settings.presence_interval_ms;
            self.underway = Some(Underway {
                round,
                expected,
                batch: Vec::new(),
                failed: Vec::new(),
                refused: BTreeSet::new(),
                crowded: BTreeSet::new(),
            });
        }
        let Some(mut underway) = self.underway.take() else { return Ok(()) };
        while underway.take_answers(context) {
            underway.round.handle_failed(underway.failed.drain(..));
            let Some(batch) = underway.round.poll_batch(context.rng.usize(1..6)) else {
                return self.end_round(underway, context);
            };
            for change in batch {
                let (permit, draft) = change.publish();
                let now_ms = time(context.now_ms).wall_ms;
                let (history, tally) = (&mut *context.history, &mut *context.tally);
                let given = (draft, Source::System);
                let publishing = context.engine.publish(permit, given, now_ms, history, tally)?;
                underway.batch.push((change, publishing));
            }
        }
        self.underway = Some(underway);
        Ok(())
    }

    /// Compares the log with the members when the round began.
    fn end_round(
        &mut self,
        underway: Underway,
        context: &mut PublisherContext<'_>,
    ) -> Result<(), String> {
        let Underway { round, expected, refused, crowded, .. } = underway;
        if round.worst() == Some(AppendError::Engine(EngineError::Unavailable)) {
            return Ok(());
        }
        self.refused = refused;
        context.tally.rounds += 1;
        crowded.iter().try_for_each(|membership| check_crowded(membership, context))?;
        expected.check(&ExpectedMembers::in_log(context.history, context.engine), &self.refused)
    }
}

impl Underway {
    /// Looks at the answers of a batch, and says whether all have come.
    fn take_answers(&mut self, context: &mut PublisherContext<'_>) -> bool {
        let mut task = Context::from_waker(Waker::noop());
        for (change, mut publishing) in std::mem::take(&mut self.batch) {
            match Pin::new(&mut publishing).poll(&mut task) {
                Poll::Pending => self.batch.push((change, publishing)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    context
                        .trace
                        .note(context.now_ms, || format!("{change:?} is not published: {error}"));
                    context.tally.unpublished += 1;
                    let (permit, draft) = change.publish();
                    let membership = Membership::of_message(permit.channel().as_str(), &draft);
                    let is_crowded =
                        matches!(error, AppendError::Quota(QuotaError::TooManyKeys { .. }));
                    self.crowded.extend(membership.clone().filter(|_| is_crowded));
                    self.refused.extend(membership);
                    self.failed.push((change, error));
                }
            }
        }
        self.batch.is_empty()
    }
}

/// Checks that a channel is full if a join was refused: leaves are published first.
fn check_crowded(membership: &Membership, context: &PublisherContext<'_>) -> Result<(), String> {
    let name = format!("{PREFIX}{}", membership.channel);
    let epoch = context.engine.broker.epoch();
    let values = context.history.of_channel(epoch, &name).filter(|(_, it)| it.is_value()).count();
    match context.settings.options(&name).compaction {
        Some(Compaction { keys_max, .. }) if values < keys_max => {
            Err(format!("{membership:?} found no room beside {values}"))
        }
        _ => Ok(()),
    }
}
