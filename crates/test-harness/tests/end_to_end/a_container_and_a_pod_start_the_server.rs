//! What `packaging/docker` and `packaging/kubernetes` run: their commands, variables, files and probes, with the binary
//! under test. `cargo xtask package` makes the image.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{exchange, get, publish},
    server::{self, Server},
};
use tokio::fs;

const DOCKERFILE: &str = include_str!("../../../../packaging/docker/Dockerfile");
const MANIFEST: &str = include_str!("../../../../packaging/kubernetes/tidewire.yaml");

#[tokio::test]
async fn a_container_starts_with_one_flag_and_checks_its_health() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let variables: Vec<(&str, &str)> = DOCKERFILE
            .lines()
            .filter_map(|line| line.trim_start_matches("ENV").trim().strip_prefix("TIDEWIRE_"))
            .filter_map(|line| line.trim_end_matches('\\').trim().split_once('='))
            .collect();
        ensure!(variables.len() == 3, "{variables:?}");
        let mut command = server::command()?;
        for (name, value) in &variables {
            let value = match *name {
                // Beyond this machine, as in the container; the port is free here.
                "LISTEN" => value.replace("8080", "0"),
                "DATA" => data.display().to_string(),
                _ => (*value).to_owned(),
            };
            command.env(format!("TIDEWIRE_{name}"), value);
        }
        command.args(list(DOCKERFILE, "ENTRYPOINT [")?.split_off(1)).arg("--anonymous");
        let server = Server::run(command).await?;
        let port = server.address().port();
        publish(([127, 0, 0, 1], port).into(), "a", "hello").await?;
        ensure!(fs::try_exists(&data).await?, "there is no data folder");

        let health = list(DOCKERFILE, "CMD [")?.split_off(1);
        let ask = async |port: u16| {
            let mut command = server::command()?;
            command.args(&health).env("TIDEWIRE_LISTEN", format!("0.0.0.0:{port}"));
            Ok::<_, anyhow::Error>(command.output().await?)
        };
        let healthy = ask(port).await?;
        ensure!(healthy.status.success() && healthy.stderr.is_empty(), "{healthy:?}");
        drop(server);
        let ended = ask(port).await?;
        ensure!(ended.status.code() == Some(1), "{ended:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_starts_with_its_settings_and_answers_its_probes() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let place = |name: &str| folder.path().join(name).display().to_string();
        let (_, rest) = MANIFEST.split_once("  tidewire.toml: |\n").context("no settings")?;
        let (settings, _) = rest.split_once("\n---").context("no end of the settings")?;
        let settings: String = settings.lines().map(|line| format!("{}\n", line.trim())).collect();
        let settings = settings
            .replace("0.0.0.0:8080", "0.0.0.0:0")
            .replace("0.0.0.0:9090", "0.0.0.0:0")
            .replace("/var/lib/tidewire", &place("data"))
            .replace("/run/secrets/tidewire/secret", &place("secret"));
        fs::write(place("secret"), "a secret of at least thirty-two bytes").await?;
        fs::write(place("tidewire.toml"), settings).await?;
        let mut command = server::command()?;
        let arguments = list(MANIFEST, "args: [")?;
        ensure!(arguments.last().is_some_and(|path| path == "/etc/tidewire/tidewire.toml"));
        command.args(&arguments[..arguments.len() - 1]).arg(place("tidewire.toml"));
        let server = Server::run(command).await?;

        let address = ([127, 0, 0, 1], server.address().port()).into();
        let probes: Vec<&str> = MANIFEST
            .lines()
            .filter_map(|line| line.trim().strip_prefix("httpGet: {path: ")?.split_once(','))
            .map(|(path, _)| path)
            .collect();
        ensure!(probes.len() == 3, "{probes:?}");
        for path in probes {
            // Kubernetes names the pod's own address.
            let request = format!("GET {path} HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n\r\n");
            let answer = exchange(address, request.as_bytes()).await?;
            ensure!(answer.status == 200, "{path}: {}", answer.text().await?);
        }
        // Everything else takes a token.
        ensure!(get(address, "/poll?channel=a", &[]).await?.status == 401, "a pod is open");
        // What is for operators has a port of its own, which an Ingress does not reach.
        ensure!(get(address, "/metrics", &[]).await?.status == 404, "clients reach the metrics");
        Ok(())
    })
    .await
}

#[test]
fn a_pod_has_time_to_drain() -> Result<()> {
    let seconds = |before: &str| -> Result<Duration> {
        let (_, rest) = MANIFEST.split_once(before).with_context(|| before.to_owned())?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok(Duration::from_secs(digits.parse()?))
    };
    let patience = seconds("terminationGracePeriodSeconds: ")?;
    let needed = seconds("drain_delay = \"")? + seconds("\n    drain = \"")?;
    assert!(patience >= needed + Duration::from_secs(5), "{patience:?} for {needed:?}");
    Ok(())
}

/// The words of a list such as `["/tidewire", "health"]`, which follows `before`.
fn list(text: &str, before: &str) -> Result<Vec<String>> {
    let (_, rest) = text.split_once(before).with_context(|| format!("no {before}"))?;
    let (list, _) = rest.split_once(']').context("the list does not end")?;
    Ok(list.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect())
}
