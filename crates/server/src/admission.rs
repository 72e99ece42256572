//! Admission: how many connections and requests there are, whether one more is admitted, and the start of a shutdown.
//!
//! actix no longer counts a connection whose socket was taken, so this does. It counts requests too: what
//! was taken ends with actix, so all of them have to be answered before that is stopped.

use crate::{
    connection_kind::ConnectionKind,
    limits::{Exceeded, Limit, LimitSettings, Limits, Share},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use tidewire_connection::ShuttingDown;
use tokio::sync::watch;

/// Shared by all workers; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connections: Arc<AtomicUsize>,
    limits: Limits,
    /// The places of connections that no other limit concerns, by kind.
    kinds: [Arc<Place>; ConnectionKind::ALL.len()],
    requests: AtomicUsize,
    refused: AtomicU64,
    /// How many publishes are being handed over, with [`STOPPED`] once none is taken any more, and [`ENDING`] once the
    /// shutdown is to begin after the last of them.
    handing_over: AtomicUsize,
    /// Whether a signal to end has come. The shutdown begins later.
    draining: AtomicBool,
    shutting_down: watch::Sender<bool>,
}

/// What a connection takes. Apart from the others, so that a connection's permit is one pointer.
#[derive(Debug)]
struct Place {
    counts: Arc<KindCounts>,
    /// Only of a connection that limits concern: others of its kind have one place together.
    share: Option<Share>,
}

/// How many connections of one kind there are.
#[derive(Debug)]
struct KindCounts {
    kind: ConnectionKind,
    open: AtomicUsize,
    opened: AtomicU64,
    /// The connections of all kinds.
    connections: Arc<AtomicUsize>,
}

/// How many connections of one kind there are, and ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KindCount {
    pub(crate) open: usize,
    pub(crate) opened: u64,
}

/// One subscriber's place; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    place: Arc<Place>,
}

/// Counts one publish while it is handed over. The last one may begin the shutdown.
struct HandOver<'a> {
    shared: &'a Shared,
}

/// Counts one request until it is answered.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    shared: Arc<Shared>,
}

/// Why a connection or request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejected {
    #[error(transparent)]
    Full(#[from] Exceeded),
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
}

impl Admission {
    /// Admits that many connections, with no limit beside.
    #[cfg(test)]
    pub(crate) fn new(connections_max: usize) -> Self {
        Self::within(LimitSettings::only_connections(connections_max))
    }

    /// Admits what these limits allow.
    pub(crate) fn within(limits: LimitSettings) -> Self {
        let (shutting_down, _) = watch::channel(false);
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let (refused, handing_over) = (AtomicU64::new(0), AtomicUsize::new(0));
        let kinds = ConnectionKind::ALL.map(|kind| {
            let (open, opened) = (AtomicUsize::new(0), AtomicU64::new(0));
            let connections = Arc::clone(&connections);
            Arc::new(Place {
                counts: Arc::new(KindCounts { kind, open, opened, connections }),
                share: None,
            })
        });
        let shared = Shared {
            connections,
            limits: Limits::new(limits),
            kinds,
            requests,
            refused,
            handing_over,
            draining: AtomicBool::new(false),
            shutting_down,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Admits one more connection.
    pub(crate) fn admit(&self, kind: ConnectionKind) -> Result<ConnectionPermit, Rejected> {
        self.check()?;
        let place = self.shared.of(kind);
        let permit = ConnectionPermit { place: Arc::clone(place) };
        place.counts.open.fetch_add(1, Ordering::Relaxed);
        match self.shared.connections.fetch_add(1, Ordering::Relaxed) {
            before if before < self.connections_max() => {
                place.counts.opened.fetch_add(1, Ordering::Relaxed);
                Ok(permit)
            }
            _ => Err(self.limits().exceeded(Limit::Connections, None).into()),
        }
    }

    /// How many connections of a kind there are.
    pub(crate) fn count(&self, kind: ConnectionKind) -> KindCount {
        let KindCounts { open, opened, .. } = &*self.shared.of(kind).counts;
        KindCount { open: open.load(Ordering::Relaxed), opened: opened.load(Ordering::Relaxed) }
    }

    /// How many connections are admitted at most.
    pub(crate) fn connections_max(&self) -> usize {
        self.shared.limits.settings().connections_max
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
        if self.is_shutting_down() { Err(ShuttingDown.into()) } else { Ok(()) }
    }

    /// Has the server say that it is not ready, though it goes on: it is about to shut down.
    pub(crate) fn begin_draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed) || self.is_shutting_down()
    }

    /// Refuses once the server drains: for probes, which decide whether clients are sent here.
    pub(crate) fn check_ready(&self) -> Result<(), Rejected> {
        if self.is_draining() { Err(ShuttingDown.into()) } else { Ok(()) }
    }

    /// Has `hand_over` take a publish, unless publishing has been stopped. Nothing is locked meanwhile: what
    /// `hand_over` calls may publish too.
    ///
    /// The shutdown begins after the last publish that is taken: a reader that is sent all of those
    /// before its goodbye misses none that was answered.
    pub(crate) fn publish<T>(&self, hand_over: impl FnOnce() -> T) -> Result<T, ShuttingDown> {
        // Counted before it is looked: a shutdown that begins later waits for it.
        let before = self.shared.handing_over.fetch_add(1, Ordering::SeqCst);
        let _counted = HandOver { shared: &self.shared };
        if before & STOPPED == 0 { Ok(hand_over()) } else { Err(ShuttingDown) }
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

    /// Refuses publishes from now on. Some may still be being handed over.
    #[cfg(test)]
    pub(crate) fn stop_publishing(&self) {
        self.shared.handing_over.fetch_or(STOPPED, Ordering::SeqCst);
    }

    /// Refuses publishes from now on, and begins the shutdown once those that are being handed over have been: at
    /// once, if there are none.
    pub(crate) fn begin_shutdown(&self) {
        let before = self.shared.handing_over.fetch_or(STOPPED | ENDING, Ordering::SeqCst);
        if before & !(STOPPED | ENDING) == 0 {
            self.shared.shutting_down.send_replace(true);
        }
    }

    /// Waits until the shutdown has begun.
    pub(crate) async fn shutdown_begun(&self) {
        // The sender lives as long as this handle does.
        let _ =
            self.shared.shutting_down.subscribe().wait_for(|shutting_down| *shutting_down).await;
    }
}

impl Shared {
    fn of(&self, kind: ConnectionKind) -> &Arc<Place> {
        let [sse_raw, sse_json, stream_raw, stream_json, rest @ ..] = &self.kinds;
        let [ws_raw, ws_json, tidewire, poll_raw, poll_json] = rest;
        match kind {
            ConnectionKind::SseRaw => sse_raw,
            ConnectionKind::SseJson => sse_json,
            ConnectionKind::StreamRaw => stream_raw,
            ConnectionKind::StreamJson => stream_json,
            ConnectionKind::WebSocketRaw => ws_raw,
            ConnectionKind::WebSocketJson => ws_json,
            ConnectionKind::Tidewire => tidewire,
            ConnectionKind::PollRaw => poll_raw,
            ConnectionKind::PollJson => poll_json,
        }
    }
}

impl ConnectionPermit {
    /// Of which kind the connection is.
    pub(crate) fn kind(&self) -> ConnectionKind {
        self.place.counts.kind
    }

    /// The same with its share of other limits.
    pub(crate) fn of(mut self, share: Option<Share>) -> Self {
        if share.is_some() {
            let counts = Arc::clone(&self.place.counts);
            self.place = Arc::new(Place { counts, share });
        }
        self
    }

    /// Its share of other limits, if these concern it.
    pub(crate) fn share(&self) -> Option<&Share> {
        self.place.share.as_ref()
    }

    /// The same, to change it.
    pub(crate) fn share_mut(&mut self) -> Option<&mut Share> {
        // Nobody else has a place with a share.
        Arc::get_mut(&mut self.place)?.share.as_mut()
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let KindCounts { open, connections, .. } = &*self.place.counts;
        open.fetch_sub(1, Ordering::Relaxed);
        connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for HandOver<'_> {
    fn drop(&mut self) {
        let before = self.shared.handing_over.fetch_sub(1, Ordering::SeqCst);
        if before == STOPPED | ENDING | 1 {
            self.shared.shutting_down.send_replace(true);
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.shared.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// No publish is taken any more.
const STOPPED: usize = 1 << (usize::BITS - 1);

/// The shutdown begins with the end of the last hand-over.
const ENDING: usize = 1 << (usize::BITS - 2);

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread, time::Duration};

    #[test]
    fn a_full_server_admits_as_many_as_have_left() {
        let admission = Admission::new(1);
        let first = admission.admit(ConnectionKind::SseRaw).unwrap();
        let refused = admission.admit(ConnectionKind::SseRaw).unwrap_err().to_string();
        assert_eq!(
            refused,
            "the limit of 1 connections is reached (connections_max); try again later"
        );
        assert_eq!(admission.limits().reached(Limit::Connections), 1);
        assert_eq!(admission.connections(), 1);
        drop(first);
        assert!(admission.admit(ConnectionKind::SseRaw).is_ok());
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
        assert_eq!(admission.publish(|| ()), Err(ShuttingDown));
        assert_eq!(publisher.join().unwrap(), Ok(()));
    }

    #[test]
    fn an_engine_that_publishes_while_it_is_called_is_answered_though_a_shutdown_waits_for_it() {
        let admission = Admission::new(9);
        let (begun, beginning) = mpsc::channel();
        let (ended, ending) = mpsc::channel();
        let ender = admission.clone();
        // Both wait for each other if one of them locks, so neither is joined before it has said that it is done.
        thread::spawn(move || {
            beginning.recv().unwrap();
            ender.begin_shutdown();
            ended.send(()).unwrap();
        });
        let publisher = admission.clone();
        thread::spawn(move || {
            let outcome = publisher.publish(|| {
                begun.send(()).unwrap();
                let is_ended = ending.recv_timeout(Duration::from_secs(20));
                assert_eq!(is_ended, Ok(()), "to begin the shutdown waits for a publish");
                publisher.publish(|| ())
            });
            assert_eq!(outcome, Ok(Err(ShuttingDown)));
        })
        .join()
        .unwrap();
        assert!(admission.is_shutting_down());
    }

    #[test]
    fn a_hand_over_that_panics_holds_up_no_shutdown() {
        let admission = Admission::new(9);
        let publisher = admission.clone();
        let panics = move || publisher.publish(|| panic!("as the test wants it"));
        assert!(thread::spawn(panics).join().is_err());
        admission.begin_shutdown();
        assert!(admission.is_shutting_down());
    }

    #[test]
    fn nobody_is_admitted_during_a_shutdown() {
        let admission = Admission::new(9);
        admission.begin_shutdown();
        assert_eq!(admission.admit(ConnectionKind::SseRaw).unwrap_err(), ShuttingDown.into());
    }
}
