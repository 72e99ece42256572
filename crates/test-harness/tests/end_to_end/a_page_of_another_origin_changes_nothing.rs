//! Pages of other origins may send, as browsers let them: what they would change is refused, and
//! what they would read carries no word that lets their browser hand it over.

use crate::{
    browsers::{ACTS, READS, published, send, varies_by_origin},
    common::{check_problem, within},
};
use anyhow::{Context as _, Result};
use tidewire_test_harness::server::Server;

const FOREIGN: [&str; 8] = [
    "https://evil.example",
    "http://localhost.evil.example",
    "http://localhost:5173.evil.example",
    "http://push.example:81",
    "http://push.example.evil",
    "null",
    "capacitor://push.example",
    "nonsense",
];

const HOST: &str = "Host: push.example";

#[tokio::test]
async fn it_neither_publishes_nor_opens_a_websocket() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--allowed-hosts", "push.example"]).await?;
        for origin in FOREIGN {
            for request in ACTS {
                let line = format!("Origin: {origin}");
                let answer = send(server.address(), request, &[HOST, &line]).await?;
                assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
                let detail = check_problem(answer, 403, "forbidden").await;
                let detail = detail.with_context(|| format!("{origin}: {request}"))?;
                assert!(detail.contains(origin) && detail.contains("allowed_origins"), "{detail}");
            }
        }
        let lines = [HOST, "Origin: https://evil.example"];
        let answer = send(server.address(), ACTS[0], &lines).await?;
        let detail = check_problem(answer, 403, "forbidden").await?;
        assert!(detail.contains("Host is push.example, "), "{detail}");
        assert!(detail.contains("nginx: proxy_set_header Host $http_host"), "{detail}");
        assert_eq!(published(server.address()).await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn it_reads_nothing_either() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--allowed-hosts", "push.example"]).await?;
        for origin in FOREIGN {
            for request in READS {
                let line = format!("Origin: {origin}");
                let answer = send(server.address(), request, &[HOST, &line]).await?;
                let what = format!("{origin}: {request}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{what}");
                assert!(varies_by_origin(&answer), "{what}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_servers_own_pages_and_those_of_this_machine_may() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--allowed-hosts", "push.example"]).await?;
        for origin in [
            "http://push.example",
            "https://push.example",
            "http://localhost:5173",
            "http://127.0.0.1:3000",
            "http://[::1]",
            "file://",
        ] {
            let line = format!("Origin: {origin}");
            for request in ACTS {
                let status = send(server.address(), request, &[HOST, &line]).await?.status;
                assert!(matches!(status, 101 | 200), "{origin}: {status} for {request}");
            }
        }
        assert_eq!(published(server.address()).await?, 12);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_program_names_no_origin_and_may() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for request in ACTS.into_iter().chain(READS) {
            let answer = send(server.address(), request, &["Host: localhost"]).await?;
            assert!(matches!(answer.status, 101 | 200 | 404), "{} for {request}", answer.status);
            assert_eq!(answer.header("access-control-allow-origin"), None, "{request}");
            // A cache would give the answer to a page, which needs another one.
            assert!(varies_by_origin(&answer), "{request}");
        }
        Ok(())
    })
    .await
}
