//! `lastEventId` and `Last-Event-ID` as parameters, on every transport: the header overrides them, they override
//! `since`.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::{
        http::{get, publish},
        websocket::{Frame, Socket},
    },
    server::Server,
};

#[tokio::test]
async fn a_last_event_id_in_the_query_resumes_on_every_wire() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish(address, "a", "first").await?;
        let position = publish(address, "a", "second").await?;
        publish(address, "a", "third").await?;

        for name in ["lastEventId", "Last-Event-ID"] {
            let query = format!("channel=a&since=now&{name}={position}");
            for path in ["/events", "/stream", "/poll"] {
                let received = receive(address, &format!("{path}?{query}"), &[], "third").await?;
                ensure!(!received.contains("second"), "{path}: {received}");
            }
            for path in ["/ws", "/"] {
                let mut socket = Socket::open(address, &format!("{path}?{query}")).await?;
                ensure!(socket.frame().await? == Some(Frame::text("third")), "{path}?{query}");
            }
            // A browser's header is newer than the URL that a page gave it.
            let header = [("Last-Event-ID", position.as_str())];
            let path = format!("/events?channel=a&{name}=elsewhere");
            let received = receive(address, &path, &header, "third").await?;
            ensure!(!received.contains("$gap"), "{received}");
        }
        Ok(())
    })
    .await
}

/// What a response says until it has said `last`.
async fn receive(
    address: std::net::SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    last: &str,
) -> Result<String> {
    let mut answer = get(address, path, headers).await?;
    let mut received = String::new();
    while !received.contains(last) {
        let piece = answer.body.next().await?;
        let piece = piece.with_context(|| format!("{path} ended after {received:?}"))?;
        received += &String::from_utf8(piece)?;
    }
    Ok(received)
}
