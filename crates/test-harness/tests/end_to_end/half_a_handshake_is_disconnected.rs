//! Handshakes that break off, or lack what a handshake needs.

use crate::common::{check_problem, let_go_of, sockets, within};
use anyhow::{Context as _, Result};
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::exchange, http::publish},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

const LINES: [&str; 6] = [
    "GET /ws HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[tokio::test]
async fn an_error_for_a_handshake_names_the_missing_line() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let whole = LINES.join("\r\n") + "\r\n\r\n";
        assert_eq!(exchange(server.address(), whole.as_bytes()).await?.status, 101);
        for missing in 2..LINES.len() {
            let mut lines = LINES.to_vec();
            let line = lines.remove(missing);
            let request = lines.join("\r\n") + "\r\n\r\n";
            let answer = exchange(server.address(), request.as_bytes()).await?;
            let name = line.split(':').next().context("no name")?;
            let (status, code) = match name {
                "Upgrade" | "Connection" => (426, "upgrade_required"),
                _ => (400, "bad_request"),
            };
            let detail = check_problem(answer, status, code).await.context(line)?;
            assert!(detail.contains(name), "without {name}: {detail}");
        }
        let mut lines = LINES.to_vec();
        lines[5] = "Sec-WebSocket-Key: abc";
        let request = lines.join("\r\n") + "\r\n\r\n";
        let answer = exchange(server.address(), request.as_bytes()).await?;
        check_problem(answer, 400, "bad_request").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn handshakes_broken_off_anywhere_leave_nothing_behind() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--workers", "1"]).await?;
        // Once it serves, a server opens no sockets but its clients'.
        let mut other = Subscriber::open(Wire::WebSocket, server.address(), &["a"], None).await?;
        let before = sockets(&server)?;
        publish(server.address(), "a", "before").await?;
        assert_eq!(other.message().await?.data, "before");
        // The publisher's socket is not to be counted among them.
        let_go_of(&server, before, AT_ONCE).await?;
        let whole = LINES.join("\r\n") + "\r\n\r\n";
        let mut streams = Vec::new();
        for end in 0..=whole.len() {
            let mut stream = TcpStream::connect(server.address()).await?;
            stream.write_all(&whole.as_bytes()[..end]).await?;
            streams.push(stream);
        }
        // They are held as long as they may continue; otherwise there would be nothing to disconnect.
        while sockets(&server)? < before + streams.len() {
            sleep(Duration::from_millis(5)).await;
        }
        let halves = streams.split_off(streams.len() / 2);
        drop(streams);
        let_go_of(&server, before + halves.len(), AT_ONCE).await?;
        for half in halves {
            // Breaks off with a reset instead of an end.
            half.set_zero_linger()?;
        }
        let_go_of(&server, before, AT_ONCE).await?;
        publish(server.address(), "a", "fine").await?;
        assert_eq!(other.message().await?.data, "fine");
        Ok(())
    })
    .await
}

/// Long enough on a busy machine, and shorter than a server waits for the rest of a head (30 s).
const AT_ONCE: Duration = Duration::from_secs(20);
