//! A publish sent again under its id: the first one's position, and nothing twice; on every way in.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tidewire_test_harness::{
    peers::{
        http::{Answer, get, post},
        websocket::{Frame, Socket},
    },
    server::{Server, command},
};

async fn publish(address: SocketAddr, key: &str, body: &str) -> Result<Answer> {
    post(address, "/publish/a", &[("Idempotency-Key", key)], body.as_bytes()).await
}

/// What is kept of a channel.
async fn kept(address: SocketAddr, channel: &str) -> Result<Vec<Value>> {
    let page = get(address, &format!("/channels/{channel}/messages"), &[]).await?.json().await?;
    Ok(page["messages"].as_array().context("no messages")?.clone())
}

#[tokio::test]
async fn over_http() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let first = publish(address, "order-17", "paid").await?.json().await?;
        let other = publish(address, "order-18", "paid").await?.json().await?;
        assert_ne!(first, other);
        // The header may be quoted, as its draft has it, or a parameter.
        assert_eq!(publish(address, "order-17", "paid").await?.json().await?, first);
        assert_eq!(publish(address, "\"order-17\"", "paid").await?.json().await?, first);
        let path = "/publish/a?idempotency_key=order-17";
        assert_eq!(post(address, path, &[], b"paid").await?.json().await?, first);
        assert_eq!(kept(address, "a").await?.len(), 2);

        let conflict = publish(address, "order-17", "cancelled").await?;
        check_problem(conflict, 409, "conflict").await?;
        let elsewhere = post(address, "/publish/b?idempotency_key=order-17", &[], b"new").await?;
        assert_ne!(elsewhere.json().await?, first);

        for (key, expected) in
            [("\"order", "quoted"), (&"x".repeat(256), "Idempotency-Key has 256")]
        {
            let detail = check_problem(publish(address, key, "x").await?, 400, "bad_request").await;
            assert!(detail?.contains(expected), "{key}");
        }
        assert_eq!(kept(address, "a").await?.len(), 2);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn over_a_websocket_and_in_a_batch() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let first = publish(address, "order-17", "paid").await?.json().await?;
        let message = |data: &str| json!({"channel": "a", "data": data, "message_id": "order-17"});

        let (mut socket, _) = Socket::speak(address).await?;
        let mut answers = Vec::new();
        for (id, data) in ["paid", "cancelled"].iter().enumerate() {
            let mut publish = message(data);
            (publish["type"], publish["id"]) = ("publish".into(), id.into());
            socket.send(Frame::text(publish.to_string())).await?;
            answers.push(socket.json().await?.context("it closed")?);
        }
        assert_eq!(answers[0]["position"], first["position"], "{answers:?}");
        assert_eq!(answers[1]["code"], "conflict", "{answers:?}");

        let batch = json!({"messages": [message("paid"), message("cancelled"), message("paid")]});
        let answer = post(address, "/publish", &[], batch.to_string().as_bytes()).await?;
        let answer = answer.json().await?;
        assert_eq!(answer["results"][0], first, "{answer}");
        assert_eq!(answer["results"][1]["error"]["code"], "conflict", "{answer}");
        assert_eq!(answer["results"][2], first, "{answer}");
        assert_eq!(kept(address, "a").await?.len(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_of_one_message_is_refused_beside_a_batch() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let batch = br#"{"messages":[{"channel":"a","data":"paid"}]}"#;
        for (path, headers, expected) in [
            ("/publish", &[("Idempotency-Key", "order-17")][..], "\"message_id\""),
            ("/publish", &[("Key", "k")], "\"key\""),
            ("/publish", &[("Event", "e")], "\"event\""),
            ("/publish?idempotency_key=order-17", &[], "\"message_id\""),
            ("/publish?key=k", &[], "\"key\""),
            ("/publish?event=e", &[], "\"event\""),
        ] {
            let answer = post(address, path, headers, batch).await?;
            let detail = check_problem(answer, 400, "bad_request").await?;
            assert!(detail.contains(expected), "{path}: {detail}");
        }
        assert!(kept(address, "a").await?.is_empty());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn by_the_command() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let url = format!("http://{}", server.address());
        let mut printed = Vec::new();
        for _ in 0..2 {
            let mut command = command()?;
            command.args(["publish", "a", "paid", "--id", "order-17", "--url", &url]);
            printed.push(command.output().await?.stdout);
        }
        assert!(!printed[0].is_empty());
        assert_eq!(printed[0], printed[1]);
        assert_eq!(kept(server.address(), "a").await?.len(), 1);
        Ok(())
    })
    .await
}
