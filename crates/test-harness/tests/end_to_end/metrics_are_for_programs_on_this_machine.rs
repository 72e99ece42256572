//! Who gets the metrics, and in which format.

use crate::common::{check_problem, within};
use anyhow::{Result, ensure};
use tidewire_test_harness::{peers::http::get, server::Server};

#[tokio::test]
async fn a_proxy_and_a_foreign_page_get_none_unless_they_are_open() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        ensure!(get(server.address(), "/metrics", &[]).await?.status == 200);
        for header in [("X-Forwarded-For", "10.0.0.5"), ("Origin", "https://evil.example")] {
            let answer = get(server.address(), "/metrics", &[header]).await?;
            check_problem(answer, 403, "forbidden").await?;
        }
        let open = Server::start(&["--metrics", "open"]).await?;
        let forwarded = [("X-Forwarded-For", "10.0.0.5")];
        ensure!(get(open.address(), "/metrics", &forwarded).await?.status == 200);
        let closed = Server::start(&["--metrics", "off"]).await?;
        let answer = get(closed.address(), "/metrics", &[]).await?;
        let detail = check_problem(answer, 403, "forbidden").await?;
        ensure!(detail.contains("switched off"), "{detail}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_format_is_the_one_that_the_client_asks_for() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for (accept, content_type, last_line) in [
            (
                "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                true,
            ),
            ("*/*", "text/plain; version=0.0.4; charset=utf-8", false),
        ] {
            let answer = get(server.address(), "/metrics", &[("Accept", accept)]).await?;
            ensure!(answer.header("content-type") == Some(content_type), "{:?}", answer.headers);
            ensure!(answer.header("cache-control") == Some("no-store"), "{:?}", answer.headers);
            let text = answer.text().await?;
            ensure!(text.ends_with("# EOF\n") == last_line, "{accept}");
            ensure!(text.contains("\ntidewire_subscriptions 0\n"), "{text}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_version_says_which_build_this_is() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let version = get(server.address(), "/version", &[]).await?.json().await?;
        ensure!(version["name"] == "tidewire", "{version}");
        ensure!(version["version"].as_str().is_some_and(|it| it.contains('.')), "{version}");
        ensure!(version["features"].as_array().is_some_and(|it| !it.is_empty()), "{version}");
        ensure!(version.as_object().is_some_and(|it| it.contains_key("revision")), "{version}");
        Ok(())
    })
    .await
}
