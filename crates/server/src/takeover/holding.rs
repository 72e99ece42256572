//! What actix and its socket hold of requests and answers, as the accounts of all connections count it.
//!
//! Of a request its head, which lives in actix's buffer until the answer, and what was read ahead; its body is for the
//! handler to count. Of an answer what the socket has not taken.

use crate::in_flight::{Full, Held, InFlight, SMALL_BYTES};
use std::task::{Context, Poll};

pub(super) struct Holding {
    input: Held,
    output: Held,
    /// Of the request that comes in or is served.
    head_bytes: usize,
    /// The most that actix's buffer has held since it was last empty: it gives nothing back before that.
    answer_bytes: usize,
}

impl Holding {
    pub(super) fn new(accounts: &InFlight) -> Self {
        Self {
            input: accounts.input.open(),
            output: accounts.output.open(),
            head_bytes: 0,
            answer_bytes: 0,
        }
    }

    /// So much more of a head has passed.
    pub(super) fn add_head(&mut self, bytes: usize) {
        self.head_bytes += bytes;
    }

    /// The request is answered, and its head is gone.
    pub(super) fn end_request(&mut self) {
        self.head_bytes = 0;
    }

    /// Counts the head, and what was read ahead of it.
    ///
    /// # Errors
    ///
    /// Others need the room more.
    pub(super) fn hold_input(
        &mut self,
        ahead_bytes: usize,
        context: &Context<'_>,
    ) -> Result<(), Full> {
        let head_bytes = match self.head_bytes {
            small @ ..=SMALL_BYTES => small,
            large => (large + READ_BYTES).next_power_of_two(),
        };
        hold(&mut self.input, head_bytes + ahead_bytes, context)
    }

    /// So much is to be written.
    pub(super) fn note_answer(&mut self, bytes: usize) {
        self.answer_bytes = self.answer_bytes.max(bytes);
    }

    /// All of it is written.
    pub(super) fn end_answer(&mut self) {
        self.answer_bytes = 0;
        self.output.let_go();
    }

    /// Counts answers, since the socket does not take them.
    ///
    /// # Errors
    ///
    /// Others need the room more.
    pub(super) fn hold_output(&mut self, context: &Context<'_>) -> Result<(), Full> {
        hold(&mut self.output, self.answer_bytes, context)
    }
}

fn hold(held: &mut Held, bytes: usize, context: &Context<'_>) -> Result<(), Full> {
    held.hold(bytes)?;
    match held.poll_notice(context) {
        Poll::Ready(full) => Err(full),
        Poll::Pending => Ok(()),
    }
}

/// What actix's buffer has free for a read. It doubles if it has to grow for that, and lives as long as the head in it.
const READ_BYTES: usize = 32 << 10;
