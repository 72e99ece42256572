//! Readers that stop in the middle of a message which retention then removes: those that hold the most are
//! disconnected, and resume.

use crate::common::{let_go_of, sockets, within};
use anyhow::{Context as _, Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::{load::anonymous_bytes, peers::http::publish, server::Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::sleep,
};

#[tokio::test]
async fn readers_stuck_in_lost_messages_are_bounded_together() -> Result<()> {
    within(90, async {
        let arguments =
            ["--workers", "1", "--output-bytes-max", "16MiB", "--retention-messages", "1"];
        let server = Server::start(&arguments).await?;
        let (before, idle) = (anonymous_bytes(server.id()?)?, sockets(&server)?);
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(8 << 10)?;
            let mut reader = socket.connect(server.address()).await?;
            reader
                .write_all(b"GET /events?channel=big HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .await?;
            reader.read_u8().await.context("no head")?;
            publish(server.address(), "big", &"x".repeat(900_000)).await?;
            readers.push(reader);
        }
        // A message with its encoding is 1.8 MB, of which 16 MiB hold nine.
        let_go_of(&server, idle + READERS / 3, Duration::from_secs(30)).await?;
        ensure!(sockets(&server)? > idle, "all are cut off");
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        // All forty would hold 72 MB; memory that was freed a moment ago may not be the system's again yet.
        ensure!(grown < 56 << 20, "{} KiB are held", grown >> 10);
        drop(readers);
        let_go_of(&server, idle + 2, Duration::from_secs(30)).await?;
        // What they held returns to the system.
        let start = Instant::now();
        while anonymous_bytes(server.id()?)? > before + (8 << 20) {
            let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
            ensure!(start.elapsed() < RETURNED_WITHIN, "{} KiB are held afterwards", grown >> 10);
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await
}

const READERS: usize = 40;
const RETURNED_WITHIN: Duration = Duration::from_secs(10);
