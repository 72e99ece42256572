//! Backpressure through TLS: what a client does not take stays in the log, and comes once it reads again.

use crate::common::within;
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{post, publish},
    },
    tls::{Certificates, Tunnel},
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Far more than the buffers of two kernels hold.
const MESSAGES: usize = 64;

/// A message that begins with its number.
fn large(number: usize) -> String {
    format!("{number} {}", "x".repeat(500_000))
}

#[tokio::test]
async fn a_tls_client_that_stops_reading_gets_everything_later() -> Result<()> {
    within(120, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&["--workers", "1", "--retention-bytes", "128MiB"]).await?;
        let tunnel = Tunnel::start(server.address(), certificates.client()?).await?;
        let mut slow = certificates.client()?.connect(server.address()).await?;
        // Bytes as they are, without chunks between them.
        slow.write_all(b"GET /stream?channel=a&format=raw HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .await?;
        let mut slow = BufReader::new(slow);
        let mut line = String::new();
        slow.read_line(&mut line).await?;
        ensure!(line.starts_with("HTTP/1.0 200"), "{line}");
        while !line.starts_with("\r\n") {
            line.clear();
            ensure!(slow.read_line(&mut line).await? > 0, "no answer");
        }
        for number in 0..MESSAGES {
            let answer =
                post(tunnel.address(), "/publish/a", &[], large(number).as_bytes()).await?;
            ensure!(answer.status == 200, "answered with {}", answer.status);
        }
        let mut other = Subscriber::open(Wire::Sse, tunnel.address(), &["b"], None).await?;
        publish(tunnel.address(), "b", "meanwhile").await?;
        ensure!(other.message().await?.data == "meanwhile");
        for number in 0..MESSAGES {
            line.clear();
            while line.len() < 500_000 {
                // Empty lines are heartbeats.
                line.clear();
                ensure!(slow.read_line(&mut line).await? > 0, "it ended before {number}");
            }
            ensure!(line.trim_end() == large(number), "instead of {number}: {:.40}", line);
        }
        Ok(())
    })
    .await
}
