//! What clients publish: in the log once, in the order of the calls, and where the answer says.

use super::truth::{Place, Truth, spell};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// The publishes of all clients.
#[derive(Debug, Default)]
pub(super) struct Publishing {
    /// Whether clients keep what they cannot send: nothing fails then, and the order of the calls is the order of the log.
    has_outbox: bool,
    /// By client, in the order of the calls.
    called: BTreeMap<usize, Vec<u64>>,
    answers: BTreeMap<u64, Answer>,
    /// Of those that were closed: what had no answer by then may get none.
    closed: Vec<usize>,
}

#[derive(Debug)]
enum Answer {
    Published,
    Failed(String),
}

impl Publishing {
    pub(super) fn new(has_outbox: bool) -> Self {
        Self { has_outbox, ..Self::default() }
    }

    pub(super) fn enter_call(&mut self, client: usize, serial: u64) {
        self.called.entry(client).or_default().push(serial);
    }

    pub(super) fn enter_published(
        &mut self,
        serial: u64,
        at: Place,
        truth: &mut Truth,
    ) -> Result<()> {
        truth.note(serial, at)?;
        let known = self.answers.insert(serial, Answer::Published);
        ensure!(known.is_none(), "publish {serial} was answered twice: {known:?}");
        Ok(())
    }

    pub(super) fn enter_failed(&mut self, serial: u64, error: String) -> Result<()> {
        let known = self.answers.insert(serial, Answer::Failed(error));
        ensure!(known.is_none(), "publish {serial} was answered twice: {known:?}");
        Ok(())
    }

    pub(super) fn enter_closed(&mut self, client: usize) {
        self.closed.push(client);
    }

    /// The first call of an open client that has no answer, if it has to get one.
    pub(super) fn unanswered(&self) -> Option<u64> {
        if !self.has_outbox {
            return None;
        }
        let open = self.called.iter().filter(|(client, _)| !self.closed.contains(client));
        let mut serials = open.flat_map(|(_, serials)| serials);
        serials.find(|serial| !self.answers.contains_key(serial)).copied()
    }

    pub(super) fn check(&self, truth: &Truth) -> Result<()> {
        for (client, serials) in &self.called {
            let is_closed = self.closed.contains(client);
            let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
            for serial in serials {
                if let Some(Answer::Failed(error)) = self.answers.get(serial) {
                    ensure!(
                        is_closed || !self.has_outbox,
                        "publish {serial} of client {client} failed: {error}"
                    );
                }
                for (epoch, offset) in truth.places(*serial) {
                    let before = newest.insert(epoch, offset).unwrap_or_default();
                    ensure!(
                        before < offset || !self.has_outbox,
                        "publish {serial} of client {client} is at {}, before an earlier one at {}",
                        spell((epoch, offset)),
                        spell((epoch, before))
                    );
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_of_a_client_are_in_the_order_of_its_calls() {
        for (places, is_right) in [([1, 2], true), ([2, 1], false)] {
            let (mut truth, mut publishing) = (Truth::default(), Publishing::new(true));
            for offset in places {
                let serial = truth.next("a");
                publishing.enter_call(0, serial);
                publishing.enter_published(serial, (7, offset), &mut truth).unwrap();
            }
            assert_eq!(publishing.check(&truth).is_ok(), is_right);
        }
    }

    #[test]
    fn a_publish_is_answered_once_and_fails_only_at_the_end() {
        let (mut truth, mut publishing) = (Truth::default(), Publishing::new(true));
        let serial = truth.next("a");
        publishing.enter_call(0, serial);
        assert_eq!(publishing.unanswered(), Some(serial));
        publishing.enter_failed(serial, "closed".to_owned()).unwrap();
        assert_eq!(publishing.unanswered(), None);
        assert!(publishing.check(&truth).is_err());
        publishing.enter_closed(0);
        assert!(publishing.check(&truth).is_ok());
        assert!(publishing.enter_published(serial, (7, 1), &mut truth).is_err());
    }
}
