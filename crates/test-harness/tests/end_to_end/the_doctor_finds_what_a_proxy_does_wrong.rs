//! `tidewire doctor` behind proxies that each do one thing wrong: it finds that, and nothing else. Behind one that does
//! nothing wrong it finds nothing.

use crate::{
    common::within,
    tampering::{Proxy, Tampering},
};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tidewire_test_harness::server::{self, Server};

/// What is planted, what is found, and whether it takes the wait for a heartbeat.
const PLANTED: [(Tampering, &str, bool); 14] = [
    (Tampering::Nothing, "", true),
    (Tampering::Buffers, "buffering", false),
    (Tampering::Compresses, "compression", false),
    (Tampering::LosesUpgrades, "upgrade_lost", false),
    (Tampering::IsImpatient(Duration::from_millis(700)), "idle_timeout", true),
    (Tampering::Strips("last-event-id"), "last_event_id_stripped", false),
    (Tampering::RewritesHost, "host_rewritten", false),
    (Tampering::Caches, "cache", false),
    (Tampering::SpeaksHttp10, "http_1_0", false),
    (Tampering::Strips("authorization"), "authorization_stripped", false),
    (Tampering::LimitsBodies(1 << 20), "body_limit", false),
    (Tampering::Strips("cookie"), "cookie_stripped", false),
    (Tampering::Strips("origin"), "origin_stripped", false),
    (Tampering::StripsAnswers("cache-control"), "cache_control_stripped", false),
];

#[tokio::test]
async fn each_planted_fault_is_found_and_nothing_else() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--heartbeat", "1500ms"]).await?;
        let address = server.address();
        let examinations = PLANTED.map(|(tampering, expected, waits)| async move {
            let proxy = Proxy::start(address, tampering).await?;
            let (found, is_sound) = examine(proxy.address, waits).await?;
            let expected: Vec<&str> = expected.split(' ').filter(|name| !name.is_empty()).collect();
            ensure!(found == expected, "{tampering:?}: {found:?} was found");
            ensure!(is_sound == expected.is_empty(), "{tampering:?}: the exit status is wrong");
            Ok(())
        });
        try_join_all(examinations).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_with_keys_is_examined_with_a_token() -> Result<()> {
    within(60, async {
        let secret = "a secret of at least thirty-two bytes";
        let mut serve = server::command()?;
        serve.args(["serve", "--listen", "127.0.0.1:0"]).env("TIDEWIRE_TOKENS_SECRET", secret);
        let server = Server::run(serve).await?;
        let url = server.url();
        let run = async |arguments: &[&str]| {
            let mut command = server::command()?;
            Ok::<_, anyhow::Error>(
                command.args(arguments).env("TIDEWIRE_TOKENS_SECRET", secret).output().await?,
            )
        };
        let refused = run(&["doctor", &url, "--quick"]).await?;
        let said = String::from_utf8(refused.stdout)?;
        ensure!(!refused.status.success() && said.contains("by --token-file"), "{said}");
        ensure!(!said.contains("FOUND"), "a server that asks for a token is no fault: {said}");
        let token =
            run(&["token", "--subscribe", "doctor.>", "--publish", "doctor.>", "--history"])
                .await?;
        let token = String::from_utf8(token.stdout)?;
        let listed = run(&["doctor", &url, "--quick", "--token", token.trim()]).await?;
        let said = String::from_utf8(listed.stderr)?;
        ensure!(listed.status.code() == Some(2) && said.contains("TIDEWIRE_TOKEN"), "{said}");
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("token");
        std::fs::write(&file, token)?;
        let file = file.to_str().context("a path in UTF-8")?;
        let examined = run(&["doctor", &url, "--quick", "--token-file", file]).await?;
        let said = String::from_utf8(examined.stdout)?;
        ensure!(examined.status.success() && said.contains("Nothing is wrong"), "{said}");
        Ok(())
    })
    .await
}

/// The names of what is found, and whether the exit status says that nothing is wrong.
async fn examine(address: SocketAddr, waits: bool) -> Result<(Vec<String>, bool)> {
    let mut command = server::command()?;
    command.args(["doctor", &format!("http://{address}"), "--json"]);
    if !waits {
        command.arg("--quick");
    }
    let output = command.output().await?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let findings = report["findings"].as_array().context("no findings")?;
    for finding in findings {
        let changes = finding["change"].as_object().context("nothing to change")?;
        ensure!(!changes.is_empty(), "{finding} does not say what to change");
    }
    let names = findings.iter().filter_map(|finding| finding["fault"].as_str().map(str::to_owned));
    Ok((names.collect(), output.status.success()))
}
