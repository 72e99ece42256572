//! To follow a channel with presence is to be listed there, which others see. Pages of other sites may
//! follow what lists nobody, and cannot read it; they are never listed, under whatever name.

use crate::{
    browsers::send,
    common::{check_problem, within},
};
use anyhow::{Context as _, Result};
use serde_json::Value;
use tidewire_test_harness::{peers::http::get, server::Server};

const PRESENCE: &str = "[channels.\"room.*\"]\npresence = true\n";

const SOCKET: &str = "GET /ws?channel=room.1&user=admin HTTP/1.1\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const JOINS: [&str; 3] = [
    "GET /events?channel=room.1&user=admin HTTP/1.1\r\n\r\n",
    "GET /stream?channel=a&channel=room.1&user=admin HTTP/1.1\r\n\r\n",
    SOCKET,
];

async fn start(folder: &tempfile::TempDir) -> Result<Server> {
    let file = folder.path().join("tidewire.toml");
    std::fs::write(&file, format!("presence_interval = \"20ms\"\n{PRESENCE}"))?;
    Server::start(&["--config", file.to_str().context("not UTF-8")?]).await
}

async fn members(server: &Server) -> Result<Vec<Value>> {
    let page = get(server.address(), "/channels/room.1/presence", &[]).await?.json().await?;
    Ok(page["members"].as_array().context("no members")?.clone())
}

#[tokio::test]
async fn it_is_refused_by_its_origin_and_without_one_by_its_site() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let server = start(&folder).await?;
        for lines in [
            &["Origin: https://evil.example"][..],
            &["Origin: null", "Sec-Fetch-Site: cross-site"],
            &["Sec-Fetch-Site: cross-site"],
            &["Sec-Fetch-Site: same-site"],
        ] {
            for request in JOINS {
                let lines = [&["Host: localhost"], lines].concat();
                let answer = send(server.address(), request, &lines).await?;
                let detail = check_problem(answer, 403, "forbidden").await;
                let detail = detail.with_context(|| format!("{lines:?}: {request}"))?;
                assert!(detail.contains("allowed_origins"), "{detail}");
            }
        }
        // One of a program is listed, and by then every one before it would be.
        let _joined = send(server.address(), JOINS[0], &["Host: localhost"]).await?;
        while members(&server).await?.is_empty() {}
        assert_eq!(members(&server).await?.len(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn it_follows_what_lists_nobody_and_cannot_read_it() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let server = start(&folder).await?;
        for path in ["/events?channel=a", "/stream?channel=a", "/events?channel=room.*"] {
            for line in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"] {
                let request = format!("GET {path} HTTP/1.1\r\n\r\n");
                let answer = send(server.address(), &request, &["Host: localhost", line]).await?;
                assert_eq!(answer.status, 200, "{path}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
            }
        }
        assert_eq!(members(&server).await?, Vec::<Value>::new());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn pages_of_this_server_and_allowed_ones_join_as_programs_do() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let server = start(&folder).await?;
        let mut joined = Vec::new();
        for lines in [
            &["Origin: http://localhost"][..],
            &["Origin: http://127.0.0.1:5173"],
            &["Sec-Fetch-Site: same-origin"],
            &["Sec-Fetch-Site: none"],
            &[],
        ] {
            for request in JOINS {
                let lines = [&["Host: localhost"], lines].concat();
                let answer = send(server.address(), request, &lines).await?;
                assert!(matches!(answer.status, 101 | 200), "{} {lines:?}", answer.status);
                joined.push(answer);
            }
        }
        while members(&server).await?.len() < joined.len() {}
        assert!(members(&server).await?.iter().all(|member| member["user"] == "admin"));
        Ok(())
    })
    .await
}
