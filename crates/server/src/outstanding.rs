//! What a connection has outstanding beside what its socket takes: publishes that the engine has not answered, a token
//! that waits to be judged, and bytes on the accounts that are kept for all connections.
//!
//! An idle subscriber has nothing outstanding, and this is a null pointer then.

use crate::{
    access::CredentialError,
    in_flight::{Full, Held, InFlight, SMALL_BYTES},
};
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};
use tidewire_broker::{AppendError, Position, Publishing};
use tidewire_connection::Credential;
use tidewire_tokens::Fetched;

#[derive(Default)]
pub(crate) struct OutstandingWork(Option<Box<Parts>>);

struct Parts {
    /// In order, with the client's numbers for them.
    unanswered: VecDeque<(Option<u64>, Publishing)>,
    /// A token, or why it is refused, and what it waits for.
    credential: Option<(Shown, Fetched)>,
    input: Held,
    output: Held,
}

/// A token that a client has shown, or why it is refused.
pub(crate) type Shown = Result<Credential, CredentialError>;

/// How a publish went, with the client's number for it.
pub(crate) type Answered = (Option<u64>, Result<Position, AppendError>);

impl OutstandingWork {
    /// Whether there is nothing of all this.
    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there are publishes that the engine has not answered.
    pub(crate) fn has_unanswered(&self) -> bool {
        self.0.as_ref().is_some_and(|parts| !parts.unanswered.is_empty())
    }

    /// Waits for a publish, after those before it.
    pub(crate) fn await_answer(
        &mut self,
        id: Option<u64>,
        publishing: Publishing,
        accounts: &InFlight,
    ) {
        self.parts(accounts).unanswered.push_back((id, publishing));
    }

    /// The next publish that is answered; none if there is nothing to wait for.
    pub(crate) fn poll_answered(&mut self, context: &mut Context<'_>) -> Poll<Option<Answered>> {
        let Some(parts) = &mut self.0 else { return Poll::Ready(None) };
        let Some((id, first)) = parts.unanswered.front_mut() else {
            self.tidy();
            return Poll::Ready(None);
        };
        let Poll::Ready(outcome) = Pin::new(first).poll(context) else { return Poll::Pending };
        let answered = (*id, outcome);
        parts.unanswered.pop_front();
        Poll::Ready(Some(answered))
    }

    /// Keeps a token, or its refusal, for as long as it has to wait.
    pub(crate) fn hold_credential(
        &mut self,
        credential: Shown,
        awaited: Fetched,
        accounts: &InFlight,
    ) {
        self.parts(accounts).credential = Some((credential, awaited));
    }

    /// The token that has waited; none if there is none.
    pub(crate) fn poll_credential(&mut self, context: &mut Context<'_>) -> Poll<Option<Shown>> {
        let Some(parts) = &mut self.0 else { return Poll::Ready(None) };
        let Some((credential, mut awaited)) = parts.credential.take() else {
            return Poll::Ready(None);
        };
        if awaited.as_mut().poll(context).is_pending() {
            parts.credential = Some((credential, awaited));
            return Poll::Pending;
        }
        self.tidy();
        Poll::Ready(Some(credential))
    }

    /// Counts the bytes of input that the connection holds; it is woken once it has to give way.
    ///
    /// # Errors
    ///
    /// It has to give way now, and the bytes are counted no more.
    pub(crate) fn hold_input(
        &mut self,
        bytes: usize,
        accounts: &InFlight,
        context: &Context<'_>,
    ) -> Result<(), Full> {
        self.hold(|parts| &mut parts.input, bytes, accounts, context)
    }

    /// The same for output.
    ///
    /// # Errors
    ///
    /// It has to give way now, and the bytes are counted no more.
    pub(crate) fn hold_output(
        &mut self,
        bytes: usize,
        accounts: &InFlight,
        context: &Context<'_>,
    ) -> Result<(), Full> {
        self.hold(|parts| &mut parts.output, bytes, accounts, context)
    }

    fn hold(
        &mut self,
        side: fn(&mut Parts) -> &mut Held,
        bytes: usize,
        accounts: &InFlight,
        context: &Context<'_>,
    ) -> Result<(), Full> {
        if self.is_nothing() && bytes <= SMALL_BYTES {
            return Ok(());
        }
        let held = side(self.parts(accounts));
        let outcome = held.hold(bytes).and_then(|()| match held.poll_notice(context) {
            Poll::Ready(full) => Err(full),
            Poll::Pending => Ok(()),
        });
        if outcome.is_err() {
            held.let_go();
        }
        self.tidy();
        outcome
    }

    fn parts(&mut self, accounts: &InFlight) -> &mut Parts {
        let new = || Parts {
            unanswered: VecDeque::new(),
            credential: None,
            input: accounts.input.open(),
            output: accounts.output.open(),
        };
        self.0.get_or_insert_with(|| Box::new(new()))
    }

    fn tidy(&mut self) {
        if let Some(Parts { unanswered, credential, input, output }) = self.0.as_deref()
            && unanswered.is_empty()
            && credential.is_none()
            && input.is_nothing()
            && output.is_nothing()
        {
            self.0 = None;
        }
    }
}
