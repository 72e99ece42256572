//! `drain`: so long, and not much longer, is waited for a client that does not take its goodbye.

use crate::{common::within, stuck_reader::stuck_reader};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::server::Server;

#[tokio::test]
async fn a_drain_lasts_as_long_as_it_is_set_to() -> Result<()> {
    within(60, async {
        let mut server = Server::start(&["--drain", "1s"]).await?;
        let _reader = stuck_reader(server.address()).await?;
        let start = Instant::now();
        // Fails if it takes longer than a busy machine explains.
        ensure!(server.terminate().await?.success());
        ensure!(start.elapsed() >= Duration::from_secs(1), "cut off after {:?}", start.elapsed());
        let said = server.output().text();
        ensure!(said.contains("cut off at the end of the drain time"), "{said}");
        Ok(())
    })
    .await
}
