//! Whatever stands in between and spoils a wire, the next one is tried at once.

use crate::scripted::{Answer, Server, first_line, header, texts};

const SSE: &str = "id: a-1\n\nid: a-2\ndata: {\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"hi\"}\n\n";

const UPGRADE_REQUIRED: &str = r#"{"type":"urn:tidewire:problem:upgrade_required","title":"Upgrade required","status":426,"detail":"this path is a WebSocket","code":"upgrade_required"}"#;

#[tokio::test]
async fn a_proxy_without_upgrades_leaves_sse() {
    for no_websocket in [
        Answer::new("404 Not Found", "text/html", "<h1>nginx</h1>"),
        Answer::new("426 Upgrade Required", "text/plain", ""),
        // A server of ours, behind a proxy that has removed the header `Upgrade`.
        Answer::new("426 Upgrade Required", "application/problem+json", UPGRADE_REQUIRED),
        Answer::new("501 Not Implemented", "text/plain", ""),
        Answer::new("200 OK", "text/html", "<h1>Welcome to the hotel</h1>"),
        Answer::websocket(0, Vec::new()),
        Answer::new(
            "101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket",
            "x/y",
            "",
        ),
    ] {
        let mut server = Server::start([no_websocket, Answer::sse(SSE).hold()]).await;
        let mut deliveries = server.subscribe(&["x"]).stream();
        assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
        assert_eq!(first_line(&server.received().await), "GET /ws?channel=x&since=now HTTP/1.1");
        assert!(server.received().await.starts_with("GET /events?channel=x&since=now"));
    }
}

#[tokio::test]
async fn the_wire_that_worked_is_kept() {
    let more =
        "id: a-3\ndata: {\"channel\":\"x\",\"position\":\"a-3\",\"time\":0,\"data\":\"there\"}\n\n";
    let mut server = Server::start([
        Answer::new("404 Not Found", "text/html", ""),
        Answer::sse(SSE),
        Answer::sse(more).hold(),
    ])
    .await;
    let mut deliveries = server.subscribe(&["x"]).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["hi", "there"]);
    server.received().await;
    server.received().await;
    assert_eq!(header(&server.received().await, "last-event-id"), Some("a-2"));
}
