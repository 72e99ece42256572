//! Bytes out: what was half sent, then answers, then what the cursors find, in one batch.

use super::{Connection, Phase};
use crate::{
    GapNotice, Time, Worker,
    metrics::{COUNTS_DELIVERIES, message_count},
};
use std::{num::NonZeroU64, task::Waker};
use tidewire_broker::Item;

impl Connection {
    /// Fills the worker's batch with what is to be written next; false if there is nothing. `waker` is
    /// woken when an archive has what it has to be asked for.
    pub fn poll_transmit(&mut self, worker: &mut Worker, time: Time, waker: &Waker) -> bool {
        if self.shares_batch(worker) {
            return true;
        }
        worker.count_deliveries(time);
        worker.batch.clear();
        worker.gathered.clear();
        if matches!(self.phase, Phase::Ended(_)) {
            return false;
        }
        self.poll_pending_request(worker, time, waker);
        if let Some(unsent) = &self.unsent {
            unsent.push_to(&mut worker.batch);
        }
        worker.batch.unsent_end = worker.batch.len();
        worker.batch.push_copy(&self.replies);
        worker.batch.replies_end = worker.batch.len();
        let has_room = worker.batch.len() < worker.gather_bytes_max();
        if self.phase == Phase::Open && !self.is_too_slow && has_room {
            self.gather(worker, waker);
            let gathered = &worker.gathered;
            let mut has_room = gathered.bytes_left() > 0;
            if self.is_quiet(worker) {
                // Nothing, or only what this dialect leaves out: the place moves on all the same.
                self.reader.advance(gathered, gathered.items().len());
                has_room = true;
            }
            // Not its room but its work has ended what it read, and it has to read again: others first.
            self.is_spent |= has_room && !gathered.is_caught_up() && !gathered.waits();
            if worker.gathered.is_caught_up() && worker.batch.len() == worker.batch.replies_end {
                self.add_reply(worker, |this, worker| {
                    let position = worker.broker.position(this.after(&worker.broker));
                    this.say_goodbye(Some(position), worker, time);
                });
            }
        }
        if self.is_quiet(worker) {
            self.beat(worker);
        }
        if worker.batch.is_empty() {
            self.is_replaying &= !worker.gathered.is_caught_up();
            self.finish();
        }
        worker.batch.note_encoding(self.encoding);
        #[cfg(feature = "traces")]
        worker.note_traces();
        !worker.batch.is_empty()
    }

    /// Whether all that is to be done for it now is to write the worker's batch, which another connection has
    /// filled; it takes in that time has passed, like [`Connection::handle_time`].
    ///
    /// If so, [`Connection::handle_transmitted`] has to follow before it is asked again, with the batch
    /// unchanged.
    pub fn poll_shared(&mut self, worker: &mut Worker, time: Time) -> bool {
        self.handle_time(worker, time);
        self.blocked_ms.is_none() && self.shares_batch(worker)
    }

    /// Whether the worker's batch, which another connection has filled, is what this one has to write.
    ///
    /// Subscribers of one channel have their turns one after another, and most of them stand at the same
    /// place: then one of them reads and copies for all. It is the same read, for
    /// [`tidewire_broker::Reader::would_find`] says that it would find the same.
    fn shares_batch(&mut self, worker: &mut Worker) -> bool {
        let only_reads = self.phase == Phase::Open
            && self.unsent.is_none()
            && self.replies.is_empty()
            && !self.has_pending_request()
            && !self.is_too_slow;
        if !only_reads || worker.batch.encoding() != Some(self.encoding) {
            return false;
        }
        self.take_news(worker);
        let bytes_max = worker.gather_bytes_max();
        let Worker { broker, lane, gathered, .. } = worker;
        self.reader.would_find(broker, lane.read_limit(), bytes_max, gathered)
    }

    /// Whether [`Connection::poll_transmit`] may find more, right after a whole batch was sent.
    ///
    /// A connection that has only handed over news is asked no second time: to find that there is nothing
    /// costs as much as to find something.
    pub fn may_transmit(&self, worker: &Worker) -> bool {
        let has_nothing = worker.gathered.is_caught_up()
            && self.phase == Phase::Open
            && self.unsent.is_none()
            && self.replies.is_empty()
            && self.unplaced_to.is_none()
            && self.planned_end.as_ref().is_none_or(|planned| planned.dismissal.is_none())
            && !self.is_heartbeat_due
            && !self.is_too_slow;
        !has_nothing
    }

    /// Whether it has done as much as one turn is for, and asks for another, others first.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Whether to find what it is owed may take more than the news of it: it is far behind, or has to look in
    /// all channels.
    pub fn catches_up(&self) -> bool {
        self.reader.catches_up()
    }

    /// Whether the archive has to fetch what comes next, as the last [`Connection::poll_transmit`] of this
    /// connection found.
    pub fn waits_for_archive(&self, worker: &Worker) -> bool {
        worker.gathered.waits()
    }

    /// Takes in that the first `written` bytes of the batch are on their way.
    ///
    /// Fewer than all of them means that the socket takes no more for now.
    pub fn handle_transmitted(&mut self, written: usize, worker: &mut Worker, time: Time) {
        let batch = &worker.batch;
        if written > 0 {
            if batch.len() > self.unseen_bytes {
                (self.sent_ms, self.is_heartbeat_due) = (time.steady_ms, false);
            }
            if self.blocked_ms.take().is_some() && self.pinged_ms.is_some() {
                // The ping was held up; the client's time to answer it begins now.
                self.pinged_ms = Some(time.steady_ms);
            }
        }
        if written < batch.len() {
            self.blocked_ms.get_or_insert(time.steady_ms);
        }
        let mut handed_over = 0;
        if written < batch.unsent_end {
            self.unsent.iter_mut().for_each(|unsent| unsent.skip(written));
        } else if written < batch.replies_end {
            self.unsent = None;
            self.replies.drain(..written - batch.unsent_end);
            // Some of what is left may be an answer: then a heartbeat comes early, never late.
            self.unseen_bytes = self.unseen_bytes.min(self.replies.len());
        } else {
            (self.replies, self.unseen_bytes) = (Vec::new(), 0);
            let tail;
            (handed_over, tail) = batch.split(written);
            self.unsent = tail.map(Box::new);
        }
        self.note_gaps(handed_over, worker);
        #[cfg(feature = "traces")]
        worker.trace_items(handed_over, self.encoding.transport(), self.is_replaying);
        if written == worker.batch.len() && !self.is_replaying {
            worker.batch.transmissions += u64::from(COUNTS_DELIVERIES);
        } else {
            self.count_apart(written, handed_over, worker, time);
        }
        // Also when nothing was: what was gathered has to be found again.
        self.reader.advance(&worker.gathered, handed_over);
        self.resume_input(worker, time);
        self.finish();
    }

    /// Counts what others do not share: a batch of which the socket took a part, or one of a client that catches up.
    ///
    /// Messages that were published before the client came are no measure of how fast the server delivers.
    #[cold]
    fn count_apart(&mut self, written: usize, handed_over: usize, worker: &Worker, time: Time) {
        let Worker { broker, batch, metrics, gathered, .. } = worker;
        let has_caught_up = gathered.is_caught_up() && written == batch.len();
        let was_replaying = self.is_replaying;
        self.is_replaying &= !has_caught_up;
        if !COUNTS_DELIVERIES {
            return;
        }
        let transport = self.encoding.transport();
        metrics.sent_bytes.of(transport).add(u64::try_from(written).unwrap_or(u64::MAX));
        let items = gathered.items().get(..handed_over).unwrap_or_default();
        let messages = if was_replaying {
            metrics.deliveries.of(transport).add(message_count(items));
            message_count(items)
        } else {
            metrics.count_items(items, transport, 1, time.wall_ms)
        };
        if messages > 0 {
            let last = items.iter().rev().find_map(|item| match item {
                Item::Message(message) => Some(message.offset()),
                Item::Gap(_) => None,
            });
            let is_whole = handed_over == gathered.items().len();
            let reached = last.filter(|_| !is_whole).unwrap_or(gathered.reached());
            metrics.lag.record(broker.head().saturating_sub(reached), 1);
        }
    }

    /// Notes up to which offset the delivered items have no position: after a gap notice that nothing follows.
    fn note_gaps(&mut self, handed_over: usize, worker: &Worker) {
        if self.unplaced_to.is_none() && !worker.gathered.has_gaps() {
            return;
        }
        for item in worker.gathered.items().iter().take(handed_over) {
            self.unplaced_to = match item {
                Item::Gap(gap) => {
                    worker.metrics.expired_gaps.add(1);
                    self.unplaced_to.max(NonZeroU64::new(gap.to))
                }
                Item::Message(message) => self.unplaced_to.filter(|to| to.get() > message.offset()),
            };
        }
    }

    /// Whether the batch holds nothing but pings and pongs.
    fn is_quiet(&self, worker: &Worker) -> bool {
        let batch = &worker.batch;
        batch.len() == batch.replies_end && batch.len() <= self.unseen_bytes
    }

    fn take_news(&mut self, worker: &mut Worker) {
        if let Some(news) = worker.lane.take_news(self.waiter) {
            self.reader.note(news);
        }
    }

    fn gather(&mut self, worker: &mut Worker, waker: &Waker) {
        self.take_news(worker);
        let room = worker.gather_bytes_max().saturating_sub(worker.batch.len());
        let Worker { broker, lane, batch, gathered, .. } = worker;
        self.reader.poll_gather(broker, lane.read_limit(), room, gathered, waker);
        if gathered.is_too_slow() {
            // Its next turn disconnects it, and it gets the gap notice when it resumes. Until then it gets
            // nothing more, because that would come without the notice.
            gathered.clear();
            (self.is_too_slow, self.is_spent) = (true, true);
        }
        for item in gathered.items() {
            match item {
                Item::Message(message) => batch.push_message(message, self.encoding, broker),
                Item::Gap(gap) => {
                    let mut notice = Vec::new();
                    self.dialect.write_gap(&GapNotice::of(gap, broker), &mut notice);
                    batch.push_item(&notice);
                }
            }
        }
    }

    /// Writes a heartbeat, if one is due and there was nothing else to write.
    ///
    /// One is due at once after a gap notice that nothing follows, so that a client which resumes on a quiet channel does
    /// not get the notice again.
    fn beat(&mut self, worker: &mut Worker) {
        if worker.gathered.is_caught_up() {
            self.is_heartbeat_due |= self.unplaced_to.take().is_some();
        }
        if self.phase == Phase::Open && std::mem::take(&mut self.is_heartbeat_due) {
            self.add_reply(worker, |this, worker| {
                let position = worker.broker.position(this.after(&worker.broker));
                this.dialect.write_heartbeat(position, &worker.limits, &mut this.replies);
            });
        }
    }

    /// Has `say` write replies, for this batch, which holds nothing yet that comes after replies.
    fn add_reply(&mut self, worker: &mut Worker, say: impl FnOnce(&mut Self, &Worker)) {
        let before = self.replies.len();
        say(self, worker);
        worker.batch.push_copy(self.replies.get(before..).unwrap_or_default());
        worker.batch.replies_end = worker.batch.len();
    }

    /// Ends what only had something left to send.
    fn finish(&mut self) {
        if let Phase::Flushing(reason) = self.phase
            && self.unsent.is_none()
            && self.replies.is_empty()
        {
            self.phase = Phase::Ended(reason);
        }
    }
}
