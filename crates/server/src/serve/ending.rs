//! How a server is asked to shut down, and how it does: not ready, no new connection, a goodbye on each, then the rest.

use crate::admission::Admission;
use actix_server::ServerHandle;
use socket2::SockRef;
use std::{
    io,
    net::{Shutdown, TcpListener},
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks a server to end: SIGTERM, and the SIGINT of Ctrl-C.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Waits for the next of either, unless it `has_come` already.
    pub(super) async fn after(&mut self, has_come: bool) {
        if !has_come {
            self.next().await;
        }
    }

    /// Waits for the next of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The listening sockets, to be closed while actix still holds them.
pub(super) struct ListeningSockets(Vec<TcpListener>);

impl ListeningSockets {
    /// Those of a server about to start.
    pub(super) fn of<'a>(listeners: impl IntoIterator<Item = &'a TcpListener>) -> io::Result<Self> {
        listeners.into_iter().map(TcpListener::try_clone).collect::<io::Result<_>>().map(Self)
    }

    /// Makes the system refuse new connections, and those that wait to be accepted.
    ///
    /// A pause of actix only stops accepting: clients would wait in the backlog until the end.
    fn close(&self) {
        for listener in &self.0 {
            // On Linux this ends a listening socket for all its owners; on other systems clients wait.
            if let Err(error) = SockRef::from(listener).shutdown(Shutdown::Read) {
                tracing::debug!(%error, "a listening socket cannot be closed early");
            }
        }
    }
}

/// Is not ready from now on, and goes on as before for `delay`, in which load balancers find that out. Says whether
/// `cut_short` ended that.
pub(super) async fn linger(
    admission: &Admission,
    delay: Duration,
    cut_short: impl Future<Output = ()>,
) -> bool {
    admission.begin_draining();
    if delay.is_zero() {
        return false;
    }
    let connections = admission.connections();
    tracing::info!(target: TARGET, connections, ?delay, "draining: not ready, still accepting");
    tokio::select! {
        () = tokio::time::sleep(delay) => false,
        () = cut_short => true,
    }
}

/// Refuses new connections, says goodbye on all others, and waits until they are gone or have their answer; at most for
/// `drain`, and not after `cut_short`.
pub(super) async fn end(
    handle: &ServerHandle,
    listening: &ListeningSockets,
    admission: &Admission,
    drain: Duration,
    cut_short: impl Future<Output = ()>,
) {
    let (connections, requests) = (admission.connections(), admission.requests());
    tracing::info!(target: TARGET, connections, requests, "ending");
    handle.pause().await;
    // In this time the accepting thread has taken that in, and calls no closed socket a failure.
    tokio::time::sleep(PAUSE_WAIT).await;
    listening.close();
    // Also ends connections that are kept alive: a client that used one now would only be refused.
    admission.begin_shutdown();
    let emptied = async {
        while admission.connections() > 0 || admission.requests() > 0 {
            tokio::time::sleep(DRAIN_POLL).await;
        }
    };
    let cut_by = tokio::select! {
        () = emptied => None,
        () = tokio::time::sleep(drain) => Some("at the end of the drain time"),
        () = cut_short => Some("by a second signal"),
    };
    if let Some(cut_by) = cut_by {
        let (connections, requests) = (admission.connections(), admission.requests());
        tracing::warn!(target: TARGET, connections, requests, "cut off {cut_by}");
    }
    // actix gives what is left some seconds, but not after a second signal.
    handle.stop(cut_by != Some("by a second signal")).await;
}

/// The target of these lines in the log, for filters.
const TARGET: &str = "tidewire::serve";

const DRAIN_POLL: Duration = Duration::from_millis(20);
const PAUSE_WAIT: Duration = Duration::from_millis(20);
