//! Connections that need a turn for another reason than news, first come, first served.
//!
//! A connection's waker puts it into its worker's queue, once however often it is woken, and wakes the
//! worker's loop. It is woken by its socket, by an engine that has answered a publish, and by itself when a
//! turn has left something over: then it goes to the back.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// One worker's queue.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    slots: VecDeque<Arc<Slot>>,
    /// The loop's, while it waits.
    waker: Option<Waker>,
}

/// A connection's place in the queue, which its waker leads to.
#[derive(Debug)]
pub(crate) struct Slot {
    queue: Arc<Shared>,
    waiter: u32,
    is_queued: AtomicBool,
}

impl ReadyQueue {
    /// A waker that has the connection of this waiter queued.
    pub(crate) fn waker(&self, waiter: usize) -> Waker {
        // A worker has fewer connections than file descriptors, which are counted in 31 bits.
        let waiter = u32::try_from(waiter).unwrap_or(u32::MAX);
        let queue = Arc::clone(&self.0);
        Arc::new(Slot { queue, waiter, is_queued: AtomicBool::new(false) }).into()
    }

    /// Has the worker's loop run a round, though no connection asks for a turn.
    pub(crate) fn wake_loop(&self) {
        // No connection has this waiter.
        self.waker(usize::MAX).wake();
    }

    /// What each waker takes, with its two counts of references.
    #[cfg(test)]
    pub(crate) fn bytes_each() -> usize {
        size_of::<Slot>() + 2 * size_of::<usize>()
    }

    /// The waiter that has waited for longest. If it is woken from now on, it is queued again.
    pub(crate) fn pop(&self) -> Option<usize> {
        let slot = self.0.lock().slots.pop_front()?;
        slot.is_queued.store(false, Ordering::Release);
        usize::try_from(slot.waiter).ok()
    }

    /// Ready once a connection waits.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut waiting = self.0.lock();
        if !waiting.slots.is_empty() {
            return Poll::Ready(());
        }
        keep(&mut waiting.waker, context.waker());
        Poll::Pending
    }
}

/// Keeps a waker in place of the one before, and copies nothing if they wake the same task.
pub(crate) fn keep(kept: &mut Option<Waker>, waker: &Waker) {
    match kept {
        Some(known) => known.clone_from(waker),
        none => *none = Some(waker.clone()),
    }
}

impl Drop for ReadyQueue {
    /// What waits holds on to the queue.
    fn drop(&mut self) {
        drop(mem::take(&mut *self.0.lock()));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut waiting = self.queue.lock();
        waiting.slots.push_back(Arc::clone(self));
        let waker = waiting.waker.take();
        drop(waiting);
        waker.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_often_is_queued_once_until_its_turn() {
        let queue = ReadyQueue::default();
        let (first, second) = (queue.waker(1), queue.waker(2));
        first.wake_by_ref();
        second.wake_by_ref();
        first.wake_by_ref();
        assert_eq!(queue.pop(), Some(1));
        // It has its turn, and something is left over: others first.
        first.wake_by_ref();
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(2), Some(1), None]);
    }

    #[test]
    fn a_loop_that_waits_is_woken_from_any_thread() {
        struct WakeFlag(AtomicBool);
        impl Wake for WakeFlag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::SeqCst);
            }
        }

        let (queue, woken) = (ReadyQueue::default(), Arc::new(WakeFlag(AtomicBool::new(false))));
        let of_loop = Arc::clone(&woken).into();
        assert_eq!(queue.poll(&Context::from_waker(&of_loop)), Poll::Pending);
        let waker = queue.waker(0);
        std::thread::spawn(move || waker.wake()).join().unwrap();
        assert!(woken.0.load(Ordering::SeqCst));
        assert_eq!(queue.poll(&Context::from_waker(&of_loop)), Poll::Ready(()));
    }

    #[test]
    fn a_queue_that_is_dropped_lets_go_of_those_who_wait() {
        let queue = ReadyQueue::default();
        let waker = queue.waker(3);
        waker.wake_by_ref();
        let shared = Arc::downgrade(&queue.0);
        drop(queue);
        drop(waker);
        assert!(shared.upgrade().is_none());
    }
}
