//! 1,000 `channel=` parameters: more than a connection may follow, on every wire.

use crate::common::{check_problem, publish_numbers, within};
use anyhow::{Context as _, Result};
use serde_json::json;
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::get,
        websocket::{Frame, Socket},
    },
    server::Server,
};

#[tokio::test]
async fn a_thousand_channels_are_refused() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let query: Vec<String> = (0..1_000).map(|number| format!("channel=c{number}")).collect();
        for wire in ["events", "stream", "poll"] {
            let path = format!("/{wire}?{}", query.join("&"));
            let answer = get(server.address(), &path, &[]).await?;
            let detail = check_problem(answer, 400, "too_many_subscriptions").await?;
            assert!(detail.contains("256"), "{detail}");
        }

        let (mut socket, _) = Socket::speak(server.address()).await?;
        let mut refused = 0;
        for id in 0..1_000 {
            let request = json!({"type": "subscribe", "id": id, "channel": format!("c{id}")});
            socket.send(Frame::text(request.to_string())).await?;
            let answer = socket.json().await?.context("it closed")?;
            if answer["type"] == "error" {
                assert_eq!(answer["code"], "too_many_subscriptions");
                refused += 1;
            }
        }
        assert_eq!(refused, 1_000 - 256);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn as_many_as_are_allowed_are_all_followed() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let channels: Vec<String> = (0..256).map(|number| format!("c{number}")).collect();
        let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
        for wire in Wire::ALL {
            let mut one = Subscriber::open(wire, server.address(), &channels, None).await?;
            publish_numbers(server.address(), "c255", 0..1).await?;
            publish_numbers(server.address(), "c0", 1..2).await?;
            crate::common::check_numbers(&one.messages(2).await?, 0..2)?;
        }
        Ok(())
    })
    .await
}
