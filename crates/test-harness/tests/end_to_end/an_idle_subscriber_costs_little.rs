//! What an idle subscriber costs the real server in total: socket, task, cursor and what is left of its request.
//! `cargo xtask bench idle` prints the figures.

use crate::common::within;
use anyhow::{Result, ensure};
use tidewire_test_harness::load::{Wire, idle_bytes, idle_bytes_over_tls, raise_descriptor_limit};

#[tokio::test]
async fn an_idle_subscriber_costs_little() -> Result<()> {
    within(180, async {
        raise_descriptor_limit()?;
        for (name, wire) in
            [("websocket", Wire::Ws), ("tidewire.v1", Wire::Tidewire), ("sse", Wire::Sse)]
        {
            let (idle, delivered) = idle_bytes(CONNECTIONS, wire).await?;
            let most = idle.max(delivered);
            ensure!(most <= BYTES_MAX, "{name}: {idle} B, {delivered} B after a delivery");
            // Or nothing was measured.
            ensure!(idle > 200, "{name}: {idle} B");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn over_tls_it_costs_its_session_and_no_buffer() -> Result<()> {
    within(180, async {
        raise_descriptor_limit()?;
        let (idle, delivered) = idle_bytes_over_tls(CONNECTIONS, Wire::Sse).await?;
        let most = idle.max(delivered);
        ensure!(most <= TLS_BYTES_MAX, "{idle} B, {delivered} B after a delivery");
        ensure!(idle > BYTES_MAX, "{idle} B: without a session");
        Ok(())
    })
    .await
}

/// Enough that pages and what is rounded up do not matter.
const CONNECTIONS: u64 = 2_000;

/// What the dearest wire takes, and half as much again; 2 KiB more would be more than twice.
const BYTES_MAX: u64 = 2_048;

/// The same with the keys of a session, and half as much again; a read of 4 KiB that is kept would be more.
const TLS_BYTES_MAX: u64 = 7_168;
