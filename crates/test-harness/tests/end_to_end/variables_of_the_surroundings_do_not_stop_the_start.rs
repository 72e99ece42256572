//! A server starts among the variables of a Kubernetes service of its name, and among mistyped ones.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::server::{Server, command};
use tokio::time::{Duration, sleep};

const OF_KUBERNETES: [(&str, &str); 7] = [
    ("TIDEWIRE_SERVICE_HOST", "10.0.0.11"),
    ("TIDEWIRE_SERVICE_PORT", "80"),
    ("TIDEWIRE_SERVICE_PORT_HTTP", "80"),
    ("TIDEWIRE_PORT", "tcp://10.0.0.11:80"),
    ("TIDEWIRE_PORT_80_TCP", "tcp://10.0.0.11:80"),
    ("TIDEWIRE_PORT_80_TCP_ADDR", "10.0.0.11"),
    ("TIDEWIRE_URL", "http://10.0.0.11"),
];

async fn started(variables: &[(&str, &str)]) -> Result<Server> {
    let mut command = command()?;
    command.args(["serve", "--listen", "0"]).envs(variables.iter().copied());
    Server::run(command).await
}

#[tokio::test]
async fn what_kubernetes_sets_is_ignored_in_silence() -> Result<()> {
    within(60, async {
        let mut server = started(&OF_KUBERNETES).await?;
        server.terminate().await?;
        let said = server.output().text();
        ensure!(!said.contains("variable"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_unknown_variable_is_warned_about() -> Result<()> {
    within(60, async {
        let server = started(&[("TIDEWIRE_RETENTION_AGES", "1h")]).await?;
        let warning = "the variable TIDEWIRE_RETENTION_AGES is ignored: there is no such setting; \
                       did you mean TIDEWIRE_RETENTION_AGE?";
        while !server.output().text().contains(warning) {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_bad_value_of_a_known_setting_stops_the_start() -> Result<()> {
    within(60, async {
        let refused = started(&[("TIDEWIRE_DRAIN", "soon")]).await.err().context("it serves")?;
        let refused = format!("{refused:#}");
        ensure!(refused.contains("the environment: TIDEWIRE_DRAIN: \"soon\""), "{refused}");
        Ok(())
    })
    .await
}
