//! Text of several lines, JSON, bytes, a tombstone; event name and key; on each wire.

use crate::common::within;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tidewire_test_harness::{
    peers::{
        http::{get, post},
        websocket::{Frame, Socket},
    },
    server::Server,
};

/// Publishes one message of each kind.
async fn publish_each(address: std::net::SocketAddr) -> Result<()> {
    let text = [("Content-Type", "text/plain"), ("Event", "said"), ("Key", "u7")];
    let json = [("Content-Type", "application/json")];
    let bytes = [("Content-Type", "application/octet-stream")];
    let tombstone = [("Key", "u7")];
    for (headers, body) in [
        (&text[..], "one\ntwo é".as_bytes()),
        (&json, b"{\"a\": [1, null]}"),
        (&bytes, b"\x00\xFF"),
        (&tombstone, b""),
    ] {
        post(address, "/publish/a", headers, body).await?.json().await?;
    }
    Ok(())
}

#[tokio::test]
async fn json_speaking_wires_say_the_same_object() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish_each(address).await?;
        let answer = get(address, "/poll?channel=a&since=earliest", &[]).await?.json().await?;
        let expected = [
            json!({"channel": "a", "event": "said", "key": "u7", "data": "one\ntwo é"}),
            json!({"channel": "a", "data": {"a": [1, null]}}),
            json!({"channel": "a", "data": "AP8=", "encoding": "base64"}),
            json!({"channel": "a", "key": "u7"}),
        ];
        let polled = answer["messages"].as_array().context("no messages")?;
        assert_eq!(polled.len(), expected.len(), "{answer}");
        for (message, expected) in polled.iter().zip(expected) {
            let mut fields = message.as_object().context("no object")?.clone();
            assert!(fields.remove("position").is_some_and(|position| position.is_string()));
            let time = fields.remove("time").and_then(|time| time.as_u64());
            assert!(time.is_some_and(|time| time > 1_700_000_000_000), "{message}");
            assert_eq!(Value::Object(fields), expected);
        }

        let history = get(address, "/channels/a/messages", &[]).await?.json().await?;
        assert_eq!(history["messages"], answer["messages"]);

        let (mut socket, _) = Socket::speak(address).await?;
        let subscribe = json!({"type": "subscribe", "id": 7, "channel": "a", "since": "earliest"});
        socket.send(Frame::text(subscribe.to_string())).await?;
        let subscribed = socket.json().await?.context("no answer")?;
        assert_eq!((&subscribed["type"], &subscribed["id"]), (&json!("subscribed"), &json!(7)));
        let mut body = get(address, "/stream?channel=a&since=earliest", &[]).await?.body;
        let mut lines = String::new();
        while lines.lines().count() < 1 + polled.len() {
            lines += &String::from_utf8(body.next().await?.context("it ended")?)?;
        }
        for (message, line) in polled.iter().zip(lines.lines().skip(1)) {
            assert_eq!(serde_json::from_str::<Value>(line)?, *message);
            let mut framed = socket.json().await?.context("no message")?;
            let fields = framed.as_object_mut().context("no object")?;
            assert_eq!(fields.remove("type"), Some("message".into()));
            assert_eq!(framed, *message);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_event_stream_carries_payloads_as_published() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish_each(address).await?;
        let mut body = get(address, "/events?channel=a&since=earliest", &[]).await?.body;
        let mut stream = String::new();
        while stream.matches("\n\n").count() < 4 {
            stream += &String::from_utf8(body.next().await?.context("it ended")?)?;
        }
        let blocks: Vec<Vec<&str>> = stream
            .split_terminator("\n\n")
            .map(|block| block.lines().filter(|line| !line.starts_with("id")).collect())
            .collect();
        assert!(blocks[0][0].starts_with("retry:"), "{stream}");
        let text = |line: &str| line.replacen(": ", ":", 1);
        let blocks: Vec<Vec<String>> =
            blocks.iter().map(|block| block.iter().map(|line| text(line)).collect()).collect();
        assert_eq!(blocks[1], ["event:said", "data:one", "data:two é"]);
        assert_eq!(blocks[2], [r#"data:{"a": [1, null]}"#]);
        assert_eq!(blocks[3], ["data:data:application/octet-stream;base64,AP8="]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_raw_websocket_carries_nothing_but_payloads() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        publish_each(server.address()).await?;
        let mut socket = Socket::open(server.address(), "/ws?channel=a&since=earliest").await?;
        for expected in [
            Frame::text("one\ntwo é"),
            Frame::text(r#"{"a": [1, null]}"#),
            Frame::binary(&b"\x00\xFF"[..]),
        ] {
            assert_eq!(socket.frame().await?, Some(expected));
        }
        Ok(())
    })
    .await
}
