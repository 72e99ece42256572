//! `serve` beyond loopback without keys and `allowed_hosts` does not start, and says which lines make it safe.

use crate::common::within;
use anyhow::{Result, ensure};
use std::{fs, process::Output};
use tidewire_test_harness::server::command;

async fn run(subcommand: &str, toml: &str, arguments: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("tidewire.toml"), toml)?;
    let mut command = command()?;
    command.args([subcommand, "--config", "tidewire.toml"]).args(arguments);
    Ok(command.current_dir(folder.path()).output().await?)
}

#[tokio::test]
async fn a_server_that_others_reach_asks_for_keys_or_a_word() -> Result<()> {
    within(60, async {
        let keys = "[tokens]\nsecret = \"0123456789abcdef0123456789abcdef\"";
        for (toml, missing) in [
            ("", "neither tokens nor anonymous access is configured"),
            ("allowed_hosts = \"push.example\"", "neither tokens nor anonymous access"),
            (keys, "allowed_hosts names no host of this server"),
        ] {
            let output = run("serve", toml, &["--listen", "192.0.2.1:8080"]).await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(!output.status.success() && said.contains(missing), "{said}");
            for line in ["allowed_hosts = [", "[tokens]\n", "secret_file = ", "--anonymous"] {
                ensure!(said.contains(line), "{line} is not in: {said}");
            }
        }
        // The lines that it prints are such as it takes.
        let safe = format!("allowed_hosts = [\"push.example.com\"]\n{keys}");
        for (toml, word) in [(&*safe, &[][..]), ("", &["--anonymous"])] {
            let arguments = [&["--listen", "192.0.2.1:8080"], word].concat();
            let output = run("check-config", toml, &arguments).await?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    })
    .await
}
