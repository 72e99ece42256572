//! A raw WebSocket: frames in are published, and come back to it as to everybody.

use crate::common::within;
use anyhow::Result;
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        websocket::{Frame, Socket},
    },
    server::Server,
};

#[tokio::test]
async fn what_is_sent_at_the_root_is_received_in_the_lobby() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut others = Vec::new();
        for wire in Wire::ALL {
            others.push(Subscriber::open(wire, server.address(), &["lobby"], None).await?);
        }
        let mut socket = Socket::open(server.address(), "/").await?;
        socket.send(Frame::text("Hello from client!")).await?;
        assert_eq!(socket.frame().await?, Some(Frame::text("Hello from client!")));
        socket.send(Frame::binary(&b"\x00\xFF"[..])).await?;
        assert_eq!(socket.frame().await?, Some(Frame::binary(&b"\x00\xFF"[..])));
        for mut other in others {
            assert_eq!(other.message().await?.data, "Hello from client!");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_follows_several_channels_cannot_publish_raw() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut socket = Socket::open(server.address(), "/ws?channel=a&channel=b").await?;
        socket.send(Frame::text("where to?")).await?;
        assert_eq!(socket.close_code().await?, 1008);
        Ok(())
    })
    .await
}
