//! The server that a client is tried with, the proxy in front of it, and the ways in which connections are lost.

use crate::running::Program;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tidewire_test_harness::{
    peers::http::{exchange, get, post},
    proxy::{Break, Ending, Faults, Flow, Proxy},
    server::{Server, command},
};
use tidewire_tokens::{Algorithm, Claims, SigningKey, TokenContent};
use tokio::time::sleep;

/// How a connection is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// A proxy ends it, and lets nothing pass for a moment.
    Cut(Ending),
    /// Again and again after a number of bytes, so in the middle of a message, too.
    CutsInABurst,
    /// An operator ends it.
    Disconnected,
    /// The server stops, and comes back.
    Restarted,
    /// The server is killed, and comes back.
    Crashed,
}

/// A server with keys that stores messages on disk, and a proxy in front.
pub(crate) struct World {
    server: Server,
    pub(crate) proxy: Proxy,
    address: SocketAddr,
    pub(crate) token: String,
    published: usize,
    /// What earlier servers have logged.
    logged: String,
    folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("tidewire.toml");
        fs::write(
            settings,
            format!("{SETTINGS}\n[tokens]\nsecret = {SECRET:?}\nin_query = \"never\"\n"),
        )?;
        let server = serve(&folder, "127.0.0.1:0".parse()?).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let (token, logged) = (sign()?, String::new());
        Ok(Self { server, proxy, address, token, published: 0, logged, folder })
    }

    /// Waits until a client has subscribed, and has received what a stream begins with.
    pub(crate) async fn connected(&self, program: &mut Program) -> Result<()> {
        let start = Instant::now();
        while !self.has_client() {
            ensure!(program.is_running(), "the program has ended");
            ensure!(start.elapsed() < START_WAIT, "it does not subscribe");
            sleep(LOOK_EVERY).await;
        }
        // Two heartbeats, in which everything has come that was sent before. A long-poll has none, and needs none.
        sleep(3 * HEARTBEAT).await;
        Ok(())
    }

    /// Whether a request has subscribed, and is answered.
    fn has_client(&self) -> bool {
        let log = self.logs();
        let mut requests = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        requests.any(|line| {
            let path = line["path"].as_str().unwrap_or_default();
            OPENING.contains(&path)
                && line["method"] == "GET"
                && line["status"].as_u64() < Some(300)
        })
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(crate) async fn publish(&self, text: &str) -> Result<()> {
        let bearer = self.bearer();
        let headers = [("Authorization", &*bearer)];
        let answer = post(self.address, "/publish/interop", &headers, text.as_bytes()).await?;
        ensure!(answer.status == 200, "publishing is answered with {}", answer.status);
        Ok(())
    }

    pub(crate) async fn publish_many(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.published += 1;
            self.publish(&self.last()).await?;
        }
        Ok(())
    }

    /// The newest message.
    pub(crate) fn last(&self) -> String {
        format!("message {}", self.published)
    }

    /// Everything that the server has stored.
    pub(crate) async fn history(&self) -> Result<Vec<String>> {
        let path = "/channels/interop/messages?since=earliest&limit=1000";
        let answer = get(self.address, path, &[("Authorization", &self.bearer())]).await?;
        let page = answer.json().await?;
        let messages = page["messages"].as_array().with_context(|| page.to_string())?;
        Ok(messages.iter().filter_map(|one| Some(one["data"].as_str()?.to_owned())).collect())
    }

    /// Makes the client lose its connection, and publishes before it can come back.
    pub(crate) async fn lose(&mut self, loss: Loss) -> Result<()> {
        match loss {
            Loss::Cut(ending) => {
                self.proxy.set(Faults { up: Flow::Stalled, ..Faults::default() });
                self.proxy.cut(ending);
                self.publish_many(10).await?;
                self.proxy.set(Faults::default());
            }
            Loss::CutsInABurst => {
                let cut = Break { down_bytes: 2_003, ending: Ending::End };
                self.proxy.set(Faults { break_after: Some(cut), ..Faults::default() });
                let accepted = self.proxy.accepted();
                self.proxy.cut(Ending::Reset);
                self.publish_many(200).await?;
                let start = Instant::now();
                // Some wait a second each time.
                while self.proxy.accepted() < accepted + 6 && start.elapsed() < BURST_MAX {
                    sleep(LOOK_EVERY).await;
                }
                self.proxy.set(Faults::default());
            }
            Loss::Disconnected => {
                self.disconnect().await?;
                self.publish_many(10).await?;
            }
            Loss::Restarted => {
                let status = self.server.terminate().await?;
                ensure!(status.success(), "the server ends with {status}");
                self.come_back().await?;
            }
            Loss::Crashed => {
                self.server.kill().await?;
                self.come_back().await?;
            }
        }
        Ok(())
    }

    /// Ends each connection that the list of connections has. Long-polls are not on it.
    async fn disconnect(&self) -> Result<()> {
        let bearer = self.bearer();
        let headers = [("Authorization", &*bearer)];
        let list = get(self.address, "/connections", &headers).await?.json().await?;
        for connection in list["connections"].as_array().context("no list")? {
            let id = connection["id"].as_str().context("no id")?;
            let request = format!(
                "DELETE /connections/{id} HTTP/1.1\r\nHost: {}\r\nAuthorization: {bearer}\r\n\r\n",
                self.address
            );
            let status = exchange(self.address, request.as_bytes()).await?.status;
            ensure!([200, 404].contains(&status), "ending a connection is answered with {status}");
        }
        Ok(())
    }

    /// Starts the server again at the same address with the same data, and publishes at once.
    async fn come_back(&mut self) -> Result<()> {
        self.logged += &self.server.output().text();
        self.server = serve(&self.folder, self.address).await?;
        self.publish_many(10).await
    }

    pub(crate) fn logs(&self) -> String {
        format!("{}{}", self.logged, self.server.output())
    }
}

async fn serve(folder: &TempDir, address: SocketAddr) -> Result<Server> {
    let mut command = command()?;
    command.args(["serve", "--listen", &address.to_string(), "--config"]);
    command.arg(folder.path().join("tidewire.toml"));
    command.arg("--data").arg(folder.path().join("data"));
    Server::run(command).await
}

/// For an hour: what a client, a publisher and an operator may do.
fn sign() -> Result<String> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let claims = Claims {
        subject: Some(SUBJECT.to_owned()),
        expires_ms: u64::try_from(now_ms)? + 3_600_000,
        subscribe: vec!["interop".parse()?],
        publish: vec!["interop".parse()?],
        history: true,
        admin: true,
        ..Claims::default()
    };
    let content = TokenContent { claims, ..TokenContent::default() };
    Ok(SigningKey::from_secret(SECRET.as_bytes(), Algorithm::HS256)?.sign(&content)?)
}

const SETTINGS: &str = "\
retry = \"100ms\"
heartbeat = \"300ms\"
drain = \"1s\"
access_log = true
log_format = \"json\"";

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Who the client is.
pub(crate) const SUBJECT: &str = "u7";

/// The requests that subscribe.
pub(crate) const OPENING: [&str; 4] = ["/events", "/stream", "/poll", "/ws"];

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A browser's cold start on a busy machine.
const START_WAIT: Duration = Duration::from_secs(60);
/// As in the settings.
const HEARTBEAT: Duration = Duration::from_millis(300);
const BURST_MAX: Duration = Duration::from_secs(5);
