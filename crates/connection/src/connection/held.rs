//! What a connection holds in memory for its client alone, and giving it up when that is too much.
//!
//! The owner, which sees all connections, decides whether it is too much.

use super::{Connection, Phase, inbound::Inbound};
use crate::{CloseReason, Ending, Time, Worker, batch::UnsentTail};

impl Connection {
    /// Bytes held for this client alone: answers, what is half sent, and input not yet used up.
    ///
    /// What is half sent of a large message is shared with the log and not counted.
    pub fn held_bytes(&self) -> usize {
        let unsent = self.unsent.as_deref().map_or(0, UnsentTail::copied_bytes);
        self.replies.len() + unsent + self.held_input_bytes()
    }

    /// Bytes of input that are held: messages without their end, what waits behind answers, and
    /// publishes that nobody has taken over.
    pub fn held_input_bytes(&self) -> usize {
        let held_by = |inbound: &Inbound| inbound.held_bytes() + self.dialect.held_bytes();
        self.inbound.as_deref().map_or(0, held_by)
    }

    /// Bytes of output that are held: answers, the rest of a half-sent item, and the message of that
    /// item once the log has let it go.
    pub fn held_output_bytes(&self) -> usize {
        let unsent = match self.unsent.as_deref() {
            None => 0,
            Some(UnsentTail::Copied(bytes)) => bytes.capacity(),
            Some(UnsentTail::Shared(shared)) => shared.message.bytes_outside_log(),
        };
        self.replies.capacity() + unsent
    }

    /// Whether [`Connection::held_output_bytes`] may grow without an event here: the log may remove the message that is
    /// half sent.
    pub fn is_inside_message(&self) -> bool {
        matches!(self.unsent.as_deref(), Some(UnsentTail::Shared(_)))
    }

    /// Drops the message that is arriving, and asks the client to reconnect later.
    ///
    /// Messages that have arrived completely are published all the same.
    pub fn refuse_input(&mut self, reason: &str, worker: &Worker, time: Time) {
        self.dialect.drop_partial();
        self.end(&Ending::NoRoom(reason), worker.limits.retry_ms, worker, time);
    }

    /// Ends it as if the client had taken nothing for too long: it can come back and resume.
    pub fn give_up_output(&mut self) {
        self.phase = Phase::Ended(CloseReason::Stalled);
    }
}
