//! Connections that write the same batch, one right after the other.
//!
//! A write to a socket runs through so much of the kernel that afterwards little of our code and data is in the
//! processor's caches. So what is to be done before the write is done for a few connections together, then their
//! writes, then what is to be done after them: the code of each step is fetched once for all of them, and what
//! belongs to one connection is fetched while others are worked on.
//!
//! ```text
//!   join    is there nothing to do for it but to write the worker's batch?    each connection
//!   write   the batch goes to the socket                                      each connection
//!   finish  its place moves by what the socket took, and it waits             each connection
//!   turns   of their own: a socket did not take all of it, there is more      some connections, seldom
//! ```

use super::{Budget, Entry, cut_off};
use crate::socket::Socket;
use std::{
    io::{self, IoSlice},
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};
use tidewire_broker::WaiterId;
use tidewire_connection::Worker;

/// Connections that have joined and whose sockets were not written to. Kept by a worker and used again.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    waiter: WaiterId,
    /// What its socket said, unless that panicked.
    written: Option<Poll<io::Result<usize>>>,
}

type Entries<S> = [Option<Box<Entry<S>>>];

impl Group {
    /// Has a connection join, if the worker's batch is all that is to be done for it; otherwise says false.
    ///
    /// Until the group has written, the batch must not change.
    pub(super) fn join<S: Socket>(
        &mut self,
        place: &mut Option<Box<Entry<S>>>,
        budget: &Budget<'_>,
        worker: &mut Worker,
    ) -> bool {
        let Some(Entry { driver, .. }) = place.as_deref_mut() else { return false };
        let waiter = driver.waiter();
        let is_dismissed = budget.worker_context.is_dismissed(waiter);
        let join = || !is_dismissed && driver.join(worker, budget.time);
        match catch_unwind(AssertUnwindSafe(join)) {
            Ok(true) => self.members.push(Member { waiter, written: None }),
            Ok(false) => return false,
            Err(_) => cut_off(place, waiter, worker),
        }
        true
    }

    /// Whether no connection has joined.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Writes the batch for all members; then those are left that need a turn of their own.
    ///
    /// First all of them: such a turn takes the batch that the others have written.
    pub(super) fn write<S: Socket>(
        &mut self,
        entries: &mut Entries<S>,
        budget: &Budget<'_>,
        worker: &mut Worker,
    ) {
        match worker.batch.contiguous() {
            Some(bytes) => self.write_slices(entries, &[IoSlice::new(bytes)]),
            None => self.write_slices(entries, &worker.batch.slices(&budget.worker_context.broker)),
        }
        self.members.retain_mut(|member| {
            let Some(place) = entries.get_mut(member.waiter.index()) else { return false };
            finish(place, member, budget, worker)
        });
        worker.count_deliveries(budget.time);
    }

    /// The members that are left.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = WaiterId> {
        self.members.drain(..).map(|member| member.waiter)
    }

    fn write_slices<S: Socket>(&mut self, entries: &mut Entries<S>, slices: &[IoSlice<'_>]) {
        for Member { waiter, written } in &mut self.members {
            let Some(Some(entry)) = entries.get_mut(waiter.index()) else { continue };
            let Entry { driver, waker, .. } = &mut **entry;
            let write = || driver.write_shared(&mut Context::from_waker(waker), slices);
            *written = catch_unwind(AssertUnwindSafe(write)).ok();
        }
    }
}

/// Has a member take in what its socket said; says whether it needs a turn of its own.
fn finish<S: Socket>(
    place: &mut Option<Box<Entry<S>>>,
    member: &Member,
    budget: &Budget<'_>,
    worker: &mut Worker,
) -> bool {
    let Some(Entry { driver, waker, .. }) = place.as_deref_mut() else { return false };
    let finish = |written| driver.finish(written, worker, budget.time, waker);
    let finish = || member.written.as_ref().map(finish);
    if let Ok(Some(is_finished)) = catch_unwind(AssertUnwindSafe(finish)) {
        return !is_finished;
    }
    cut_off(place, member.waiter, worker);
    false
}
