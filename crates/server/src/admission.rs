//! Admission: how many connections and requests there are, whether one more is admitted, and the start of a shutdown.
//!
//! actix no longer counts a connection whose socket was taken, so this does. It counts requests too: what
//! was taken ends with actix, so all of them have to be answered before that is stopped.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::watch;

/// Shared by all workers; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connections: AtomicUsize,
    connections_max: usize,
    requests: AtomicUsize,
    refused: AtomicU64,
    /// Read-locked while a publish is handed over; true once publishing is stopped.
    is_closed: RwLock<bool>,
    shutting_down: watch::Sender<bool>,
}

/// One subscriber's place; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    shared: Arc<Shared>,
}

/// Counts one request until it is answered.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    shared: Arc<Shared>,
}

/// Why a connection or request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("the limit of {connections_max} connections is reached; try again later")]
    Full { connections_max: usize },
    #[error("the server is shutting down; try again in a moment")]
    ShuttingDown,
}

impl Admission {
    pub(crate) fn new(connections_max: usize) -> Self {
        let (shutting_down, _) = watch::channel(false);
        let (connections, requests) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (refused, is_closed) = (AtomicU64::new(0), RwLock::new(false));
        let shared =
            Shared { connections, connections_max, requests, refused, is_closed, shutting_down };
        Self { shared: Arc::new(shared) }
    }

    /// Admits one more connection.
    pub(crate) fn admit(&self) -> Result<ConnectionPermit, Rejected> {
        self.check()?;
        let permit = ConnectionPermit { shared: Arc::clone(&self.shared) };
        let connections_max = self.shared.connections_max;
        match self.shared.connections.fetch_add(1, Ordering::Relaxed) {
            before if before < connections_max => Ok(permit),
            _ => Err(Rejected::Full { connections_max }),
        }
    }

    /// Counts a request. None is refused here: each route decides what it still answers during a shutdown.
    pub(crate) fn begin_request(&self) -> RequestGuard {
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        RequestGuard { shared: Arc::clone(&self.shared) }
    }

    /// Counts a request that was refused for the moment.
    pub(crate) fn count_refusal(&self) {
        self.shared.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests refused for the moment since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Refuses once the shutdown has begun.
    pub(crate) fn check(&self) -> Result<(), Rejected> {
        if self.is_shutting_down() { Err(Rejected::ShuttingDown) } else { Ok(()) }
    }

    /// Has `hand_over` take a publish, unless publishing has been stopped.
    ///
    /// The shutdown begins after the last publish that is taken: a reader that is sent all of those
    /// before its goodbye misses none that was answered.
    pub(crate) fn publish<T>(&self, hand_over: impl FnOnce() -> T) -> Result<T, Rejected> {
        let is_closed = self.shared.is_closed.read().unwrap_or_else(PoisonError::into_inner);
        if *is_closed { Err(Rejected::ShuttingDown) } else { Ok(hand_over()) }
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Requests that are not answered yet.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        *self.shared.shutting_down.borrow()
    }

    /// Refuses publishes from now on, once those that are being handed over have been.
    pub(crate) fn stop_publishing(&self) {
        *self.shared.is_closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Begins the shutdown, after the last publish.
    pub(crate) fn begin_shutdown(&self) {
        self.stop_publishing();
        self.shared.shutting_down.send_replace(true);
    }

    /// Waits until the shutdown has begun.
    pub(crate) async fn shutdown_begun(&self) {
        // The sender lives as long as this handle does.
        let _ =
            self.shared.shutting_down.subscribe().wait_for(|shutting_down| *shutting_down).await;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.shared.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_server_admits_as_many_as_have_left() {
        let admission = Admission::new(1);
        let first = admission.admit().unwrap();
        assert_eq!(admission.admit().unwrap_err(), Rejected::Full { connections_max: 1 });
        assert_eq!(admission.connections(), 1);
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn the_shutdown_begins_after_the_last_publish() {
        let admission = Admission::new(9);
        let (begun, beginning) = std::sync::mpsc::channel();
        let publisher = std::thread::spawn({
            let admission = admission.clone();
            move || {
                admission.publish(|| {
                    begun.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    assert!(
                        !admission.is_shutting_down(),
                        "shutting down while a publish is handed over"
                    );
                })
            }
        });
        beginning.recv().unwrap();
        admission.begin_shutdown();
        assert_eq!(admission.publish(|| ()), Err(Rejected::ShuttingDown));
        assert_eq!(publisher.join().unwrap(), Ok(()));
    }

    #[test]
    fn nobody_is_admitted_during_a_shutdown() {
        let admission = Admission::new(9);
        admission.begin_shutdown();
        assert_eq!(admission.admit().unwrap_err(), Rejected::ShuttingDown);
    }
}
