//! The headers by which proxies know that an answer is not to be collected before it is passed on.

use crate::common::within;
use anyhow::{Result, ensure};
use tidewire_test_harness::{peers::http::get, server::Server};

#[tokio::test]
async fn streams_ask_proxies_to_pass_on_what_comes() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/events", "/stream", "/events?format=json", "/stream?format=raw"] {
            let answer = get(server.address(), path, &[("Accept-Encoding", "gzip, zstd")]).await?;
            for (name, value) in [
                ("x-accel-buffering", "no"),
                ("cache-control", "no-store, no-transform"),
                ("incremental", "?1"),
                ("x-content-type-options", "nosniff"),
            ] {
                ensure!(answer.header(name) == Some(value), "{path}: {:?}", answer.headers);
            }
            ensure!(answer.header("content-encoding").is_none(), "{path}: {:?}", answer.headers);
        }
        let finite = get(server.address(), "/poll?wait=0", &[]).await?;
        ensure!(finite.header("incremental").is_none(), "{:?}", finite.headers);
        ensure!(finite.header("cache-control") == Some("no-store"), "{:?}", finite.headers);
        Ok(())
    })
    .await
}
