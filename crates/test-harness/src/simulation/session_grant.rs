//! Until when one session has been granted what it follows, and what may be delivered by then.

use super::wire_reader::Received;
use fastrand::Rng;
use tidewire_broker::{Grant, Position};
use tidewire_connection::Time;

/// Until when one session has been granted what it follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SessionGrant {
    /// On the steady clock; absent, for ever.
    pub(crate) expires_ms: Option<u64>,
    /// The head when it expired.
    pub(crate) last: Option<Position>,
}

impl SessionGrant {
    /// One that may expire, and the grant itself. Most do not: members renew their joins only on
    /// connections that live long.
    pub(crate) fn draw(rng: &mut Rng, time: Time) -> (Self, Grant) {
        if rng.u32(..4) > 0 {
            return (Self::default(), Grant::open());
        }
        Self::ending(rng.u64(1..4_000), time)
    }

    /// One that expires in that many milliseconds.
    pub(crate) fn ending(left_ms: u64, time: Time) -> (Self, Grant) {
        let expires_ms = Some(time.steady_ms + left_ms);
        (Self { expires_ms, last: None }, Grant::open().until(time.wall_ms + left_ms))
    }

    /// Notes where the log ended when it expired.
    pub(crate) fn note_time(&mut self, now_ms: u64, head: Position) {
        if self.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            self.last.get_or_insert(head);
        }
    }

    /// Checks that nothing is received that came after it had expired.
    pub(crate) fn check(&self, received: &Received) -> Result<(), String> {
        let Some(last) = self.last else { return Ok(()) };
        let is_late = |at: &Position| at.epoch == last.epoch && at.offset > last.offset;
        match positions(received).into_iter().find(is_late) {
            Some(late) => Err(format!("{late} was delivered, and the grant ended after {last}")),
            None => Ok(()),
        }
    }
}

/// The places that something received says it has come to.
fn positions(received: &Received) -> Vec<Position> {
    match received {
        Received::Message(message) => vec![message.position],
        Received::Raw { position, .. } => position.iter().copied().collect(),
        Received::Place(position) => vec![*position],
        Received::Answer(answer) => {
            answer.messages.iter().map(|message| message.position).collect()
        }
        _ => Vec::new(),
    }
}
