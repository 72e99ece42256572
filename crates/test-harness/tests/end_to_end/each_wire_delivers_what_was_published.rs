//! Each wire alone: channels and patterns, and nothing of what was not asked for.

use crate::common::within;
use anyhow::Result;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
};

#[tokio::test]
async fn each_wire_delivers_what_was_published_to_its_channels() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        for wire in Wire::ALL {
            let channels = ["news", "chat.*", "iot.>"];
            let mut subscriber = Subscriber::open(wire, address, &channels, None).await?;
            let mut published = Vec::new();
            for (channel, is_asked_for) in [
                ("news", true),
                ("old", false),
                ("chat.room1", true),
                ("chat.room1.typing", false),
                ("iot.house.door", true),
                ("iot", false),
                ("news", true),
            ] {
                let position = publish(address, channel, channel).await?;
                if is_asked_for {
                    published.push((position, channel.to_owned()));
                }
            }
            let received = subscriber.messages(published.len()).await?;
            for message in &received {
                let channel = message.channel.as_deref().unwrap_or(&message.data);
                assert_eq!(channel, message.data, "{wire:?}");
            }
            let received: Vec<_> =
                received.into_iter().map(|one| (one.position, one.data)).collect();
            assert_eq!(received, published, "{wire:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_names_no_channel_is_in_the_lobby() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for wire in [Wire::Sse, Wire::Stream, Wire::Poll] {
            let mut subscriber = Subscriber::open(wire, server.address(), &[], None).await?;
            publish(server.address(), "lobby", "hello").await?;
            assert_eq!(subscriber.message().await?.data, "hello", "{wire:?}");
        }
        Ok(())
    })
    .await
}
