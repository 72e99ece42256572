//! The publishers' end of a lane, which locks nothing.

use crate::{
    channel::Channel,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
};
use std::{
    sync::{Arc, PoisonError},
    task::Waker,
};

/// The publishers' end of a lane.
#[derive(Debug)]
pub(crate) struct LanePort {
    signal: Arc<Signal>,
    queue: mpsc::Sender<Arc<Channel>>,
}

/// What wakes a lane that has news.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    is_set: AtomicBool,
    /// Channels ever put into the queue.
    queued: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl LanePort {
    pub(crate) fn new(queue: mpsc::Sender<Arc<Channel>>) -> Self {
        Self { signal: Arc::default(), queue }
    }

    /// What wakes the lane, for the lane itself.
    pub(crate) fn signal(&self) -> Arc<Signal> {
        Arc::clone(&self.signal)
    }

    /// Puts a channel into the lane's queue. Locks nothing.
    pub(crate) fn enqueue(&self, channel: &Arc<Channel>) {
        // A lane that has ended wants no news.
        let _ = self.queue.send(Arc::clone(channel));
        // After it is there: a pass that counts it finds it.
        self.signal.queued.fetch_add(1, Ordering::SeqCst);
    }

    /// Wakes the lane's thread, once until it has listened again.
    pub(crate) fn wake(&self) {
        self.signal.set();
    }
}

impl Signal {
    /// Has the lane's task run, once until it has taken the signal.
    pub(crate) fn set(&self) {
        if !self.is_set.swap(true, Ordering::SeqCst) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Drops the waker of the task that was notified.
    pub(crate) fn forget(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(waker);
    }

    /// Whether it was set since it was taken last.
    pub(crate) fn take(&self) -> bool {
        self.is_set.swap(false, Ordering::SeqCst)
    }

    /// How many channels were ever put into the queue.
    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Ordering::SeqCst)
    }

    /// Has this task be woken from now on.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut known = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}
