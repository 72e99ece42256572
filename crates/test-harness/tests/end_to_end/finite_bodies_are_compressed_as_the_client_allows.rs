//! `gzip` and `zstd`: for finite bodies of some length, if the client allows it, and never for streams.

use crate::common::within;
use anyhow::{Result, ensure};
use std::io::Read as _;
use tidewire_test_harness::{
    peers::http::{get, publish_all},
    server::Server,
};

fn decoded(coding: &str, bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text)?,
        _ => zstd::stream::read::Decoder::new(bytes)?.read_to_string(&mut text)?,
    };
    Ok(text)
}

#[tokio::test]
async fn finite_bodies_are_compressed_as_the_client_allows() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let numbers = (0..200).map(|number| ("a", format!("message {number}")));
        publish_all(server.address(), numbers).await?;
        for path in [
            "/channels/a/messages?limit=200",
            "/poll?channel=a&since=earliest&wait=0",
            "/assets/client/link.js",
            "/",
        ] {
            let plain = get(server.address(), path, &[]).await?;
            ensure!(plain.header("content-encoding").is_none(), "{path}");
            let vary = plain
                .headers
                .iter()
                .any(|(name, value)| name == "vary" && value == "Accept-Encoding");
            ensure!(vary, "{path}: {:?}", plain.headers);
            let plain = plain.text().await?;
            for coding in ["gzip", "zstd"] {
                let mut answer =
                    get(server.address(), path, &[("Accept-Encoding", coding)]).await?;
                ensure!(
                    answer.header("content-encoding") == Some(coding),
                    "{path}: {:?}",
                    answer.headers
                );
                let mut bytes = Vec::new();
                while let Some(piece) = answer.body.next().await? {
                    bytes.extend(piece);
                }
                ensure!(bytes.len() < plain.len() / 2, "{path}: {} bytes", bytes.len());
                ensure!(decoded(coding, &bytes)? == plain, "{path}");
            }
        }
        // It would become shorter, but travels in one packet anyway.
        publish_all(server.address(), [("short", "x".repeat(800))]).await?;
        for path in ["/health/live", "/channels/short/messages", "/events", "/stream"] {
            let answer = get(server.address(), path, &[("Accept-Encoding", "gzip, zstd")]).await?;
            ensure!(answer.header("content-encoding").is_none(), "{path}: {:?}", answer.headers);
        }
        Ok(())
    })
    .await
}
