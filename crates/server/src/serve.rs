//! The server as a whole: it starts, logs that, and ends at a signal.

mod ending;
mod parts;
mod worker;

use crate::{
    admission::Admission,
    clock::{self, wall_ms},
    config::{Config, Listen, Opening, Settings},
    drain::Drain,
    keys::KeyTasks,
    listeners::{self, BoundListener},
    logging,
    metrics::publish_stats,
    presence::PresencePublisher,
    reload::{Load, ReloadHandle},
    routes::Surface,
    socket::Scheme,
    storage::Storage,
    takeover::Listener,
    temporary,
    tls::Tls,
    traces::Traces,
};
use actix_web::rt;
use anyhow::{Context as _, Result};
use ending::{ListeningSockets, Signals, end, linger};
use parts::{Audience, Parts, observed};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{
    io::{self, Write as _},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tidewire_client_address::TrustedProxies;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Serves until SIGINT or SIGTERM, then lets every connection end properly.
///
/// The first line on standard output is `listening on http://ADDRESS`, or `https`, and so is one more for each other
/// address.
///
/// # Errors
///
/// An address cannot be listened on, or the machine refuses something else that is needed.
pub fn serve(flags: Settings) -> Result<()> {
    let load = move || Config::load(flags.clone());
    let config = load()?;
    logging::configure(config.log_format, config.log_level.as_ref());
    rt::System::new().block_on(run(config, Arc::new(load)))
}

async fn run(config: Config, load: Load) -> Result<()> {
    clock::check()?;
    let hangups = signal(SignalKind::hangup())?;
    let descriptors = raise_descriptor_limit();
    let room = descriptors - DESCRIPTORS_RESERVED;
    let connections_max = config.connections_max.unwrap_or(room);
    let tls = config.tls.as_ref().map(|files| Tls::open(files, config.http2)).transpose()?;
    let (listeners, urls) = bind(&config.listen)?;
    let (admin_listeners, admin_urls) = bind(&config.admin_listen)?;
    let key_tasks = KeyTasks::start(&config)?;
    let storage = Rc::new(Storage::open(&config, wall_ms())?);
    let Storage { broker, engine, .. } = &*storage;
    // Nobody is connected yet: the log lists the members of the previous run. They leave before a worker takes the
    // first request.
    broker.clear_presence();
    let mut presence_publisher = PresencePublisher::new(broker.clone(), Arc::clone(engine));
    presence_publisher.flush().await;
    let admission = Admission::within(config.limits(room));
    let listening = ListeningSockets::of(listeners.iter().map(|listener| &listener.socket))?;
    let observed = observed(&config, &storage, &admission);
    let (reload, reload_requests) = ReloadHandle::new();
    let traces = Traces::from_environment()?;
    let parts = Parts::new(&config, &storage, &observed, reload, traces.clone());
    let speaking = |listener| speaking(listener, tls.as_ref(), &parts.proxies);
    let listeners = listeners.into_iter().map(speaking).collect();
    let admin_listeners: Vec<_> = admin_listeners.into_iter().map(speaking).collect();
    let surface = if admin_urls.is_empty() { Surface::Everything } else { Surface::Public };
    let server = parts.start(listeners, config.workers, Audience::Clients(surface))?;
    let admin_server = match admin_listeners.is_empty() {
        true => None,
        false => Some(parts.start(admin_listeners, 1, Audience::Operators)?),
    };
    let mut signals = Signals::listen()?;
    let reloader = parts.reloader(load, &config, key_tasks, tls.clone(), room);
    let (urls, notice) = ((&*urls, &*admin_urls), parts.notice());
    if let Err(error) = greet(urls, &storage, connections_max, descriptors, &notice) {
        // Nobody reads it, as behind `| head -1`; that is no reason not to serve.
        tracing::debug!(%error, "standard output is closed");
    }
    let presence_publisher =
        rt::spawn(presence_publisher.run(config.presence_interval.duration(), admission.clone()));
    let mut tasks = vec![
        rt::spawn(sweep(Rc::clone(&storage))),
        rt::spawn(reloader.run(hangups, reload_requests)),
        rt::spawn(publish_stats(observed, Arc::clone(engine))),
    ];
    tasks.extend(tls.map(|tls| rt::spawn(tls.watch())));
    let handle = server.handle();
    let server = rt::spawn(server);
    let admin_server = admin_server.map(|server| (server.handle(), rt::spawn(server)));
    let reporter = rt::spawn(temporary::report(admission.clone()));
    signals.next().await;
    let Drain { delay, over } = parts.settings.borrow().drain;
    let is_cut_short = linger(&admission, delay, signals.next()).await;
    tasks.iter().for_each(rt::task::JoinHandle::abort);
    let second = signals.after(is_cut_short);
    end(&handle, &listening, &admission, over, second).await;
    reporter.abort();
    server.await.context("the server's task has failed")??;
    // The last to end, so that an operator sees how the rest does.
    if let Some((handle, server)) = admin_server {
        handle.stop(true).await;
        server.await.context("the task of the server for operators has failed")??;
    }
    // Everybody has left: a log that outlives this server should know.
    presence_publisher.await.context("the task that publishes presence has failed")?.flush().await;
    storage.close();
    traces.end();
    Ok(())
}

/// Applies retention by age, everywhere in turn.
async fn sweep(storage: Rc<Storage>) {
    let mut tick = tokio::time::interval(SWEEP_TICK);
    loop {
        tick.tick().await;
        storage.sweep(wall_ms());
    }
}

/// Listens on all of these, and says where each listener is reached.
fn bind(addresses: &[Listen]) -> Result<(Vec<BoundListener>, Vec<String>)> {
    let listeners = listeners::bind(addresses)?;
    let urls = listeners.iter().map(url).collect::<io::Result<_>>()?;
    Ok((listeners, urls))
}

/// Where a listener is reached.
fn url(listener: &BoundListener) -> io::Result<String> {
    let behind = match listener.opening {
        Opening::Direct => "",
        Opening::ProxyHeader => " (after a header of the PROXY protocol)",
    };
    Ok(format!("{}://{}{behind}", listener.scheme, listener.socket.local_addr()?))
}

/// A listener with what its scheme takes. Where one speaks TLS the configuration has a certificate.
fn speaking(
    listener: BoundListener,
    tls: Option<&Tls>,
    proxies: &watch::Sender<TrustedProxies>,
) -> Listener {
    let BoundListener { scheme, opening, socket } = listener;
    let tls = tls.filter(|_| scheme == Scheme::Https).map(Tls::config);
    let proxies = (opening == Opening::ProxyHeader).then(|| proxies.subscribe());
    Listener { socket, tls, proxies }
}

fn greet(
    (urls, admin_urls): (&[String], &[String]),
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
    match admin_urls {
        [] => writeln!(output, "  console    {url}/")?,
        urls => urls.iter().try_for_each(|url| writeln!(output, "  operators  {url}/"))?,
    }
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

const SWEEP_TICK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
