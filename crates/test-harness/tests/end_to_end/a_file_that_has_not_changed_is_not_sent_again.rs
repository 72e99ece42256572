//! Files of the console: a browser that has one is answered that it has not changed, without a body.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::collections::HashSet;
use tidewire_test_harness::{peers::http::get, server::Server};

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut tags = HashSet::new();
        for path in ["/", "/assets/client/link.js", "/assets/style.css", "/favicon.ico"] {
            for coding in ["identity", "gzip", "zstd"] {
                let accept = ("Accept-Encoding", coding);
                let first = get(server.address(), path, &[accept]).await?;
                ensure!(first.status == 200, "{path}: {}", first.status);
                let tag = first.header("etag").context("no ETag")?.to_owned();
                ensure!(
                    tags.insert((path, tag.clone())),
                    "{path}: {coding} has the tag of another"
                );
                for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
                    let header = ("If-None-Match", known.as_str());
                    let again = get(server.address(), path, &[accept, header]).await?;
                    ensure!(again.status == 304, "{path}, {known}: {}", again.status);
                    ensure!(again.header("etag") == Some(&tag), "{path}: {:?}", again.headers);
                    ensure!(again.header("cache-control") == Some("no-cache"), "{path}");
                }
                let other = ("If-None-Match", "\"x\"");
                let again = get(server.address(), path, &[accept, other]).await?;
                ensure!(again.status == 200, "{path}: {}", again.status);
            }
        }
        Ok(())
    })
    .await
}
