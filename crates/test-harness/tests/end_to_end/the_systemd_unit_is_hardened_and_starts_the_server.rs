//! The unit of `packaging/systemd`: systemd's own judgement of what it allows, and the command that it runs.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use tidewire_test_harness::{
    peers::http::publish,
    server::{self, Server},
};
use tokio::{fs, process::Command};

/// In tenths: systemd's scale ends at 10, where a service may do everything.
const EXPOSURE_MAX: &str = "20";

#[tokio::test]
async fn the_systemd_unit_is_hardened() -> Result<()> {
    within(60, async {
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX])
            .arg(unit())
            .output()
            .await
            .context("systemd-analyze is missing: `cargo xtask install` installs it")?;
        let said = String::from_utf8_lossy(&judged.stdout);
        ensure!(judged.status.success(), "{said}");
        ensure!(said.contains("Overall exposure level for tidewire.service"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_command_of_the_systemd_unit_starts_a_server_on_its_data() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let (settings, data) = (folder.path().join("tidewire.toml"), folder.path().join("data"));
        fs::write(&settings, "listen = \"127.0.0.1:0\"\n").await?;
        let mut command = server::command()?;
        for argument in command_line().await? {
            match argument.as_str() {
                "/etc/tidewire/tidewire.toml" => command.arg(&settings),
                "/var/lib/tidewire" => command.arg(&data),
                other => command.arg(other),
            };
        }
        let mut server = Server::run(command).await?;
        publish(server.address(), "a", "hello").await?;
        ensure!(fs::try_exists(&data).await?, "there is no data folder");
        ensure!(server.terminate().await?.success(), "SIGTERM ends it with an error");
        Ok(())
    })
    .await
}

/// The arguments after the program, as the unit has them.
async fn command_line() -> Result<Vec<String>> {
    let text = fs::read_to_string(unit()).await?;
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart="));
    let mut words = line.context("the unit starts nothing")?.split(' ').map(str::to_owned);
    ensure!(
        words.next().as_deref() == Some("/usr/bin/tidewire"),
        "the unit starts another program"
    );
    Ok(words.collect())
}

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/tidewire.service")
}
