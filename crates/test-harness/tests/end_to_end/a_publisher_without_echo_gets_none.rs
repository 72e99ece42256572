//! `echo: false`: a publish comes back to everybody but the connection that made it.

use crate::common::within;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        websocket::{Frame, Socket},
    },
    server::Server,
};

async fn ask(socket: &mut Socket, request: &Value) -> Result<Value> {
    socket.send(Frame::text(request.to_string())).await?;
    socket.json().await?.context("it closed")
}

#[tokio::test]
async fn a_publisher_without_echo_gets_none() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let mut other = Subscriber::open(Wire::WebSocket, address, &["a"], None).await?;
        let (mut socket, _) = Socket::speak(address).await?;
        let subscribe = json!({"type": "subscribe", "id": 1, "channel": "a"});
        assert_eq!(ask(&mut socket, &subscribe).await?["type"], "subscribed");

        for (id, data, echo) in [(2, "silent", false), (3, "received", true)] {
            let publish = json!({
                "type": "publish", "id": id, "channel": "a", "data": data, "echo": echo,
            });
            let answer = ask(&mut socket, &publish).await?;
            assert_eq!((&answer["type"], &answer["id"]), (&json!("published"), &json!(id)));
        }
        // The first thing that comes back is the second message.
        let message = socket.json().await?.context("it closed")?;
        assert_eq!((&message["type"], &message["data"]), (&json!("message"), &json!("received")));
        assert_eq!(other.message().await?.data, "silent");
        assert_eq!(other.message().await?.data, "received");

        // `echo` concerns the publishing connection only: a later one receives both.
        let (mut later, _) = Socket::speak(address).await?;
        let since = json!({"type": "subscribe", "id": 1, "channel": "a", "since": "earliest"});
        assert_eq!(ask(&mut later, &since).await?["type"], "subscribed");
        assert_eq!(later.json().await?.context("it closed")?["data"], "silent");
        Ok(())
    })
    .await
}
