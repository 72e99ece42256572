//! All wires at once, several of each, while publishers race each other.

use crate::common::within;
use anyhow::Result;
use futures_util::future::{try_join_all, try_join4};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{publish, publish_all},
    },
    server::Server,
};

const MESSAGES: usize = 4 * 500;

#[tokio::test]
async fn all_wires_at_once_see_the_same_positions_in_the_same_order() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let wires = Wire::ALL.iter().chain(&Wire::ALL);
        let opened = wires.map(|wire| Subscriber::open(*wire, address, &["a", "b"], None));
        let subscribers = try_join_all(opened).await?;

        let race = |name: &'static str| async move {
            for round in 0..10 {
                let text = |number| format!("{name} {round} {number}");
                publish_all(address, (0..49).map(|number| (name, text(number)))).await?;
                publish(address, name, &text(49)).await?;
            }
            anyhow::Ok(())
        };
        let publishing = try_join4(race("a"), race("b"), race("a"), race("b"));
        let receiving = try_join_all(subscribers.into_iter().map(|mut one| async move {
            let messages = one.messages(MESSAGES).await?;
            let received = messages.into_iter().map(|message| (message.position, message.data));
            anyhow::Ok(received.collect::<Vec<_>>())
        }));
        let (_, received) = futures_util::try_join!(publishing, receiving)?;

        for other in &received[1..] {
            assert!(received[0] == *other, "two readers disagree");
        }
        let offsets: Vec<u64> =
            received[0].iter().map(|(position, _)| offset(position)).collect::<Result<_>>()?;
        assert!(offsets.is_sorted_by(|before, after| before < after));
        Ok(())
    })
    .await
}

/// What comes after the epoch; clients need not know of it, a test may.
fn offset(position: &str) -> Result<u64> {
    let (_, offset) = position.rsplit_once('-').unwrap_or_default();
    Ok(offset.parse()?)
}
