//! Who may come in, how many are inside, and the word that it is time to leave.
//!
//! actix no longer counts a connection whose socket was taken, so this does. It counts requests too: what
//! was taken ends with actix, so all of them have to be answered before that is stopped.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::watch;

/// Shared by all workers; cloning gives another handle to the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inside: AtomicUsize,
    inside_max: usize,
    errands: AtomicUsize,
    refused: AtomicU64,
    /// Held while a publish is handed over; true once none is taken any more.
    is_shut: RwLock<bool>,
    leaving: watch::Sender<bool>,
}

/// One subscriber's place; leaving gives it back.
#[derive(Debug)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
}

/// One request, until it is answered.
#[derive(Debug)]
pub(crate) struct Errand {
    shared: Arc<Shared>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Turned {
    #[error("the server has its {inside_max} connections; try again later")]
    Full { inside_max: usize },
    #[error("the server is going away; try again in a moment")]
    Leaving,
}

impl Gate {
    pub(crate) fn new(inside_max: usize) -> Self {
        let (leaving, _) = watch::channel(false);
        let (inside, errands) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (refused, is_shut) = (AtomicU64::new(0), RwLock::new(false));
        let shared = Shared { inside, inside_max, errands, refused, is_shut, leaving };
        Self { shared: Arc::new(shared) }
    }

    /// Lets one more in.
    pub(crate) fn enter(&self) -> Result<Ticket, Turned> {
        self.check()?;
        let ticket = Ticket { shared: Arc::clone(&self.shared) };
        let inside_max = self.shared.inside_max;
        match self.shared.inside.fetch_add(1, Ordering::Relaxed) {
            before if before < inside_max => Ok(ticket),
            _ => Err(Turned::Full { inside_max }),
        }
    }

    /// Counts a request. None is refused here: what may be told to the last is for its route to say.
    pub(crate) fn begin_errand(&self) -> Errand {
        self.shared.errands.fetch_add(1, Ordering::Relaxed);
        Errand { shared: Arc::clone(&self.shared) }
    }

    /// Counts a request that was refused for the moment.
    pub(crate) fn count_refusal(&self) {
        self.shared.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests refused for the moment since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Whether it is still worth beginning anything.
    pub(crate) fn check(&self) -> Result<(), Turned> {
        if self.is_leaving() { Err(Turned::Leaving) } else { Ok(()) }
    }

    /// Has `hand_over` take a publish, unless it is time to leave.
    ///
    /// The word to leave comes after the last publish that is taken: a reader that hears all of those
    /// before its goodbye misses none that was answered.
    pub(crate) fn publish<T>(&self, hand_over: impl FnOnce() -> T) -> Result<T, Turned> {
        let is_shut = self.shared.is_shut.read().unwrap_or_else(PoisonError::into_inner);
        if *is_shut { Err(Turned::Leaving) } else { Ok(hand_over()) }
    }

    pub(crate) fn inside(&self) -> usize {
        self.shared.inside.load(Ordering::Relaxed)
    }

    /// Requests that are not answered yet.
    pub(crate) fn errands(&self) -> usize {
        self.shared.errands.load(Ordering::Relaxed)
    }

    pub(crate) fn is_leaving(&self) -> bool {
        *self.shared.leaving.borrow()
    }

    /// Takes no more publishes, once those that are being handed over have been.
    pub(crate) fn shut(&self) {
        *self.shared.is_shut.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Tells everyone to leave, after the last publish.
    pub(crate) fn leave(&self) {
        self.shut();
        self.shared.leaving.send_replace(true);
    }

    /// Waits for that word.
    pub(crate) async fn left(&self) {
        // The sender lives as long as this handle does.
        let _ = self.shared.leaving.subscribe().wait_for(|leaving| *leaving).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.shared.errands.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_lets_in_as_many_as_have_left() {
        let gate = Gate::new(1);
        let first = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), Turned::Full { inside_max: 1 });
        assert_eq!(gate.inside(), 1);
        drop(first);
        assert!(gate.enter().is_ok());
    }

    #[test]
    fn the_word_to_leave_comes_after_the_last_publish() {
        let gate = Gate::new(9);
        let (begun, beginning) = std::sync::mpsc::channel();
        let publisher = std::thread::spawn({
            let gate = gate.clone();
            move || {
                gate.publish(|| {
                    begun.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    assert!(!gate.is_leaving(), "told to leave while a publish is handed over");
                })
            }
        });
        beginning.recv().unwrap();
        gate.leave();
        assert_eq!(gate.publish(|| ()), Err(Turned::Leaving));
        assert_eq!(publisher.join().unwrap(), Ok(()));
    }

    #[test]
    fn nobody_comes_in_when_it_is_time_to_leave() {
        let gate = Gate::new(9);
        gate.leave();
        assert_eq!(gate.enter().unwrap_err(), Turned::Leaving);
    }
}
