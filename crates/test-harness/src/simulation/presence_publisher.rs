//! Publishes to the channels of presence who has joined and left, as the server's own publisher does,
//! but in steps: what a store has not answered is asked for again when the clock has moved on.

use super::{
    model_outcome::Source,
    presence::{ExpectedMembers, Membership, PREFIX},
    world::{World, time},
};
use std::{
    collections::BTreeSet,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{
    AppendError, Compaction, EngineError, PresenceChange, PresenceFlush, Publishing, QuotaError,
};

/// The one who tells, at most one round at a time.
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
    /// Who was there when it began.
    expected: ExpectedMembers,
    batch: Vec<(PresenceChange, Publishing)>,
    failed: Vec<(PresenceChange, AppendError)>,
    refused: BTreeSet<Membership>,
    /// Those of them for whom there were too many others.
    crowded: BTreeSet<Membership>,
}

impl World {
    /// Goes on with the round under way, or begins one that is due.
    pub(crate) fn flush_presence(&mut self) -> Result<(), String> {
        if !self.settings.broker.rules.has_presence() {
            return Ok(());
        }
        if self.presence_publisher.underway.is_none()
            && self.presence_publisher.due_ms <= self.now_ms
        {
            let round = PresenceFlush::begin(self.engine.broker.clone());
            let expected = self.presence.expected(&self.sessions);
            self.presence_publisher.due_ms = self.now_ms + self.settings.presence_interval_ms;
            self.presence_publisher.underway = Some(Underway {
                round,
                expected,
                batch: Vec::new(),
                failed: Vec::new(),
                refused: BTreeSet::new(),
                crowded: BTreeSet::new(),
            });
        }
        let Some(mut underway) = self.presence_publisher.underway.take() else { return Ok(()) };
        while self.take_answers(&mut underway) {
            underway.round.handle_failed(underway.failed.drain(..));
            let Some(batch) = underway.round.poll_batch(self.rng.usize(1..6)) else {
                return self.end_round(underway);
            };
            for change in batch {
                let (permit, draft) = change.publish();
                let now_ms = time(self.now_ms).wall_ms;
                let (history, tally) = (&mut self.history, &mut self.tally);
                let given = (draft, Source::System);
                let publishing = self.engine.publish(permit, given, now_ms, history, tally)?;
                underway.batch.push((change, publishing));
            }
        }
        self.presence_publisher.underway = Some(underway);
        Ok(())
    }

    /// Looks at the answers of a batch, and says whether all have come.
    fn take_answers(&mut self, underway: &mut Underway) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        for (change, mut publishing) in std::mem::take(&mut underway.batch) {
            match Pin::new(&mut publishing).poll(&mut context) {
                Poll::Pending => underway.batch.push((change, publishing)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.trace.note(self.now_ms, || format!("{change:?} is not told: {error}"));
                    self.tally.unpublished += 1;
                    let (permit, draft) = change.publish();
                    let membership = Membership::told(permit.channel().as_str(), &draft);
                    let is_crowded =
                        matches!(error, AppendError::Quota(QuotaError::TooManyKeys { .. }));
                    underway.crowded.extend(membership.clone().filter(|_| is_crowded));
                    underway.refused.extend(membership);
                    underway.failed.push((change, error));
                }
            }
        }
        underway.batch.is_empty()
    }

    /// Holds what the log tells against those who were there when the round began.
    fn end_round(&mut self, underway: Underway) -> Result<(), String> {
        let Underway { round, expected, refused, crowded, .. } = underway;
        if round.worst() == Some(AppendError::Engine(EngineError::Unavailable)) {
            return Ok(());
        }
        self.presence_publisher.refused = refused;
        self.tally.rounds += 1;
        crowded.iter().try_for_each(|membership| self.check_crowded(membership))?;
        expected.check(
            &ExpectedMembers::told(&self.history, &self.engine),
            &self.presence_publisher.refused,
        )
    }

    /// Checks that a channel is full where somebody found no room: those who leave are told first.
    fn check_crowded(&self, membership: &Membership) -> Result<(), String> {
        let name = format!("{PREFIX}{}", membership.channel);
        let epoch = self.engine.broker.epoch();
        let values = self.history.of_channel(epoch, &name).filter(|(_, it)| it.is_value()).count();
        match self.settings.options(&name).compaction {
            Some(Compaction { keys_max, .. }) if values < keys_max => {
                Err(format!("{membership:?} found no room beside {values}"))
            }
            _ => Ok(()),
        }
    }

    /// The server's process has ended, and with it all that it knew of who is there.
    pub(crate) fn restart_presence(&mut self) {
        self.presence.end_life();
        self.presence_publisher =
            PresencePublisher { due_ms: self.now_ms, ..PresencePublisher::default() };
        let told = ExpectedMembers::told(&self.history, &self.engine);
        self.tally.leftovers += u64::try_from(told.len()).unwrap_or(0);
        self.engine.broker.clear_presence();
    }

    /// Waits until the log tells of exactly those who are there.
    pub(crate) fn drain_presence(&mut self, steps_max: usize) -> Result<(), String> {
        let mut difference = Ok(());
        for _ in 0..steps_max {
            self.pass_time()?;
            let expected = self.presence.expected(&self.sessions);
            let told = ExpectedMembers::told(&self.history, &self.engine);
            difference = expected.check_exact(&told, &self.presence_publisher.refused);
            if difference.is_ok() {
                return Ok(());
            }
        }
        difference
    }
}
