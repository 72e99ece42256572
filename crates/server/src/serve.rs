//! The server as a whole: it starts, logs that, and ends at a signal.

mod ending;
mod worker;

use crate::{
    access::{Access, Authenticator, authorise},
    accounts::Accounts,
    admission::Admission,
    clock::{self, wall_ms},
    config::Config,
    engine_probe::EngineProbe,
    in_flight::InFlight,
    keys::KeyTasks,
    listeners::{self, BoundListener},
    metrics::{Metrics, Observed, publish_stats},
    presence::PresencePublisher,
    renewals::Renewals,
    routes::{self, early::Early},
    socket::Scheme,
    storage::Storage,
    takeover::{HttpTimeouts, Listener, listen},
    temporary,
    tls::Tls,
    worker_context::{HttpContext, WorkerContext},
};
use actix_server::Server;
use actix_service::Service as _;
use actix_web::{App, dev::ServiceResponse, http::header, middleware::NormalizePath, rt};
use anyhow::{Context as _, Result};
use ending::{ListeningSockets, Signals, end, ignore_hangups};
use futures_util::{FutureExt as _, TryFutureExt as _};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{
    io::{self, Write as _},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tidewire_broker::Lane;
use tokio::signal::unix::{SignalKind, signal};
use worker::connections_of_this_worker;

/// Serves until SIGINT or SIGTERM, then lets every connection end properly.
///
/// The first line on standard output is `listening on http://ADDRESS`, or `https`, and so is one more for each other
/// address.
///
/// # Errors
///
/// An address cannot be listened on, or the machine refuses something else that is needed.
pub fn serve(config: Config) -> Result<()> {
    rt::System::new().block_on(run(config))
}

async fn run(config: Config) -> Result<()> {
    clock::check()?;
    rt::spawn(ignore_hangups(signal(SignalKind::hangup())?));
    let descriptors = raise_descriptor_limit();
    let connections_max = config.connections_max.unwrap_or(descriptors - DESCRIPTORS_RESERVED);
    let tls = config.tls.as_ref().map(Tls::open).transpose()?;
    let listeners = listeners::bind(&config.listen)?;
    let urls: Result<Vec<String>, io::Error> = listeners.iter().map(url).collect();
    let urls = urls?;
    let _key_tasks = KeyTasks::start(&config)?;
    let storage = Rc::new(Storage::open(&config, wall_ms())?);
    let Storage { broker, engine, .. } = &*storage;
    // Nobody is connected yet: the log lists the members of the previous run. They leave before a worker takes the
    // first request.
    broker.clear_presence();
    let mut presence_publisher = PresencePublisher::new(broker.clone(), Arc::clone(engine));
    presence_publisher.flush().await;
    let admission = Admission::new(connections_max);
    let listening = ListeningSockets::of(listeners.iter().map(|listener| &listener.socket))?;
    let listeners = listeners.into_iter().map(|listener| speaking(listener, tls.as_ref()));
    let observed = observed(&config, &storage, &admission);
    let server = start(&config, &storage, &observed, listeners.collect())?;
    let mut signals = Signals::listen()?;
    let notice = access(&config, authenticator(&config)).notice();
    if let Err(error) = greet(&urls, &storage, connections_max, descriptors, &notice) {
        // Nobody reads it, as behind `| head -1`; that is no reason not to serve.
        tracing::debug!(%error, "standard output is closed");
    }
    let presence_publisher =
        rt::spawn(presence_publisher.run(config.presence_interval.duration(), admission.clone()));
    let sweeper = rt::spawn(sweep(Rc::clone(&storage)));
    let certificate_watch = tls.map(|tls| rt::spawn(tls.watch()));
    let statistics = rt::spawn(publish_stats(observed, Arc::clone(engine)));
    let handle = server.handle();
    let server = rt::spawn(server);
    let reporter = rt::spawn(temporary::report(admission.clone()));
    signals.next().await;
    sweeper.abort();
    certificate_watch.inspect(rt::task::JoinHandle::abort);
    statistics.abort();
    end(&handle, &listening, &admission, config.drain.duration(), signals.next()).await;
    reporter.abort();
    server.await.context("the server's task has failed")??;
    // Everybody has left: a log that outlives this server should know.
    presence_publisher.await.context("the task that publishes presence has failed")?.flush().await;
    storage.close();
    Ok(())
}

fn start(
    config: &Config,
    storage: &Storage,
    observed: &Observed,
    listeners: Vec<Listener>,
) -> Result<Server> {
    let Storage { broker, engine, .. } = storage;
    let lanes: Vec<Lane> = (0..config.workers).map(|_| broker.lane()).collect::<Result<_, _>>()?;
    let lanes = Arc::new(Mutex::new(lanes));
    let (broker, engine) = (broker.clone(), Arc::clone(engine));
    let Observed { admission, in_flight, metrics, .. } = observed.clone();
    let (waits, limits) = (admission.clone(), config.connection);
    let authenticator = authenticator(config);
    let http = http_context(config, storage, observed, &authenticator);
    let (access, timeouts) = (access(config, authenticator), timeouts(config));
    let (broker_of_early, batch_bytes_max) = (broker.clone(), http.batch_bytes_max);
    let early = Early { broker: broker_of_early, batch_bytes_max, metrics: metrics.clone() };
    let make_context = move || {
        let spare = lanes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // A worker that actix restarts takes a new lane.
        let lane = spare.map_or_else(|| broker.lane(), Ok).unwrap_or_else(|error| {
            tracing::error!(%error, "a worker cannot be restarted");
            std::process::exit(EXIT_SOFTWARE)
        });
        let engine = Arc::clone(&engine);
        WorkerContext::new(broker.clone(), lane, engine, admission.clone(), limits, http.clone())
    };
    let make_app = move || {
        let connections = connections_of_this_worker(&make_context);
        let worker_context = connections.worker_context();
        let (admission, access) = (worker_context.admission.clone(), access.clone());
        let app = App::new()
            .wrap_fn(move |request, service| authorise(request, service, &access))
            .wrap_fn({
                let (admission, metrics) = (admission.clone(), metrics.clone());
                move |request, service| {
                    temporary::word(request, service, &admission, &metrics, limits.retry_ms)
                }
            })
            .wrap_fn(move |request, service| {
                let request_guard = admission.begin_request();
                service.call(request).inspect(move |_| drop(request_guard))
            })
            .wrap_fn(|request, service| service.call(request).map_ok(dated))
            // `/events/` is `/events`: a redirect would be one more thing that a client may not follow.
            .wrap(NormalizePath::trim())
            .configure(|config| routes::configure(config, &connections));
        (worker_context.request_turns.clone(), app)
    };
    let builder = Server::build()
        .workers(config.workers)
        .max_concurrent_connections(CONNECTIONS_HTTP_MAX)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let ending = move || {
        let admission = waits.clone();
        async move { admission.shutdown_begun().await }
    };
    let builder = listeners.into_iter().try_fold(builder, |builder, listener| {
        let early = early.clone();
        let accounts = in_flight.clone();
        listen(builder, listener, timeouts, accounts, ending.clone(), early, make_app.clone())
    })?;
    Ok(builder.run())
}

/// What metrics show.
fn observed(config: &Config, storage: &Storage, admission: &Admission) -> Observed {
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
) -> HttpContext {
    HttpContext {
        observed: observed.clone(),
        monitoring: config.metrics,
        probe: EngineProbe::new(Arc::clone(&storage.engine), observed.admission.clone()),
        batch_bytes_max: config.batch_bytes_max,
        body_wait: config.body_wait.duration(),
        poll_wait_max: config.poll_wait_max.duration(),
        // The other half is for the goodbyes themselves.
        goodbye_wait_ms: config.drain.millis() / 2,
        accounts: Accounts::new(config.publisher_ids_max),
        in_flight: observed.in_flight.clone(),
        log: storage.on_disk(),
        authenticator: authenticator.clone(),
        renewals: Renewals::default(),
    }
}

/// Which hosts, origins and credentials the server answers.
fn access(config: &Config, authenticator: Authenticator) -> Access {
    let (hosts, origins) = (config.allowed_hosts.clone(), config.allowed_origins.clone());
    Access::new(hosts, origins, config.is_local(), authenticator)
}

fn authenticator(config: &Config) -> Authenticator {
    Authenticator::new(config.tokens.clone(), config.anonymous_grant())
        .taking(config.tokens_cookie.clone(), config.tokens_in_query)
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

/// Applies retention by age, everywhere in turn.
async fn sweep(storage: Rc<Storage>) {
    let mut tick = tokio::time::interval(SWEEP_TICK);
    loop {
        tick.tick().await;
        storage.sweep(wall_ms());
    }
}

/// Where a listener is reached.
fn url(listener: &BoundListener) -> io::Result<String> {
    Ok(format!("{}://{}", listener.scheme, listener.socket.local_addr()?))
}

/// A listener with what its scheme takes. Where one speaks TLS the configuration has a certificate.
fn speaking(listener: BoundListener, tls: Option<&Tls>) -> Listener {
    let BoundListener { scheme, socket } = listener;
    let tls = tls.filter(|_| scheme == Scheme::Https).map(Tls::config);
    Listener { socket, tls }
}

fn greet(
    urls: &[String],
    storage: &Storage,
    connections_max: usize,
    descriptors: usize,
    notice: &[&str],
) -> io::Result<()> {
    let mut output = std::io::stdout().lock();
    for url in urls {
        writeln!(output, "listening on {url}")?;
    }
    let url = urls.first().map_or("", String::as_str);
    writeln!(output)?;
    writeln!(output, "  console    {url}/")?;
    writeln!(output, "  follow     curl -N {url}/events")?;
    writeln!(output, "  publish    curl -d hello {url}/publish/lobby")?;
    writeln!(output)?;
    for line in storage.describe() {
        writeln!(output, "  {line}")?;
    }
    writeln!(
        output,
        "  room for {connections_max} subscribers (file-descriptor limit {descriptors})"
    )?;
    for line in notice {
        writeln!(output, "  {line}")?;
    }
    output.flush()
}

/// Raises the limit on open files to the hard one, and says what it is.
fn raise_descriptor_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files cannot be raised");
        limit = getrlimit(Resource::Nofile);
    }
    let limit = limit.current.and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(usize::MAX).max(DESCRIPTORS_RESERVED + 1)
}

/// Open files that are no subscribers: listeners, timers, publishers' connections.
const DESCRIPTORS_RESERVED: usize = 128;

/// Connections of one worker that actix still has: publishers, and clients that are about to subscribe.
const CONNECTIONS_HTTP_MAX: usize = 25_000;

/// What an answer may take beside its body's arrival and the wait that was asked for.
const ANSWER_SPARE: Duration = Duration::from_secs(5);

/// What actix gives its own connections to take their answers; it closes idle ones at once, and ours
/// have ended by then.
const SHUTDOWN_SECONDS: u64 = 2;

const SWEEP_TICK: Duration = Duration::from_secs(1);

/// `EX_SOFTWARE` of sysexits.
const EXIT_SOFTWARE: i32 = 70;

#[cfg(test)]
mod tests;
