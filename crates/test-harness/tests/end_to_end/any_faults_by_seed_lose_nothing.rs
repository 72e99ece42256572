//! Delays, trickles, stalls, cuts and half-open connections, drawn by seed, on all wires at once.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Follower, Wire},
    proxy::Proxy,
    server::Server,
};

const MESSAGES: usize = 10_000;
const SEEDS: [u64; 2] = [1, 2];

#[tokio::test]
async fn any_faults_by_seed_lose_nothing() -> Result<()> {
    within(90, async {
        for seed in SEEDS {
            let server = Server::start(&["--heartbeat", "300ms"]).await?;
            let address = server.address();
            let proxy = &Proxy::start_seeded(address, seed).await?;
            let receiving = Wire::ALL.map(|first| async move {
                let turns = Wire::ALL.into_iter().cycle().skip_while(move |wire| *wire != first);
                let mut follower = Follower::new(proxy.address(), &["a"], first, "earliest")
                    .over(turns.take(Wire::ALL.len()))
                    .silence_max(Duration::from_secs(2));
                let messages = follower.messages(MESSAGES).await?;
                check_numbers(&messages, 0..MESSAGES)
                    .with_context(|| format!("seed {seed}, {first:?} first"))
            });
            futures_util::try_join!(
                publish_numbers(address, "a", 0..MESSAGES),
                try_join_all(receiving),
            )?;
            assert!(proxy.accepted() > 8, "seed {seed} broke nothing");
        }
        Ok(())
    })
    .await
}
