//! What the servers of this process are made of: one for clients, and one for operators if these have listeners of their
//! own.
//!
//! Each is a server of actix with its own workers, so that one can stop accepting while the other goes on. Everything
//! else is the same for both.

use super::worker::connections_of_this_worker;
use crate::{
    access::{Authenticator, Authorise, SharedAccess},
    accounts::Accounts,
    admission::Admission,
    clock::{self, wall_ms},
    config::Config,
    engine_probe::EngineProbe,
    in_flight::InFlight,
    inquiries::Workers,
    keys::KeyTasks,
    metrics::{Metrics, Observed},
    reload::{LiveSettings, Load, ReloadHandle, Reloader, access, policy},
    renewals::Renewals,
    request_log,
    routes::{self, Surface, early::Early},
    storage::Storage,
    takeover::{HttpTimeouts, Leaving, Listener, listen},
    temporary,
    tls::Tls,
    traces::Traces,
    worker_context::{HttpContext, WorkerContext},
};
use actix_server::Server;
use actix_service::Service as _;
use actix_web::{App, dev::ServiceResponse, http::header, middleware::NormalizePath};
use anyhow::Result;
use futures_util::{FutureExt as _, TryFutureExt as _, future::LocalBoxFuture};
use std::{
    any::Any,
    future::pending,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tidewire_broker::{Engine, Lane};
use tidewire_client_address::TrustedProxies;
use tokio::sync::watch;

/// What a server is made of.
pub(super) struct Parts {
    observed: Observed,
    http: HttpContext,
    access: SharedAccess,
    pub(super) settings: watch::Sender<LiveSettings>,
    receiver: watch::Receiver<LiveSettings>,
    /// Whose headers of the PROXY protocol count.
    pub(super) proxies: watch::Sender<TrustedProxies>,
    authenticator: Authenticator,
    timeouts: HttpTimeouts,
    engine: Arc<dyn Engine>,
}

/// Whom a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Clients, and operators too unless they have a server of their own.
    Clients(Surface),
    /// Operators. It answers to the end, also during a shutdown.
    Operators,
}

impl Parts {
    pub(super) fn new(
        config: &Config,
        storage: &Storage,
        observed: &Observed,
        reload: ReloadHandle,
        traces: Traces,
    ) -> Self {
        let limits = observed.admission.limits().clone();
        let authenticator = Authenticator::new(None, None).within(observed.admission.clone());
        authenticator.replace(policy(config));
        let access = access(config, config.is_local(), authenticator.clone(), &limits);
        let (settings, receiver) = watch::channel(LiveSettings::from(config));
        Self {
            observed: observed.clone(),
            http: HttpContext {
                traces,
                ..http_context(config, storage, observed, &authenticator, reload)
            },
            access: SharedAccess::new(access),
            settings,
            receiver,
            proxies: watch::Sender::new(config.trusted_proxies.0.clone()),
            authenticator,
            timeouts: timeouts(config),
            engine: Arc::clone(&storage.engine),
        }
    }

    /// What takes a changed configuration, on a machine that has `room` for connections.
    pub(super) fn reloader(
        &self,
        load: Load,
        config: &Config,
        key_tasks: KeyTasks,
        tls: Option<Tls>,
        room: usize,
    ) -> Reloader {
        Reloader {
            load,
            start: config.clone(),
            config: config.clone(),
            settings: self.settings.clone(),
            broker: self.observed.broker.clone(),
            access: self.access.clone(),
            proxies: self.proxies.clone(),
            authenticator: self.authenticator.clone(),
            key_tasks,
            tls,
            limits: self.observed.admission.limits().clone(),
            room,
            message_bytes_max: config.broker.rules.message_bytes_max(),
        }
    }

    /// What the server says at its start of who may do what, line by line.
    pub(super) fn notice(&self) -> Vec<&'static str> {
        self.access.current().notice()
    }

    /// Starts a server with `workers` threads.
    ///
    /// # Errors
    ///
    /// There are too many workers, or a listener cannot be used.
    pub(super) fn start(
        &self,
        listeners: Vec<Listener>,
        workers: usize,
        audience: Audience,
    ) -> Result<Server> {
        let Observed { admission, in_flight, metrics, broker, .. } = &self.observed;
        let early = Early {
            broker: broker.clone(),
            batch_bytes_max: self.http.batch_bytes_max,
            metrics: metrics.clone(),
        };
        let make_context = self.make_context(workers)?;
        let surface = match audience {
            Audience::Clients(surface) => surface,
            Audience::Operators => Surface::Everything,
        };
        let (access, of_app) = (self.access.clone(), metrics.clone());
        let make_app = move || {
            let metrics = of_app.clone();
            let connections = connections_of_this_worker(&make_context);
            let worker_context = connections.worker_context();
            let admission = worker_context.admission.clone();
            let context = Rc::clone(worker_context);
            let app = App::new()
                .wrap(Authorise(access.clone()))
                .wrap_fn({
                    let (admission, context) = (admission.clone(), Rc::clone(worker_context));
                    move |request, service| {
                        let retry_ms = context.limits().retry_ms;
                        temporary::word(request, service, &admission, &metrics, retry_ms)
                    }
                })
                .wrap_fn(move |request, service| {
                    let request_guard = admission.begin_request();
                    service.call(request).inspect(move |_| drop(request_guard))
                })
                .wrap_fn(|request, service| service.call(request).map_ok(dated))
                .wrap_fn(move |request, service| request_log::note(request, service, &context))
                // `/events/` is `/events`: a redirect would be one more thing that a client may not follow.
                .wrap(NormalizePath::trim())
                .configure(|config| routes::configure(config, &connections, surface));
            (worker_context.request_turns.clone(), app)
        };
        let builder = Server::build()
            .workers(workers)
            .max_concurrent_connections(CONNECTIONS_HTTP_MAX)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals();
        let leaving = LeavingOf { audience, admission: admission.clone() };
        let builder = listeners.into_iter().try_fold(builder, |builder, listener| {
            let (early, accounts) = (early.clone(), in_flight.clone());
            let (leaving, make_app) = (leaving.clone(), make_app.clone());
            listen(builder, listener, self.timeouts, accounts, leaving, early, make_app)
        })?;
        Ok(builder.run())
    }

    /// What makes the context of each worker, on its thread.
    fn make_context(
        &self,
        workers: usize,
    ) -> Result<impl Fn() -> WorkerContext + Clone + Send + 'static> {
        let Observed { admission, broker, .. } = self.observed.clone();
        let lanes: Vec<Lane> = (0..workers).map(|_| broker.lane()).collect::<Result<_, _>>()?;
        let lanes = Arc::new(Mutex::new(lanes));
        let (engine, http) = (Arc::clone(&self.engine), self.http.clone());
        let settings = self.receiver.clone();
        Ok(move || {
            let spare = lanes.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // A worker that actix restarts takes a new lane.
            let lane = spare.map_or_else(|| broker.lane(), Ok).unwrap_or_else(|error| {
                tracing::error!(%error, "a worker cannot be restarted");
                std::process::exit(EXIT_SOFTWARE)
            });
            let (engine, http) = (Arc::clone(&engine), http.clone());
            let settings = settings.clone();
            WorkerContext::new(broker.clone(), lane, engine, admission.clone(), settings, http)
        })
    }
}

/// How the end of a server for an audience begins.
#[derive(Clone)]
struct LeavingOf {
    audience: Audience,
    admission: Admission,
}

impl Leaving for LeavingOf {
    fn begun(&self) -> LocalBoxFuture<'static, ()> {
        let Self { audience, admission } = self.clone();
        match audience {
            Audience::Clients(_) => Box::pin(async move { admission.shutdown_begun().await }),
            Audience::Operators => Box::pin(pending()),
        }
    }

    fn hold_server(&self) -> Box<dyn Any> {
        match self.audience {
            Audience::Clients(_) => Box::new(self.admission.begin_request()),
            Audience::Operators => Box::new(()),
        }
    }
}

/// What metrics show.
pub(super) fn observed(config: &Config, storage: &Storage, admission: &Admission) -> Observed {
    Observed {
        metrics: Metrics::default(),
        admission: admission.clone(),
        broker: storage.broker.clone(),
        in_flight: InFlight::new(config.input_bytes_max, config.output_bytes_max),
        log: storage.on_disk().zip(config.data.clone()),
        started_ms: wall_ms(),
        first_head: storage.broker.head(),
    }
}

fn http_context(
    config: &Config,
    storage: &Storage,
    observed: &Observed,
    authenticator: &Authenticator,
    reload: ReloadHandle,
) -> HttpContext {
    HttpContext {
        observed: observed.clone(),
        monitoring: config.metrics,
        probe: EngineProbe::new(Arc::clone(&storage.engine), observed.admission.clone()),
        batch_bytes_max: config.batch_bytes_max,
        body_wait: config.body_wait.duration(),
        poll_wait_max: config.poll_wait_max.duration(),
        reload,
        accounts: Accounts::new(config.publisher_ids_max),
        in_flight: observed.in_flight.clone(),
        log: storage.on_disk(),
        authenticator: authenticator.clone(),
        renewals: Renewals::default(),
        workers: Workers::default(),
        traces: Traces::default(),
    }
}

/// How long actix's connections may wait.
fn timeouts(config: &Config) -> HttpTimeouts {
    let keep_alive = config.keep_alive.duration();
    let handler = config.body_wait.duration() + config.poll_wait_max.duration();
    HttpTimeouts {
        keep_alive,
        answer: keep_alive + handler + ANSWER_SPARE,
        stall: Duration::from_millis(config.connection.stall_ms),
        ..HttpTimeouts::default()
    }
}

/// An answer with the time at which it was made.
fn dated<B>(mut answer: ServiceResponse<B>) -> ServiceResponse<B> {
    answer.headers_mut().insert(header::DATE, clock::http_date());
    answer
}

/// Connections of one worker that actix still has: publishers, and clients that are about to subscribe.
const CONNECTIONS_HTTP_MAX: usize = 25_000;

/// What an answer may take beside its body's arrival and the wait that was asked for.
const ANSWER_SPARE: Duration = Duration::from_secs(5);

/// What actix gives its own connections to take their answers; it closes idle ones at once, and ours
/// have ended by then.
const SHUTDOWN_SECONDS: u64 = 2;

/// `EX_SOFTWARE` of sysexits.
const EXIT_SOFTWARE: i32 = 70;
