//! `Upgrade` is a list of names in any case (RFC 9110 §7.8), on `/ws` and on `/` alike.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{peers::http::exchange, server::Server};
use tokio::time::timeout;

fn handshake(path: &str, upgrade: &str, rest: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n{rest}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn every_spelling_of_an_upgrade_opens_a_websocket() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/ws", "/", "/?channel=a"] {
            for upgrade in [
                "Connection: Upgrade\r\nUpgrade: websocket",
                "connection: keep-alive, UPGRADE\r\nupgrade: WebSocket",
                "Connection: Upgrade\r\nUpgrade: websocket, h2c",
                "Connection: Upgrade\r\nUpgrade: h2c,WEBSOCKET",
                "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket",
            ] {
                let request = handshake(path, upgrade, VERSION);
                let answer = exchange(server.address(), request.as_bytes()).await?;
                ensure!(answer.status == 101, "{path}, {upgrade}: {}", answer.status);
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_error_for_another_version_names_the_accepted_one() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
        for (path, version) in [("/ws", "8"), ("/", "8"), ("/ws", "14"), ("/ws", "")] {
            let version = format!("Sec-WebSocket-Version: {version}\r\n");
            let request = handshake(path, upgrade, &version);
            let answer = exchange(server.address(), request.as_bytes()).await?;
            let versions = answer.header("sec-websocket-version").map(str::to_owned);
            ensure!(versions.as_deref() == Some("13"), "{version}: {versions:?}");
            ensure!(answer.header("upgrade") == Some("websocket"));
            check_problem(answer, 426, "upgrade_required").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_header_of_the_handshake_that_comes_twice_is_refused() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
        let second = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        for (twice, name) in [(second, "Sec-WebSocket-Key"), (VERSION, "Sec-WebSocket-Version")] {
            let request = handshake("/ws", upgrade, &format!("{VERSION}{twice}"));
            let answer = exchange(server.address(), request.as_bytes()).await?;
            let detail = check_problem(answer, 400, "bad_request").await.context(name)?;
            ensure!(detail.contains(name) && detail.contains("more than once"), "{detail}");
        }
        Ok(())
    })
    .await
}

/// actix takes all that follows such a head for frames, so a body would be waited for until the end.
#[tokio::test]
async fn an_upgrade_by_another_method_is_refused_at_once() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--body-wait", "1h"]).await?;
        for path in ["/publish/a", "/publish", "/ws", "/", "/health/live"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello"
            );
            let answer = exchange(server.address(), request.as_bytes());
            let answer = timeout(Duration::from_secs(20), answer).await.context(path)??;
            let detail = check_problem(answer, 400, "bad_request").await.context(path)?;
            ensure!(detail.contains("opens with GET"), "{path}: {detail}");
        }
        Ok(())
    })
    .await
}
