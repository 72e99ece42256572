//! `OPTIONS`, as balancers probe with it: no content, and the methods of the path.

use crate::common::{check_problem, within};
use anyhow::{Result, ensure};
use tidewire_test_harness::{peers::http::exchange, server::Server};

#[tokio::test]
async fn options_lists_what_a_path_allows() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let options = |path: &str| {
            let request = format!("OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            let address = server.address();
            async move { exchange(address, request.as_bytes()).await }
        };
        for (path, allowed) in [
            ("/", "GET, HEAD, OPTIONS"),
            ("/health/live", "GET, HEAD, OPTIONS"),
            ("/events", "GET, HEAD, POST, QUERY, OPTIONS"),
            ("/ws", "GET, HEAD, OPTIONS"),
            ("/assets/tidewire.js", "GET, HEAD, OPTIONS"),
            ("/publish", "POST, OPTIONS"),
            ("/publish/a", "POST, OPTIONS"),
            ("*", "GET, HEAD, POST, QUERY, OPTIONS"),
        ] {
            let answer = options(path).await?;
            ensure!(answer.status == 204, "{path}: {}", answer.status);
            ensure!(answer.header("allow") == Some(allowed), "{path}: {:?}", answer.headers);
        }
        check_problem(options("/nothing").await?, 404, "not_found").await?;
        Ok(())
    })
    .await
}
