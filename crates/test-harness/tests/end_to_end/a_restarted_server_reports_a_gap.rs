//! The memory engine forgets at its end, and says so: its next life has another epoch.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Context as _, Result};
use tidewire_test_harness::{
    peers::{Follower, Received, Subscriber, Wire},
    server::Server,
};

#[tokio::test]
async fn a_restarted_server_reports_a_gap() -> Result<()> {
    within(60, async {
        for wire in Wire::ALL {
            let mut server = Server::start(&[]).await?;
            let address = server.address();
            let mut follower = Follower::new(address, &["a"], wire, "earliest");
            publish_numbers(address, "a", 0..10).await?;
            check_numbers(&follower.messages(10).await?, 0..10)?;
            server.kill().await?;
            let server = Server::start_at(address, &[]).await?;
            publish_numbers(address, "a", 10..20).await?;
            match follower.next().await? {
                Received::Gap(gap) => assert_eq!(gap.channel, "a", "{wire:?}"),
                Received::Message(message) => panic!("{wire:?}: {message:?} before a gap"),
            }
            check_numbers(&follower.messages(10).await?, 10..20)
                .with_context(|| format!("{wire:?}"))?;
            drop(server);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn positions_of_two_lives_differ() -> Result<()> {
    within(30, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address();
        let before = Subscriber::open(Wire::Poll, address, &["a"], None).await?;
        server.kill().await?;
        let _server = Server::start_at(address, &[]).await?;
        let after = Subscriber::open(Wire::Poll, address, &["a"], None).await?;
        assert_ne!(before.position(), after.position());
        Ok(())
    })
    .await
}
