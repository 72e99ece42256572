//! What each worker thread runs beside actix's tasks.

use crate::{socket::ClientSocket, worker_context::WorkerContext, worker_loop::WorkerLoop};
use actix_web::rt;
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

/// The connections of this worker, whichever listener they came by: actix makes an application for each worker
/// and listener.
pub(super) fn connections_of_this_worker(
    make: impl FnOnce() -> WorkerContext,
) -> Rc<WorkerLoop<ClientSocket>> {
    thread_local! {
        // Not kept alive by this: the end of a thread is no place to drop what its tasks use.
        static OF_THREAD: RefCell<Weak<WorkerLoop<ClientSocket>>> =
            const { RefCell::new(Weak::new()) };
    }
    if let Some(connections) = OF_THREAD.with_borrow(Weak::upgrade) {
        return connections;
    }
    let connections = Rc::new(WorkerLoop::new(Rc::new(make())));
    OF_THREAD.set(Rc::downgrade(&connections));
    for task in Task::ALL {
        let connections = Rc::clone(&connections);
        rt::spawn(async move {
            match task {
                Task::Connections => connections.run().await,
                Task::Clock => connections.worker_context().run_clock().await,
                Task::Renewals => connections.run_renewals().await,
                Task::Settings => connections.worker_context().run_settings().await,
                Task::Inquiries => connections.run_inquiries().await,
                Task::KeyChecks => connections.run_key_checks().await,
                Task::Shutdown => connections.worker_context().run_shutdown().await,
            }
        });
    }
    connections
}

/// What a worker does beside answering requests.
#[derive(Clone, Copy)]
enum Task {
    Connections,
    Clock,
    Renewals,
    Settings,
    Inquiries,
    KeyChecks,
    Shutdown,
}

impl Task {
    const ALL: [Self; 7] = [
        Self::Connections,
        Self::Clock,
        Self::Renewals,
        Self::Settings,
        Self::Inquiries,
        Self::KeyChecks,
        Self::Shutdown,
    ];
}
