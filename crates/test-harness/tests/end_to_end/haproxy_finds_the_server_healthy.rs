//! HAProxy's health checks as people configure them: all that it can send finds the server healthy.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{fmt::Write as _, path::Path, process::Stdio, time::Duration};
use tidewire_test_harness::server::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::Command,
    time::sleep,
};

/// A name, the lines of a backend, and the status that it gets.
const CHECKS: [(&str, &str, &str); 6] = [
    // What it sends by default: OPTIONS / HTTP/1.0, without Host.
    ("default", "option httpchk", "204"),
    ("head", "option httpchk HEAD /health/ready", "200"),
    ("get_of_1_0", "option httpchk GET /health/live", "200"),
    (
        "head_of_1_1",
        "option httpchk\n  http-check send meth HEAD uri /health/live ver HTTP/1.1 hdr Host localhost",
        "200",
    ),
    (
        "options_of_1_1",
        "option httpchk\n  http-check send meth OPTIONS uri /events ver HTTP/1.1 hdr Host localhost",
        "204",
    ),
    // Shows that a check can fail.
    ("nothing", "option httpchk HEAD /health/nothing", "404"),
];

#[tokio::test]
async fn haproxy_finds_the_server_healthy() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let folder = tempfile::tempdir()?;
        let admin = folder.path().join("admin");
        let mut settings = format!(
            "global\n  stats socket {}\ndefaults\n  mode http\n  timeout connect 20s\n  \
             timeout client 20s\n  timeout server 20s\nlisten none\n  bind unix@{}\n",
            admin.display(),
            folder.path().join("front").display(),
        );
        for (name, check, _) in CHECKS {
            let address = server.address();
            writeln!(
                settings,
                "backend {name}\n  {check}\n  server one {address} check inter 100ms rise 1 fall 1"
            )?;
        }
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, settings)?;
        let mut haproxy = Command::new("haproxy")
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH")?))
            .args(["-db", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("haproxy is needed: cargo xtask install")?;
        for (name, _, status) in CHECKS {
            let expected = if name == "nothing" { "L7STS" } else { "L7OK" };
            let received = checked(&admin, name).await?;
            ensure!(received == (expected.to_owned(), status.to_owned()), "{name}: {received:?}");
        }
        haproxy.kill().await?;
        Ok(())
    })
    .await
}

/// The outcome of a backend's last check and the status that it got, once it has been checked.
async fn checked(admin: &Path, backend: &str) -> Result<(String, String)> {
    loop {
        if let Ok(mut stream) = UnixStream::connect(admin).await {
            stream.write_all(b"show stat\n").await?;
            let mut table = String::new();
            stream.read_to_string(&mut table).await?;
            let mut lines = table.trim_start_matches("# ").lines().map(|line| line.split(','));
            let names: Vec<&str> = lines.next().context("no names of columns")?.collect();
            let mut rows = lines.map(|row| row.collect::<Vec<_>>());
            let row = rows.find(|row| row[..2] == [backend, "one"]).context("no such server")?;
            let column = |name| {
                let at = names.iter().position(|other| *other == name).context("no such column")?;
                Ok::<_, anyhow::Error>(row[at].to_owned())
            };
            let (outcome, status) = (column("check_status")?, column("check_code")?);
            if outcome.starts_with("L7") {
                return Ok((outcome, status));
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}
