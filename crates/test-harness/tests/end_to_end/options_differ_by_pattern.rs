//! The tables of the file at work: each channel has the options of its most specific pattern.

use crate::common::{check_problem, publish_numbers, within};
use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs;
use tidewire_test_harness::{
    peers::{
        http::{get, post},
        websocket::{Frame, Socket},
    },
    server::Server,
};

/// A server whose file is `file`.
async fn serve(file: &str) -> Result<Server> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tidewire.toml");
    fs::write(&path, file)?;
    // Read at the start, and never again.
    Server::start(&["--config", path.to_str().context("the folder is not UTF-8")?]).await
}

#[tokio::test]
async fn retention() -> Result<()> {
    within(30, async {
        let file = "retention_messages = 7\n[channels.\"chat.>\"]\nretention_messages = 5\n\
            [channels.\"chat.room1\"]\nretention_messages = 3";
        let server = serve(file).await?;
        for (channel, kept) in [("chat.room1", 3), ("chat.room2", 5), ("news", 7)] {
            publish_numbers(server.address(), channel, 0..20).await?;
            let path = format!("/channels/{channel}/messages");
            let page = get(server.address(), &path, &[]).await?.json().await?;
            let messages = page["messages"].as_array().context("no messages")?;
            assert_eq!(messages.len(), kept, "{channel}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_size_of_a_message_at_its_head() -> Result<()> {
    within(30, async {
        let file = "message_bytes_max = 100\n[channels.\"files.*\"]\nmessage_bytes_max = 1000";
        let server = serve(file).await?;
        let address = server.address();
        for (channel, bytes_max) in [("chat", 100), ("files.a", 1000)] {
            let path = format!("/publish/{channel}");
            post(address, &path, &[], &vec![b'x'; bytes_max]).await?.json().await?;
            let answer = post(address, &path, &[], &vec![b'x'; bytes_max + 1]).await?;
            let detail = check_problem(answer, 413, "payload_too_large").await?;
            assert!(detail.contains(&bytes_max.to_string()), "{detail}");

            let mut raw = Socket::open(address, &format!("/ws?channel={channel}")).await?;
            raw.send(Frame::binary(vec![b'x'; bytes_max])).await?;
            assert_eq!(raw.frame().await?, Some(Frame::binary(vec![b'x'; bytes_max])));
            raw.send(Frame::binary(vec![b'x'; bytes_max + 1])).await?;
            assert_eq!(raw.close_code().await?, 1009, "{channel}");

            let (mut socket, _) = Socket::speak(address).await?;
            let data = "x".repeat(bytes_max + 1);
            let publish = json!({"type": "publish", "id": 1, "channel": channel, "data": data});
            socket.send(Frame::text(publish.to_string())).await?;
            let answer = socket.json().await?.context("it closed")?;
            assert_eq!(answer["code"], "payload_too_large", "{answer}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_may_publish() -> Result<()> {
    within(30, async {
        let server = serve(
            "[channels.news]\npublishers = \"http\"\n[channels.old]\npublishers = \"nobody\"",
        )
        .await?;
        let address = server.address();
        post(address, "/publish/news", &[], b"over HTTP").await?.json().await?;
        let answer = post(address, "/publish/old", &[], b"over HTTP").await?;
        let detail = check_problem(answer, 403, "forbidden").await?;
        assert!(detail.contains("no messages from anybody"), "{detail}");

        let (mut socket, _) = Socket::speak(address).await?;
        for (channel, expected) in [("news", "publish over HTTP"), ("old", "from anybody")] {
            let publish = json!({"type": "publish", "id": 1, "channel": channel, "data": 1});
            socket.send(Frame::text(publish.to_string())).await?;
            let answer = socket.json().await?.context("it closed")?;
            assert_eq!(answer["code"], "forbidden", "{answer}");
            assert!(
                answer["message"].as_str().context("no message")?.contains(expected),
                "{answer}"
            );
            refuses_raw(&server, channel, expected).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_has_no_key_is_not_for_a_compacted_channel() -> Result<()> {
    within(30, async {
        let server = serve("[channels.state]\ncompact = true").await?;
        let answer = post(server.address(), "/publish/state", &[], b"no key").await?;
        let detail = check_problem(answer, 400, "bad_request").await?;
        assert!(detail.contains("needs a key"), "{detail}");
        post(server.address(), "/publish/state?key=a", &[], b"on").await?.json().await?;
        refuses_raw(&server, "state", "needs a key").await
    })
    .await
}

/// A raw client gets the reason in the close frame, because any other frame would look like a message.
async fn refuses_raw(server: &Server, channel: &str, expected: &str) -> Result<()> {
    let mut raw = Socket::open(server.address(), &format!("/ws?channel={channel}")).await?;
    raw.send(Frame::text("hello")).await?;
    let Some(Frame::Close(Some(close))) = raw.frame().await? else {
        anyhow::bail!("it is no close");
    };
    assert_eq!(u16::from(close.code), 1008, "{close}");
    assert!(close.reason.contains(expected), "{close}");
    Ok(())
}
