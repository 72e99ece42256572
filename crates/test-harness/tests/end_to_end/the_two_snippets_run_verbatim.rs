//! The two snippets everybody starts from, letter by letter, in pages with no other script.
//!
//! The second names port 8080. If that is taken, the browser maps `localhost:8080` to the port that the server has;
//! the page's text is the same.

use crate::{browser::Page, common::within};
use anyhow::Result;
use serde_json::json;
use tidewire_test_harness::{peers::http::publish, server::Server};

const EVENT_SOURCE: &str = r#"
const eventSource = new EventSource('/events');
eventSource.onmessage = (event) => { console.log("New message:", event.data); };
"#;

const WEB_SOCKET: &str = r#"
const socket = new WebSocket('ws://localhost:8080');
socket.onmessage = (event) => { console.log("Message from server", event.data); };
"#;

/// Of the second snippet; to be run once it is open.
const SEND: &str = r#"socket.send("Hello from client!");"#;

async fn server_at_8080() -> Result<(Server, String)> {
    let server = match Server::start_at(([127, 0, 0, 1], 8080).into(), &[]).await {
        Ok(server) => server,
        Err(_) => Server::start(&[]).await?,
    };
    let rule = format!("--host-resolver-rules=MAP localhost:8080 {}", server.address());
    Ok((server, rule))
}

#[tokio::test]
async fn the_two_snippets_run_verbatim() -> Result<()> {
    within(90, async {
        let (server, rule) = server_at_8080().await?;
        let mut page = Page::start(&[&rule]).await?;

        let html = format!("<!doctype html><title>a</title><script>{EVENT_SOURCE}</script>");
        page.show("http://localhost:8080/health/live", &html).await?;
        let is_open = "eventSource.readyState === EventSource.OPEN";
        page.until(is_open).await?;
        publish(server.address(), "lobby", "hello").await?;
        assert_eq!(page.console_line().await?, "New message: hello");

        let html = format!("<!doctype html><title>b</title><script>{WEB_SOCKET}</script>");
        page.show("http://localhost:8080/health/live", &html).await?;
        let is_open = "socket.readyState === WebSocket.OPEN";
        page.until(is_open).await?;
        page.call("evaluate", json!([SEND])).await?;
        assert_eq!(page.console_line().await?, "Message from server Hello from client!");
        publish(server.address(), "lobby", "and hello from elsewhere").await?;
        assert_eq!(page.console_line().await?, "Message from server and hello from elsewhere");
        assert_eq!(page.failures, Vec::<String>::new());
        Ok(())
    })
    .await
}
