//! One world while it runs: the server, the proxies, the driver, and the judges.

mod acts;
mod ending;

use super::{
    driver::{Driver, Event, What},
    library::Library,
    liveness::Liveness,
    plan::{Plan, Step},
    publishing::Publishing,
    record::Record,
    tally::Tally,
    truth::{Truth, place},
};
use crate::{proxy::Proxy, server::Server};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tidewire_tokens::{Algorithm, Claims, SigningKey, TokenContent};
use tokio::time::{sleep_until, timeout};

pub(super) struct World<'a> {
    plan: &'a Plan,
    server: Option<Server>,
    /// Where the server is, over all its lives.
    address: std::net::SocketAddr,
    arguments: Vec<String>,
    /// When the server is to start again.
    restart: Option<Instant>,
    driver: Driver,
    clients: Vec<Client>,
    subscriptions: Vec<Subscription>,
    truth: Truth,
    publishing: Publishing,
    /// The largest delay that the driver has had.
    lag_ms: u64,
    started: Instant,
    trace: &'a mut Vec<String>,
    tally: Tally,
    _folder: TempDir,
}

struct Client {
    proxy: Proxy,
    liveness: Liveness,
    is_open: bool,
    /// Since when its link is broken, and how many connections it had accepted by then.
    broken: Option<(u64, u64)>,
}

struct Subscription {
    client: usize,
    record: Record,
}

impl<'a> World<'a> {
    /// Runs it to its end.
    pub(super) async fn run(
        plan: &'a Plan,
        library: &Library,
        trace: &'a mut Vec<String>,
    ) -> Result<Tally> {
        let mut world = Self::start(plan, library, trace).await?;
        let running = async {
            for Step { at_ms, act } in &plan.steps {
                world.receive_until(world.started + Duration::from_millis(*at_ms)).await?;
                world.note(format!("{act:?}"));
                world.act(act).await?;
            }
            world.end().await
        };
        timeout(WORLD_WAIT, running).await.context("the world does not end")??;
        let World { driver, tally, clients, .. } = world;
        // A WebSocket has no way to give up a close that is not answered, as behind a link that is silent.
        drop(clients);
        driver.end().await?;
        Ok(tally)
    }

    async fn start(
        plan: &'a Plan,
        library: &Library,
        trace: &'a mut Vec<String>,
    ) -> Result<World<'a>> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("tidewire.toml");
        std::fs::write(&config, settings(plan))?;
        let text = |path: PathBuf| path.into_os_string().into_string();
        let text = |path| text(path).map_err(|path| anyhow::anyhow!("{path:?} is not UTF-8"));
        let mut arguments = vec!["--config".to_owned(), text(config)?];
        if plan.server.keeps {
            arguments.extend(["--data".to_owned(), text(folder.path().join("data"))?]);
        }
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (server, driver) = tokio::try_join!(Server::start(&words), Driver::start(library))?;
        let address = server.address();
        let mut clients = Vec::new();
        for _ in &plan.clients {
            let proxy = Proxy::start(address).await?;
            let liveness = Liveness::default();
            clients.push(Client { proxy, liveness, is_open: true, broken: None });
        }
        let has_outbox = library.capabilities().contains(&"outbox");
        let mut world = World {
            plan,
            server: Some(server),
            address,
            arguments,
            restart: None,
            driver,
            clients,
            subscriptions: Vec::new(),
            truth: Truth::default(),
            publishing: Publishing::new(has_outbox),
            lag_ms: 0,
            started: Instant::now(),
            trace,
            tally: Tally::default(),
            _folder: folder,
        };
        for (client, wires) in plan.clients.iter().enumerate() {
            let url = format!("http://{}/", world.client(client)?.proxy.address());
            let tokens = plan.server.tokens;
            let mut command =
                json!({"do": "connect", "client": client, "url": url, "tokens": tokens});
            if let (Some(wires), Some(command)) = (wires, command.as_object_mut()) {
                command.insert("wires".to_owned(), json!(wires));
            }
            world.driver.send(&command).await?;
        }
        Ok(world)
    }

    /// Takes in what the driver says until then, and starts the server when it is time.
    async fn receive_until(&mut self, deadline: Instant) -> Result<()> {
        loop {
            let until = self.restart.map_or(deadline, |restart| restart.min(deadline));
            tokio::select! {
                biased;
                () = sleep_until(until.into()) => {}
                event = self.driver.next() => {
                    self.receive(event?).await?;
                    continue;
                }
            }
            if self.restart.is_some_and(|restart| restart <= until) {
                self.start_again().await?;
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Takes in one event.
    async fn receive(&mut self, event: Event) -> Result<()> {
        let Event { at, client, what, line } = event;
        self.note(line);
        match what {
            What::State { state, .. } => self.client(client)?.liveness.enter_state(at, &state),
            What::Message { subscription, message, position } => {
                self.truth.note_message(&message)?;
                let record = self.record(subscription)?;
                let entered = record.enter_message(&message);
                entered.with_context(|| format!("subscription {subscription}"))?;
                record.enter_claim(position);
                self.tally.given += 1;
            }
            What::Gap { subscription, gap } => {
                let entered = self.record(subscription)?.enter_gap(&gap);
                entered.with_context(|| format!("subscription {subscription}"))?;
                self.tally.gaps += 1;
            }
            What::Begun { subscription, position } => {
                let head = self.truth.head(position.epoch);
                self.record(subscription)?.enter_begun(position, head)?;
            }
            What::Position { subscription, position } => {
                self.record(subscription)?.enter_claim(position);
            }
            What::Ended { subscription, position, error } => {
                ensure!(error.is_none(), "subscription {subscription} ended: {error:?}");
                self.record(subscription)?.enter_end(position)?;
            }
            What::Published { publish, position } => {
                self.publishing.enter_published(publish, place(position), &mut self.truth)?;
                self.tally.by_clients += 1;
            }
            What::Failed { publish, error } => self.publishing.enter_failed(publish, error)?,
            What::Asks { ask } => {
                let token = Self::token(TOKEN_MS)?;
                let words = json!({"do": "token", "client": client, "ask": ask, "token": token});
                self.driver.send(&words).await?;
                self.tally.tokens += 1;
            }
            What::Lag { ms } => self.lag_ms = self.lag_ms.max(ms),
            What::Fault { error } => bail!("in the driver: {error}"),
            What::Ready { .. } => bail!("the driver is ready again"),
        }
        Ok(())
    }

    /// A token that allows everything for that long, in whole seconds.
    fn token(lasts_ms: u64) -> Result<String> {
        let all = || Ok::<_, anyhow::Error>(vec![">".parse()?]);
        let claims = Claims {
            subject: Some("somebody".to_owned()),
            expires_ms: now_ms()? + lasts_ms,
            subscribe: all()?,
            publish: all()?,
            history: true,
            ..Claims::default()
        };
        let content = TokenContent { claims, ..TokenContent::default() };
        Ok(SigningKey::from_secret(SECRET.as_bytes(), Algorithm::HS256)?.sign(&content)?)
    }

    fn client(&mut self, client: usize) -> Result<&mut Client> {
        self.clients.get_mut(client).with_context(|| format!("there is no client {client}"))
    }

    fn record(&mut self, subscription: usize) -> Result<&mut Record> {
        let found = self.subscriptions.get_mut(subscription);
        Ok(&mut found.with_context(|| format!("there is no subscription {subscription}"))?.record)
    }

    fn note(&mut self, what: String) {
        let ms = self.started.elapsed().as_millis();
        self.trace.push(format!("{ms:>6} ms  {what}"));
    }
}

/// The server's configuration.
fn settings(plan: &Plan) -> String {
    let mut settings = format!("heartbeat = \"{HEARTBEAT_MS}ms\"\nexpiry_notice = \"1s\"\n");
    if let Some(retention) = plan.server.retention {
        settings += &format!("retention_messages = {retention}\n");
    }
    if plan.server.tokens {
        settings += &format!("[tokens]\nsecret = \"{SECRET}\"\nleeway = \"0s\"\n");
    }
    settings
}

fn now_ms() -> Result<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

const HEARTBEAT_MS: u64 = 200;
/// Tokens know whole seconds.
const TOKEN_MS: u64 = 2_500;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// More than all waits of a world together.
const WORLD_WAIT: Duration = Duration::from_secs(60);
