//! A full disk: a file system of a few megabytes, in a namespace that the test makes itself.

use super::Report;
use crate::{
    peers::{Subscriber, Wire, http},
    server::{Server, binary},
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

/// A small file system, gone when this is dropped.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
    _place: tempfile::TempDir,
}

impl SmallDisk {
    async fn mount(bytes: usize) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let folder = place.path().to_owned();
        let shown = folder.to_str().context("the folder's name is not UTF-8")?;
        let script = format!("mount -t tmpfs -o size={bytes} tmpfs {shown} && echo up && read end");
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("making a small file system")?;
        let mut line = String::new();
        let output = holder.stdout.take().context("no standard output")?;
        timeout(PATIENCE, BufReader::new(output).read_line(&mut line)).await??;
        ensure!(line == "up\n", "this machine lets no one mount a small file system");
        Ok(Self { holder, folder, _place: place })
    }

    /// The server, started inside.
    async fn serve(&self) -> Result<Server> {
        let holder = self.holder.id().context("the small file system is gone")?.to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &holder, "--user", "--mount", "--preserve-credentials"]);
        command.arg(binary()?).args(["serve", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(self.folder.join("data")).env_remove("TIDEWIRE_BIN");
        // By default the oldest messages would go long before the disk is full.
        command.args(["--data-bytes-max", "1GiB"]);
        Server::run(command).await
    }

    /// A path on it, as seen from outside.
    fn outside(&self, name: &str) -> Result<PathBuf> {
        let holder = self.holder.id().context("the small file system is gone")?;
        let folder = self.folder.strip_prefix("/")?;
        Ok(Path::new(&format!("/proc/{holder}/root")).join(folder).join(name))
    }
}

/// Publishes until the disk is full, makes room, goes on, and crashes on top of it.
///
/// # Errors
///
/// A publish was neither taken nor refused as it should be, something that was answered is lost, or
/// reading stopped.
pub async fn fill_the_disk() -> Result<Report> {
    let disk = SmallDisk::mount(DISK_BYTES).await?;
    std::fs::write(disk.outside("ballast")?, vec![1; BALLAST_BYTES])?;
    let mut server = disk.serve().await?;
    let mut live = Subscriber::open(Wire::Sse, server.address(), &["full.>"], None).await?;
    let mut answered = Vec::new();
    fill(&server, &mut answered).await?;
    ensure!(answered.len() > 10, "the disk was full after {} messages", answered.len());
    for (text, position) in &answered {
        let message = live.message().await?;
        ensure!(message.data.starts_with(text) && message.position == *position, "{message:?}");
    }
    check(&server, &answered).await?;

    std::fs::remove_file(disk.outside("ballast")?)?;
    let started = Instant::now();
    loop {
        match publish(&server, answered.len()).await? {
            Ok(position) => break answered.push((answered.len().to_string(), position)),
            Err(_) if started.elapsed() < PATIENCE => sleep(Duration::from_millis(200)).await,
            Err(status) => bail!("with room again, publishes are still answered {status}"),
        }
    }
    ensure!(live.message().await?.position == answered.last().context("none")?.1, "not delivered");
    fill(&server, &mut answered).await?;
    server.kill().await?;
    let started = Instant::now();
    let server = disk.serve().await.context("coming back on a full disk")?;
    let start_max = started.elapsed();
    check(&server, &answered).await?;
    let followed = answered.len();
    Ok(Report { answered: followed, repeated: 0, followed, returns: 0, start_max })
}

/// Publishes until it is refused.
async fn fill(server: &Server, answered: &mut Vec<(String, String)>) -> Result<()> {
    for number in answered.len()..answered.len() + MESSAGES_MAX {
        match publish(server, number).await? {
            Ok(position) => answered.push((number.to_string(), position)),
            Err(507 | 503) => return Ok(()),
            Err(status) => bail!("message {number} was answered {status}"),
        }
    }
    bail!("{MESSAGES_MAX} messages fit on the small disk")
}

/// One large message; the position, or the status of the refusal.
async fn publish(server: &Server, number: usize) -> Result<Result<String, u16>> {
    let text = format!("{number}:{}", "x".repeat(MESSAGE_BYTES));
    let channel = format!("/publish/full.c{}", number % 3);
    let answer = http::post(server.address(), &channel, &[], text.as_bytes()).await?;
    if answer.status != 200 {
        return Ok(Err(answer.status));
    }
    Ok(Ok(crate::peers::text(&answer.json().await?, "position")?))
}

/// Everything answered is there, in order, and a page of history is read.
async fn check(server: &Server, answered: &[(String, String)]) -> Result<()> {
    let address = server.address();
    let mut all = Subscriber::open(Wire::Stream, address, &["full.>"], Some("earliest")).await?;
    for (text, position) in answered {
        let message = all.message().await?;
        let is_it = message.data.starts_with(&format!("{text}:")) && message.position == *position;
        ensure!(is_it, "instead of {text} at {position} came {}", message.position);
    }
    let page = http::get(address, "/channels/full.c0/messages?limit=3", &[]).await?;
    ensure!(page.status == 200, "history was answered {}", page.status);
    Ok(())
}

/// Room for what a store needs to begin with, and for some megabytes of messages.
const DISK_BYTES: usize = 96 << 20;
const BALLAST_BYTES: usize = 16 << 20;
const MESSAGE_BYTES: usize = 64 << 10;
const MESSAGES_MAX: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(15);
